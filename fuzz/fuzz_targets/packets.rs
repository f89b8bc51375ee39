//! Packets from a hostile peer into a namespace with sockets of every kind open.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    testkit::fuzz::packets::run(data);
});
