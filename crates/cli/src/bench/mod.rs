//! `sockeye bench`: the workloads by which the stack is measured, in this process.
//!
//! One line a result; `--json` prints objects with `workload`, `peer`, `params`, `value` and `unit`,
//! so that other stacks' results can stand beside. Every byte counted has arrived and was checked.

mod data;
mod memory;
mod one_thread;
mod scale;
mod two_threads;
mod world;

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// `sockeye bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure; all of them when not given.
    #[arg(value_enum)]
    workload: Option<Workload>,
    /// Parameters, as `proto=udp`, `n=10000`, `size=64`, `mtu=1500`, `cpus=same` or `cpus=split`.
    #[arg(value_name = "KEY=VALUE", value_parser = parse_param)]
    params: Vec<(String, String)>,
    /// Seconds that a measurement runs.
    #[arg(long, default_value_t = default_seconds())]
    seconds: f64,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Workload {
    /// Open a socket and close it (proto=tcp|udp).
    SocketCreate,
    /// Open n sockets, then close them (proto=tcp|udp, n).
    SocketBulk,
    /// A byte there and one back, one thread.
    UdpRr,
    /// The same between two threads that block (cpus=same|split).
    #[value(name = "udp_rr_2t")]
    UdpRr2t,
    /// Datagrams of size bytes, 32 sent, then 32 received.
    UdpStream,
    /// A byte there and one back on a connection, one thread.
    TcpRr,
    /// The same between two threads that block (cpus=same|split).
    #[value(name = "tcp_rr_2t")]
    TcpRr2t,
    /// Writes of 64 KiB, each read before the next, one thread.
    TcpStream,
    /// The same between two threads that block (cpus=same|split).
    #[value(name = "tcp_stream_2t")]
    TcpStream2t,
    /// Connect, accept, a byte each way, close both ends.
    TcpCrr,
    /// Bytes for each of n idle connections, and tcp_rr among them.
    Scale,
}

fn parse_param(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not KEY=VALUE")?;
    const KNOWN: [&str; 5] = ["proto", "n", "size", "mtu", "cpus"];
    if !KNOWN.contains(&key) {
        return Err(format!("no such parameter; known are {}", KNOWN.join(", ")));
    }
    Ok((key.to_owned(), value.to_owned()))
}

fn default_seconds() -> f64 {
    std::env::var("PEERBENCH_SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.5)
}

/// The parameters of one measurement, and where its results go.
pub(crate) struct Run<'a> {
    params: &'a [(String, String)],
    time: Duration,
    json: bool,
}

impl Run<'_> {
    fn get<'s>(&'s self, key: &str, default: &'s str) -> &'s str {
        self.params.iter().find(|(k, _)| k == key).map_or(default, |(_, value)| value)
    }

    fn number(&self, key: &str, default: usize) -> Result<usize, String> {
        let text = self.get(key, "");
        if text.is_empty() {
            Ok(default)
        } else {
            text.parse().map_err(|_| format!("{key}={text} is no number"))
        }
    }

    fn is_tcp(&self) -> Result<bool, String> {
        match self.get("proto", "tcp") {
            "tcp" => Ok(true),
            "udp" => Ok(false),
            other => Err(format!("proto={other}: tcp or udp")),
        }
    }

    /// The CPU of the second thread; the first runs on CPU 1 where there is one.
    fn partner_cpu(&self) -> Result<usize, String> {
        match self.get("cpus", "split") {
            "same" => Ok(1),
            "split" => Ok(0),
            other => Err(format!("cpus={other}: same or split")),
        }
    }

    fn report(&self, workload: &str, value: f64, unit: &str) {
        if self.json {
            let params: Map<String, Value> = self.params.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            let value = (value * 10.0).round() / 10.0;
            println!(
                "{}",
                json!({"workload": workload, "peer": "sockeye", "params": params, "value": value, "unit": unit})
            );
        } else {
            let params: Vec<String> = self.params.iter().map(|(k, v)| format!("{k}={v}")).collect();
            println!("{workload:<14} {:<14} {:>10} {unit}", params.join(" "), short(value));
        }
    }

    /// Repeats `batch`, which says how much it did, for the run's time after a warm-up of a fifth of
    /// it; how much was done in a second.
    fn rate(&self, mut batch: impl FnMut() -> Result<u64, uapi::Errno>) -> Result<f64, String> {
        let mut run_for = |time: Duration| {
            let start = Instant::now();
            let mut done = 0;
            loop {
                done += batch()?;
                let spent = start.elapsed();
                if spent >= time {
                    return Ok(done as f64 / spent.as_secs_f64());
                }
            }
        };
        let failed = |errno: uapi::Errno| format!("{errno:?}: {errno}");
        run_for(self.time / 5).map_err(failed)?;
        run_for(self.time).map_err(failed)
    }
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.1} G", v / 1e9),
        v if v >= 1e6 => format!("{:.1} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v => format!("{v:.1}"),
    }
}

/// Pins the calling thread, if there is such a CPU.
fn pin(cpu: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    // On a machine with one CPU everything runs there anyway.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

/// Every workload with the parameters it is usually measured with.
const ALL: &[(Workload, &[(&str, &str)])] = &[
    (Workload::SocketCreate, &[("proto", "tcp")]),
    (Workload::SocketCreate, &[("proto", "udp")]),
    (Workload::SocketBulk, &[("proto", "tcp"), ("n", "10000")]),
    (Workload::SocketBulk, &[("proto", "udp"), ("n", "10000")]),
    (Workload::UdpRr, &[]),
    (Workload::UdpRr2t, &[("cpus", "same")]),
    (Workload::UdpRr2t, &[("cpus", "split")]),
    (Workload::UdpStream, &[("size", "64")]),
    (Workload::UdpStream, &[("size", "1472")]),
    (Workload::TcpRr, &[]),
    (Workload::TcpRr2t, &[("cpus", "same")]),
    (Workload::TcpRr2t, &[("cpus", "split")]),
    (Workload::TcpStream, &[]),
    (Workload::TcpStream, &[("mtu", "1500")]),
    (Workload::TcpStream2t, &[("cpus", "same")]),
    (Workload::TcpStream2t, &[("cpus", "split")]),
    (Workload::TcpCrr, &[]),
    (Workload::Scale, &[("n", "10")]),
    (Workload::Scale, &[("n", "1000")]),
    (Workload::Scale, &[("n", "50000")]),
];

/// Runs the command.
pub(crate) fn main(args: &Args) -> ExitCode {
    pin(1);
    let time = Duration::from_secs_f64(args.seconds.clamp(0.001, 3600.0));
    let plan: Vec<(Workload, Vec<(String, String)>)> = match args.workload {
        Some(workload) => vec![(workload, args.params.clone())],
        None => {
            let owned =
                |p: &[(&str, &str)]| p.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            ALL.iter().map(|(workload, params)| (*workload, owned(params))).collect()
        }
    };
    let mut failed = false;
    for (workload, params) in &plan {
        let run = Run { params, time, json: args.json };
        if let Err(error) = measure(*workload, &run) {
            eprintln!(
                "sockeye bench: {}: {error}",
                workload.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
            );
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure(workload: Workload, run: &Run<'_>) -> Result<(), String> {
    match workload {
        Workload::SocketCreate => one_thread::socket_create(run),
        Workload::SocketBulk => one_thread::socket_bulk(run),
        Workload::UdpRr => one_thread::udp_rr(run),
        Workload::UdpStream => one_thread::udp_stream(run),
        Workload::TcpRr => one_thread::tcp_rr(run),
        Workload::TcpStream => one_thread::tcp_stream(run),
        Workload::TcpCrr => one_thread::tcp_crr(run),
        Workload::UdpRr2t => two_threads::udp_rr(run),
        Workload::TcpRr2t => two_threads::tcp_rr(run),
        Workload::TcpStream2t => two_threads::tcp_stream(run),
        Workload::Scale => scale::scale(run),
    }
}
