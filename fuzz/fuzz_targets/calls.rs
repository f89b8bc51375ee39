//! Sequences of system calls with hostile arguments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    testkit::fuzz::calls::run(data);
});
