//! `sockeye run`: an unmodified program, and everything it starts, on Sockeye's sockets.

use ::run::stack::sockeye::Sockeye;
use ::run::{End, Options};
use std::ffi::OsString;
use std::process::ExitCode;

/// Our own failure, as `env(1)` and `timeout(1)` say it.
pub(crate) const FAILED: u8 = 125;

/// Options of `sockeye run`. They end at PROGRAM.
#[derive(Debug, clap::Args)]
#[command(after_help = "The exit status is the program's; a death by signal is died again. \
125: Sockeye failed; 126: the program cannot be executed; 127: it was not found.")]
pub(crate) struct Args {
    /// Stop serving when PROGRAM ends, even if others that it started still run.
    #[arg(long)]
    exit_with_child: bool,

    /// Set a sysctl of the namespace before the program starts, as net.ipv4.tcp_sack=0.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// The program and its arguments; $SHELL if none is given.
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn fail(what: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("sockeye: {what}");
    ExitCode::from(FAILED)
}

/// Run it, and end as it ended.
pub(crate) fn main(args: Args) -> ExitCode {
    let net = match sockeye::Net::builder().manual_timers().build() {
        Ok(net) => net,
        Err(e) => return fail(&e),
    };
    for (name, value) in &args.set {
        if let Err(e) = net.set_sysctl(name, value) {
            return fail(&format_args!("--set {name}={value}: {e}"));
        }
    }
    let mut words = args.program.into_iter();
    let shell = || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let program = words.next().unwrap_or_else(shell);
    let options = Options { program, args: words.collect(), exit_with_child: args.exit_with_child };
    match ::run::run(&mut Sockeye::new(net), &options) {
        Ok(End::Exited(status)) => ExitCode::from(u8::try_from(status).unwrap_or(FAILED)),
        Ok(End::Signaled(signal)) => ::run::die_of(signal),
        Err(e) => {
            eprintln!("sockeye: {e}");
            ExitCode::from(u8::try_from(e.status()).unwrap_or(FAILED))
        }
    }
}
