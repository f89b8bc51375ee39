//! The examples, run as users would run them.

#[path = "../examples/echo.rs"]
#[allow(dead_code)]
mod echo;
#[path = "../examples/virtual_time.rs"]
#[allow(dead_code)]
mod virtual_time;

#[test]
fn echo_echoes() {
    echo::main().unwrap();
}

#[test]
fn virtual_time_repeats() {
    virtual_time::main().unwrap();
}
