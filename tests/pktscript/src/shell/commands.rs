//! The commands, by name.

use super::{Command, Output, Shell};
use crate::run::Run;
use crate::settings::IpVersion;
use crate::tun::NAME;
use sockeye::ip::IpNet;
use sockeye::ip::fib::{Mode, Route};
use sockeye::stack::mib::{Ip, Ip6, IpExt, Tcp, TcpExt};
use sockeye::uapi::Errno;
use std::fmt::Write as _;
use std::net::IpAddr;
use tcp::TcpNet;

type Ran = Result<Output, String>;

impl Shell {
    pub(super) fn command(&mut self, run: &mut Run, command: &Command, input: &str) -> Ran {
        let unknown = || format!("command {}", command.words.join(" "));
        let Some((path, args)) = command.words.split_first() else { return Err("an empty command".into()) };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut output = match (name, &args[..]) {
            ("true", []) => Output::status(0),
            ("sysctl", _) => sysctl(run, &args, self.depth > 1 || self.may_fail)?,
            ("set_sysctls.py", _) => {
                for arg in &args {
                    let (key, value) = arg.split_once('=').ok_or_else(unknown)?;
                    set_sysctl(run, key.strip_prefix("/proc/sys/").ok_or_else(unknown)?, value)?;
                }
                Output::status(0)
            }
            // The namespace ends with the script: nothing is to be restored.
            ("sysctl_restore_PPID.sh", []) => Output::status(0),
            ("ip", _) => ip(run, &args)?,
            ("tc", ["qdisc", rest @ ..]) => qdisc(run, rest).ok_or_else(unknown)?,
            // Large segments are cut before they are looked at.
            ("ethtool", ["-K", NAME, features @ ..]) if tso_off(features) => Output::status(0),
            ("nstat", flags) => self.nstat(run, flags)?,
            ("grep", _) => grep(run, &args, input)?,
            ("echo", _) => {
                let text = args.join(" ");
                if let Some(path) = &command.to {
                    write_file(run, path, &text)?;
                    return Ok(Output::status(0));
                }
                Output { text: text + "\n", status: 0 }
            }
            ("rm", ["-f", paths @ ..]) => {
                for path in paths {
                    run.files.remove(*path);
                }
                Output::status(0)
            }
            ("dd", _) => dd(run, &args).ok_or_else(unknown)?,
            (name, []) if name.ends_with(".sh") => self.script(run, path)?,
            _ => return Err(unknown()),
        };
        if command.to.is_some() {
            output.text.clear();
        }
        Ok(output)
    }

    /// `nstat`: counters that moved since it was last asked, by name. `-n` only takes note, `-s` takes
    /// none, `-a` shows all that ever moved, `-z` those that did not too.
    fn nstat(&mut self, run: &Run, flags: &[&str]) -> Ran {
        if flags.iter().any(|flag| !matches!(*flag, "-n" | "-s" | "-a" | "-z" | "-az" | "-saz")) {
            return Err(format!("command nstat {}", flags.join(" ")));
        }
        let has = |letter: char| flags.iter().any(|flag| flag.contains(letter));
        let mut text = String::new();
        for (name, value) in counters(run) {
            let before = if has('a') { 0 } else { self.counters.get(&name).copied().unwrap_or(0) };
            let moved = value.wrapping_sub(before);
            if !has('s') {
                self.counters.insert(name.clone(), value);
            }
            if !has('n') && (moved != 0 || has('z')) {
                let _ = writeln!(text, "{name:<31} {moved:<18} 0.0");
            }
        }
        Ok(Output { text, status: 0 })
    }
}

/// All counters under the names that `nstat` gives them.
fn counters(run: &Run) -> Vec<(String, u64)> {
    let values = run.net.stack().mib.snapshot();
    // The groups stand in the order of the snapshot.
    let groups: [(&str, &[&str]); 4] = [
        ("Ip", Ip::NAMES),
        ("IpExt", IpExt::NAMES),
        ("Icmp", sockeye::stack::mib::Icmp::NAMES),
        ("Tcp", Tcp::NAMES),
    ];
    let mut out = Vec::new();
    let mut at = 0;
    for (prefix, names) in groups.into_iter().chain([("TcpExt", TcpExt::NAMES)]) {
        for name in names {
            out.push((format!("{prefix}{name}"), values.get(at).copied().unwrap_or(0)));
            at += 1;
        }
    }
    let v6 = run.net.stack().mib.sums(Ip6::InReceives.into(), Ip6::NAMES.len());
    out.extend(Ip6::NAMES.iter().zip(v6).map(|(name, value)| (format!("Ip6{name}"), value)));
    out
}

fn set_sysctl(run: &Run, key: &str, value: &str) -> Result<(), String> {
    match run.net.set_sysctl(key, value) {
        Ok(()) => Ok(()),
        Err(errno) => Err(format!("sysctl {key}={value}: {}", errno.name())),
    }
}

/// `sysctl`. One that is not there fails the command, as on a kernel without it. A script that sets it
/// itself is about it, so it is unsupported; a file of defaults goes on.
fn sysctl(run: &Run, args: &[&str], defaults: bool) -> Ran {
    let ignore = args.contains(&"-e");
    let mut status = 0;
    for arg in args {
        if matches!(*arg, "-q" | "-e" | "-w") {
            continue;
        }
        let Some((key, value)) = arg.split_once('=') else { return Err(format!("command sysctl {arg}")) };
        match set_sysctl(run, key, value) {
            Ok(()) => {}
            Err(_) if (ignore || defaults) && run.net.sysctl(key) == Err(Errno::ENOENT) => {
                status = if ignore { 0 } else { 255 };
            }
            Err(what) => return Err(what),
        }
    }
    Ok(Output::status(status))
}

fn write_file(run: &mut Run, path: &str, text: &str) -> Result<(), String> {
    if path == "/dev/null" {
        return Ok(());
    }
    if let Some(parameter) = path.strip_prefix("/sys/module/") {
        let set = run.net.set_module_param(parameter, text);
        return set.map_err(|errno| format!("file {path}: {}", errno.name()));
    }
    match path.strip_prefix("/proc/sys/") {
        Some(key) => set_sysctl(run, key, text),
        None => Err(format!("file {path}")),
    }
}

fn tso_off(features: &[&str]) -> bool {
    features.len().is_multiple_of(2)
        && features.chunks(2).all(|pair| matches!(pair[0], "tso" | "gso" | "gro") && pair[1] == "off")
}

/// Queueing disciplines: packets leave at once, as with an empty `pfifo`.
fn qdisc(run: &Run, args: &[&str]) -> Option<Output> {
    match args {
        ["add" | "replace", "dev", NAME, "root", "pfifo"] | ["del" | "delete", "dev", NAME, "root"] => {
            run.tun.dev().set_queue_limit(u32::MAX);
            run.tun.dev().set_pacing(false);
            Some(Output::status(0))
        }
        ["add" | "replace", "dev", NAME, "root", "pfifo", "limit", packets] => {
            run.tun.dev().set_queue_limit(packets.parse().ok()?);
            Some(Output::status(0))
        }
        ["add" | "replace", "dev", NAME, "root", "fq"] => {
            run.tun.dev().set_pacing(true);
            Some(Output::status(0))
        }
        _ => None,
    }
}

fn ip(run: &Run, args: &[&str]) -> Ran {
    let unknown = || format!("command ip {}", args.join(" "));
    let args = args.strip_prefix(&["-6"]).or(args.strip_prefix(&["-4"])).unwrap_or(args);
    match args {
        ["tcp_metrics", "flush", rest @ ..] => {
            let daddr = match rest {
                [] | ["all"] => None,
                [addr] => Some(addr.parse::<IpAddr>().map_err(|_| unknown())?.into()),
                _ => return Err(unknown()),
            };
            run.net.stack().generic::<TcpNet>().metrics.flush(daddr);
            Ok(Output::status(0))
        }
        ["route", "add", rest @ ..] => route(run, rest, Mode::Exclusive).ok_or_else(unknown),
        ["route", "change", rest @ ..] => route(run, rest, Mode::Change).ok_or_else(unknown),
        ["route", "replace", rest @ ..] => route(run, rest, Mode::Replace).ok_or_else(unknown),
        ["link", "set", "dev", NAME, "mtu", mtu] | ["link", "set", NAME, "mtu", mtu] => {
            let mtu = mtu.parse().map_err(|_| unknown())?;
            run.tun.dev().set_mtu(run.net.stack(), mtu);
            Ok(Output::status(0))
        }
        _ => Err(unknown()),
    }
}

fn route(run: &Run, args: &[&str], mode: Mode) -> Option<Output> {
    let (to, mut rest) = args.split_first()?;
    let (addr, len) = to.split_once('/').map_or((*to, None), |(addr, len)| (addr, Some(len)));
    let addr: IpAddr = addr.parse().ok()?;
    let len = match len {
        Some(len) => len.parse().ok()?,
        None if addr.is_ipv4() => 32,
        None => 128,
    };
    let mut route = Route::new(addr.into(), len, run.tun.dev().clone());
    while let Some((word, more)) = rest.split_first() {
        let (mut value, mut after) = more.split_first()?;
        if *word == "mtu" && *value == "lock" {
            route.metrics.mtu_locked = true;
            (value, after) = after.split_first()?;
        }
        let metrics = &mut route.metrics;
        let number = || value.trim_end_matches("ms").parse::<u32>().ok();
        match *word {
            "dev" if *value == NAME => {}
            // On a device without neighbours the next hop changes nothing.
            "via" => drop(value.parse::<IpAddr>().ok()?),
            "mtu" => metrics.mtu = number()?,
            "advmss" => metrics.advmss = number()?,
            "initcwnd" => metrics.initcwnd = number()?,
            "initrwnd" => metrics.initrwnd = number()?,
            "window" => metrics.window = number()?,
            "cwnd" => metrics.cwnd = number()?,
            "ssthresh" => metrics.ssthresh = number()?,
            "rto_min" => metrics.rto_min = number()?,
            "quickack" => metrics.quickack = number()?,
            "reordering" => metrics.reordering = number()?,
            "features" if *value == "ecn" => metrics.features |= 1,
            "fastopen_no_cookie" => metrics.fastopen_no_cookie = number()?,
            _ => return None,
        }
        rest = after;
    }
    let done = IpNet::of(run.net.stack()).fib.add(run.net.stack(), route, mode);
    Some(Output::status(if done.is_ok() { 0 } else { 2 }))
}

/// `dd` from zeros to a file.
fn dd(run: &mut Run, args: &[&str]) -> Option<Output> {
    let get = |name: &str| args.iter().find_map(|arg| arg.strip_prefix(name));
    if get("if=")? != "/dev/zero" {
        return None;
    }
    let number = |text: &str| match text.strip_suffix('K').or(text.strip_suffix('k')) {
        Some(text) => text.parse::<i64>().ok().map(|n| n * 1024),
        None => text.parse().ok(),
    };
    let size = number(get("bs=").unwrap_or("512"))? * number(get("count=")?)?;
    run.files.insert(get("of=")?.to_owned(), size);
    Some(Output::status(0))
}

/// `grep [-q] [-v] TEXT [FILE…]`; the texts of the suites are no patterns.
fn grep(run: &Run, args: &[&str], input: &str) -> Ran {
    let mut rest: Vec<&str> = args.to_vec();
    rest.retain(|arg| !matches!(*arg, "-q" | "-v"));
    let (quiet, invert) = (args.contains(&"-q"), args.contains(&"-v"));
    let Some((text, files)) = rest.split_first() else { return Err("command grep".into()) };
    if text.starts_with('-') || text.contains(['*', '[', '^', '$', '\\']) {
        return Err(format!("command grep {text}"));
    }
    let mut all = if files.is_empty() { input.to_owned() } else { String::new() };
    for file in files {
        all.push_str(&proc_file(run, file)?);
    }
    let lines: Vec<&str> = all.lines().filter(|line| line.contains(text) != invert).collect();
    let status = i32::from(lines.is_empty());
    let text = if quiet { String::new() } else { lines.iter().map(|line| format!("{line}\n")).collect() };
    Ok(Output { text, status })
}

/// What scripts look for in a file under `/proc/net`: listeners, `address:port remote state`, in the
/// kernel's hexadecimal.
fn proc_file(run: &Run, path: &str) -> Result<String, String> {
    let v6 = match path {
        "/proc/net/tcp" => false,
        "/proc/net/tcp6" => true,
        _ => return Err(format!("file {path}")),
    };
    let mut text = String::new();
    for port in run.listening() {
        if v6 == (run.settings.ip != IpVersion::V4) {
            let _ = writeln!(text, "   0: 0:{port:04X} 0:0000 0A 0");
        }
    }
    Ok(text)
}
