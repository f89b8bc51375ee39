//! The examples, run as users would run them.

#[path = "../examples/congestion_control.rs"]
#[allow(dead_code)]
mod congestion_control;
#[path = "../examples/echo.rs"]
#[allow(dead_code)]
mod echo;
#[path = "../examples/virtual_time.rs"]
#[allow(dead_code)]
mod virtual_time;

#[test]
fn a_congestion_control_from_outside_is_chosen_by_name() {
    congestion_control::main().unwrap();
}

#[test]
fn echo_echoes() {
    echo::main().unwrap();
}

#[test]
fn virtual_time_repeats() {
    virtual_time::main().unwrap();
}
