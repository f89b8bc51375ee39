//! `sockeye trace`: a program's socket calls as strace would print them, and under each what happened
//! inside, room by room.

mod args;
mod value;

use crate::run::{self, FAILED, options, prepare};
use ::run::stack::sockeye::Sockeye;
use ::run::{Answer, Observer, Seen, run_observed};
use sockeye::trace::{Style, Told, Trace, failed};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `sockeye trace`. They end at PROGRAM.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What happens in no call (timers, a closed socket's last packets, sendfile) is printed between \
calls. The exit status is as that of `sockeye run`."
)]
pub(crate) struct Args {
    /// One JSON object a line, for machines.
    #[arg(long)]
    json: bool,

    /// Print to a file instead of the standard error.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Stop serving when PROGRAM ends, even if others that it started still run.
    #[arg(long)]
    exit_with_child: bool,

    /// Set a sysctl of the namespace before the program starts, as net.ipv4.tcp_sack=0.
    #[arg(long, value_name = "NAME=VALUE", value_parser = run::setting)]
    set: Vec<(String, String)>,

    /// The program and its arguments; $SHELL if none is given.
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

/// Prints what it sees.
struct Printer {
    trace: Trace,
    style: Style,
    out: Box<dyn Write>,
    before: Vec<sockeye::trace::Record>,
}

impl Printer {
    fn print(&mut self, told: &Told) {
        // Whoever reads may have gone; the program goes on.
        let _ = self.out.write_all(told.to_string(self.style).as_bytes());
        let _ = self.out.flush();
    }
}

impl Observer for Printer {
    fn begin(&mut self) {
        self.before.extend(self.trace.take());
    }

    fn end(&mut self, call: &Seen<'_>) {
        let inside = self.trace.take();
        let result = match call.answer {
            Answer::Returned(value) => value.to_string(),
            Answer::Failed(errno) => failed(errno),
            // Woken for nothing.
            Answer::Waits if call.resumed => return self.before.extend(inside),
            Answer::Foreign => return self.before.extend(inside),
            // Its result is seen by the program alone, or comes later.
            Answer::Native | Answer::Waits => "?".to_owned(),
        };
        let before = std::mem::take(&mut self.before);
        let line = Some(format!("[pid {}] {}", call.tid, args::line(call)));
        self.print(&Told { before, line, result: Some(result), inside });
    }
}

/// Run the program, and end as it ended.
pub(crate) fn main(args: Args) -> ExitCode {
    let out: Box<dyn Write> = match &args.output {
        None => Box::new(io::stderr()),
        Some(path) => match File::create(path) {
            Ok(file) => Box::new(io::BufWriter::new(file)),
            Err(e) => {
                eprintln!("sockeye: {}: {e}", path.display());
                return ExitCode::from(FAILED);
            }
        },
    };
    let net = match prepare(&args.set) {
        Ok(net) => net,
        Err(status) => return status,
    };
    let style = if args.json { Style::Json } else { Style::Text };
    let mut printer = Printer { trace: Trace::attach(&net), style, out, before: Vec::new() };
    let options = options(args.program, args.exit_with_child);
    let end = run_observed(&mut Sockeye::new(net), &options, Some(&mut printer));
    let before = printer.trace.take();
    printer.print(&Told { before, ..Told::default() });
    // A death by signal is died again: nothing is printed after.
    drop(printer);
    run::status(end)
}
