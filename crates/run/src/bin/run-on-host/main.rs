//! Runs a program under the runner on the host kernel's sockets: whatever differs from running it directly is the runner's.

mod host;

use sockeye_run::{End, Options};

fn main() {
    let mut args = std::env::args_os().skip(1);
    let Some(program) = args.next() else {
        eprintln!("usage: run-on-host PROGRAM [ARGS...]");
        std::process::exit(125);
    };
    let mut stack = match host::HostStack::new() {
        Ok(stack) => stack,
        Err(e) => {
            eprintln!("run-on-host: {e}");
            std::process::exit(125);
        }
    };
    let options = Options { program, args: args.collect(), ..Options::default() };
    std::process::exit(match sockeye_run::run(&mut stack, &options) {
        Ok(End::Exited(status)) => status,
        Ok(End::Signaled(signal)) => 128 + signal,
        Err(e) => {
            eprintln!("run-on-host: {e}");
            e.status()
        }
    });
}
