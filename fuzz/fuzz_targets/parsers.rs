//! Bytes into every parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    testkit::fuzz::parsers::run(data);
});
