//! `sockeye trace` as its users see it: calls as strace prints them, and what happened inside.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/calls.py")
}

fn trace(options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.stdin(Stdio::null()).arg("trace").args(options).args(["--", "python3"]).arg(program());
    command.output().expect("sockeye starts")
}

/// The calls on the stack's sockets, without what differs between two runs: who calls, ephemeral ports, pointers, and
/// the length that strace shows as it was before the call. AF_UNIX sockets are the host's in a run (libc's own, to ask a
/// name service, come and go with the environment) and count as any other file.
fn calls(text: &str, traced: impl Fn(&str) -> Option<&str>) -> Vec<String> {
    let transfers = ["read(", "write(", "readv(", "writev(", "close("];
    let mut fds = Vec::new();
    let mut calls = Vec::new();
    let mut hosts = Vec::new();
    for line in text.lines().filter_map(traced) {
        let Some((call, result)) = line.rsplit_once(" = ") else { continue };
        let call = call.trim_end();
        let fd = call.split_once('(').and_then(|(_, args)| args.split([',', ')']).next()).unwrap_or("");
        if call.starts_with("socket(AF_UNIX") {
            hosts.push(result.to_owned());
            continue;
        }
        if hosts.iter().any(|known| known == fd) {
            hosts.retain(|known| known != fd || !call.starts_with("close("));
            continue;
        }
        if call.starts_with("socket(") || call.starts_with("accept4(") {
            fds.push(result.to_owned());
        } else if transfers.iter().any(|name| call.starts_with(name)) && !fds.iter().any(|known| known == fd)
        {
            continue;
        }
        if call.starts_with("close(") {
            fds.retain(|known| known != fd);
        }
        calls.push(masked(&format!("{call} = {result}")));
    }
    calls
}

/// Ports from here on are chance's (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: u16 = 32768;

fn masked(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("0x") {
        out += &rest[..at];
        out += "POINTER";
        rest = rest[at + 2..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    out += rest;
    let ports = out.split("htons(").enumerate().map(|(i, part)| match part.split_once(')') {
        Some((port, rest)) if i > 0 && port.parse().is_ok_and(|port: u16| port >= EPHEMERAL) => {
            format!("PORT){rest}")
        }
        _ => part.to_owned(),
    });
    let out = ports.collect::<Vec<_>>().join("htons(");
    let parts = out.split(' ').collect::<Vec<_>>();
    let mut kept: Vec<String> = Vec::new();
    let mut i = 0;
    while i < parts.len() {
        if parts.get(i + 1) == Some(&"=>") {
            let open = if parts[i].starts_with('[') { "[" } else { "" };
            let name = parts[i].split_once('=').map_or(String::new(), |(name, _)| format!("{name}="));
            kept.push(format!("{open}{name}{}", parts[i + 2]));
            i += 3;
        } else {
            kept.push(parts[i].to_owned());
            i += 1;
        }
    }
    let line = kept.join(" ");
    // Of a call that failed, strace shows a length where it still is what it was.
    if line.contains(" = -1 ") && line.starts_with("getpeername(") {
        "getpeername fails".to_owned()
    } else {
        line
    }
}

// chapter: A6
#[test]
fn calls_as_strace_prints_them() {
    let dir = std::env::temp_dir().join(format!("sockeye-trace-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let file = dir.join("host");
    let script = format!(
        "ip link set lo up && exec strace -f -o {} -e trace=%net,read,write,readv,writev,close python3 {}",
        file.display(),
        program().display()
    );
    let host = Command::new("unshare").args(["-n", "sh", "-c", &script]).stdin(Stdio::null()).output();
    let native = match host {
        Ok(out) if out.status.success() => std::fs::read_to_string(&file).expect("strace wrote"),
        _ => return eprintln!("not compared: no strace, or no right to trace or to make a namespace"),
    };
    let ours = trace(&["-o", file.to_str().expect("a path")]);
    assert!(ours.status.success(), "{ours:?}");
    let ours = std::fs::read_to_string(&file).expect("the trace is written");
    std::fs::remove_dir_all(&dir).expect("the directory is there");
    // Whoever wraps python3 in shell scripts has several processes: the program itself has one thread, and nobody resumes.
    let native = calls(&native, |line| {
        line.split_once(' ').map(|(_, call)| call.trim_start()).filter(|call| !call.starts_with('<'))
    });
    let ours = calls(&ours, |line| line.strip_prefix("[pid ")?.split_once("] ").map(|(_, call)| call));
    assert!(native.len() > 25, "{native:#?}");
    assert_alike(&ours, &native);
}

fn assert_alike(ours: &[String], native: &[String]) {
    let both: Vec<_> = (0..ours.len().max(native.len())).map(|i| (ours.get(i), native.get(i))).collect();
    let differ: Vec<_> = both.iter().filter(|(a, b)| a != b).collect();
    assert!(differ.is_empty(), "ours, then the host's:\n{differ:#?}");
}

// chapter: A1 A2 B3 B4 B5
#[test]
fn what_happened_inside_stands_below_the_call() {
    let out = trace(&[]);
    assert!(out.status.success());
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    let below = |call: &str| -> String {
        let at = text.find(call).unwrap_or_else(|| panic!("no {call} in\n{text}"));
        let lines = text[at..].lines().skip(1).take_while(|line| line.starts_with("    "));
        lines.map(|line| format!("{}\n", line.trim())).collect()
    };
    // The order of creation: Socket and inode, family, protocol switch, Sock.
    let made = below("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3");
    let steps = ["sockfs inode 1", "net_families[AF_INET]", "inetsw: SOCK_STREAM, IPPROTO_TCP", "slab TCP"];
    let found: Vec<_> = steps.iter().map(|step| made.find(step).expect(step)).collect();
    assert!(found.is_sorted(), "{made}");
    let connect = below("connect(4, ");
    for step in [
        "TCP_CLOSE → TCP_SYN_SENT",
        "SS_UNCONNECTED → SS_CONNECTING",
        "SS_CONNECTING → SS_CONNECTED",
        "lo out: IP 127.0.0.1.",
        "lo in: IP 127.0.0.1.4321 > ",
        "Flags [S.]",
    ] {
        assert!(connect.contains(step), "{step} is not in\n{connect}");
    }
    for (call, proto) in [
        ("sendto(4, \"hi\\n\"", "tcp_sendmsg"),
        ("sendmsg(5, ", "tcp_sendmsg"),
        ("write(4, ", "tcp_sendmsg"),
        ("writev(5, ", "tcp_sendmsg"),
        ("sendto(3, \"q", "udp_sendmsg"),
    ] {
        assert!(below(call).contains(proto), "{call}");
    }
    assert!(
        below("socket(AF_INET, SOCK_SEQPACKET|SOCK_CLOEXEC, IPPROTO_IP) = -1 ESOCKTNOSUPPORT")
            .contains("net_families")
    );
}

#[test]
fn json_is_one_object_a_line() {
    let out = trace(&["--json"]);
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(text.lines().count() > 50, "{text}");
    let reader = "import json, sys\nfor line in sys.stdin:\n    o = json.loads(line)\n    assert 'call' in o or 'event' in o, o";
    let mut python = Command::new("python3")
        .args(["-c", reader])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    std::io::Write::write_all(&mut python.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
    let out = python.wait_with_output().expect("it ends");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn the_status_is_the_programs() {
    let status = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.stdin(Stdio::null()).arg("trace").args(words).output().expect("sockeye starts").status.code()
    };
    assert_eq!(status(&["sh", "-c", "exit 3"]), Some(3));
    assert_eq!(status(&["no such program"]), Some(127));
    assert_eq!(status(&["-o", "/no/such/directory/file", "true"]), Some(125));
    assert_eq!(status(&["--no-such-option"]), Some(125));
}
