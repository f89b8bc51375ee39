//! `sockeye run`: an unmodified program, and everything it starts, on Sockeye's sockets.

use ::run::stack::sockeye::Sockeye;
use ::run::{End, Options};
use sockeye::dev::pcapng::Capture;
use std::ffi::OsString;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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

    /// Leave the programs the host's /proc/net and /proc/sys/net; their opens are not looked at then.
    #[arg(long)]
    host_proc: bool,

    /// Set a sysctl of the namespace before the program starts, as net.ipv4.tcp_sack=0.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// Write every packet to FILE, as pcapng.
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,

    /// The program and its arguments; $SHELL if none is given.
    #[arg(trailing_var_arg = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub(crate) fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn fail(what: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("sockeye: {what}");
    ExitCode::from(FAILED)
}

/// The packets of a namespace on their way to a file.
struct Recording {
    net: sockeye::Net,
    capture: Arc<Capture<BufWriter<File>>>,
}

impl Recording {
    fn begin(net: &sockeye::Net, file: &Path) -> std::io::Result<Self> {
        let capture = Arc::new(Capture::new(BufWriter::new(File::create(file)?)));
        net.stack().add_tap(capture.clone());
        Ok(Self { net: net.clone(), capture })
    }

    fn end(self) -> std::io::Result<()> {
        let tap: Arc<dyn sockeye::stack::dev::Tap> = self.capture.clone();
        self.net.stack().remove_tap(&tap);
        drop(tap);
        // Nobody else holds it: the namespace has no other thread.
        Arc::try_unwrap(self.capture).map_or(Ok(()), |capture| capture.finish().map(drop))
    }
}

/// Run it, and end as it ended.
pub(crate) fn main(args: Args) -> ExitCode {
    let net = match prepare(&args.set) {
        Ok(net) => net,
        Err(status) => return status,
    };
    let recording = match args.pcap.as_deref().map(|file| Recording::begin(&net, file)).transpose() {
        Ok(recording) => recording,
        Err(e) => return fail(&format_args!("--pcap: {e}")),
    };
    let end = ::run::run(
        &mut Sockeye::new(net),
        &Options { host_proc: args.host_proc, ..options(args.program, args.exit_with_child) },
    );
    if let Some(Err(e)) = recording.map(Recording::end) {
        eprintln!("sockeye: --pcap: {e}");
    }
    status(end)
}

/// A namespace with these settings.
pub(crate) fn prepare(set: &[(String, String)]) -> Result<sockeye::Net, ExitCode> {
    let net = sockeye::Net::builder().manual_timers().build().map_err(|e| fail(&e))?;
    for (name, value) in set {
        net.set_sysctl(name, value).map_err(|e| fail(&format_args!("--set {name}={value}: {e}")))?;
    }
    Ok(net)
}

/// The program and its arguments, or a shell.
pub(crate) fn options(program: Vec<OsString>, exit_with_child: bool) -> Options {
    let mut words = program.into_iter();
    let shell = || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
    let program = words.next().unwrap_or_else(shell);
    Options { program, args: words.collect(), exit_with_child, ..Options::default() }
}

/// The status that the program's end stands for; its death by signal is died again.
pub(crate) fn status(end: Result<End, ::run::Error>) -> ExitCode {
    match end {
        Ok(End::Exited(status)) => ExitCode::from(u8::try_from(status).unwrap_or(FAILED)),
        Ok(End::Signaled(signal)) => ::run::die_of(signal),
        Err(e) => {
            eprintln!("sockeye: {e}");
            ExitCode::from(u8::try_from(e.status()).unwrap_or(FAILED))
        }
    }
}
