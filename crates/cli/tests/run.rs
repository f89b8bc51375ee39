//! `sockeye run` as its users see it: statuses, signals, options, and a socket that is not the host's.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn sockeye() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.stdin(Stdio::null()).arg("run");
    command
}

fn output(words: &[&str]) -> Output {
    sockeye().args(words).output().expect("sockeye starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn statuses() {
    let code = |words: &[&str]| output(words).status.code();
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["no such program"]), Some(127));
    assert_eq!(code(&["/etc/passwd"]), Some(126));
    assert_eq!(code(&["--no-such-option", "true"]), Some(125));
    assert_eq!(code(&["--set", "net.ipv4.no_such=1", "true"]), Some(125));
    assert_eq!(output(&["sh", "-c", "kill -TERM $$"]).status.signal(), Some(15));
}

#[test]
fn options_end_at_the_program() {
    assert_eq!(text(&output(&["echo", "--exit-with-child", "-x"]).stdout), "--exit-with-child -x\n");
    assert_eq!(text(&output(&["--", "echo", "--", "x"]).stdout), "-- x\n");
    // What looks like an option and is none must not become the program.
    assert_eq!(output(&["-x"]).status.code(), Some(125));
}

#[test]
fn the_shell_by_default() {
    let out = sockeye().env("SHELL", "/bin/pwd").current_dir("/").output().expect("sockeye starts");
    assert_eq!(text(&out.stdout), "/\n");
}

#[test]
fn with_the_child_or_with_the_last_task() {
    let start = Instant::now();
    assert!(output(&["--exit-with-child", "sh", "-c", "sleep 5 >/dev/null 2>&1 &"]).status.success());
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(text(&output(&["sh", "-c", "(sleep 0.3; echo late) &"]).stdout), "late\n");
}

#[test]
fn a_signal_for_the_runner_is_the_programs() {
    let script = "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child =
        sockeye().args(["sh", "-c", script]).stdout(Stdio::piped()).spawn().expect("sockeye starts");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(7));
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).expect("the rest");
    assert_eq!(rest, "caught\n");
}

#[test]
fn sockets_are_not_the_hosts() {
    let script = "\
import errno, os, socket
l = socket.socket()
l.bind(('127.0.0.1', 0))
l.listen()
port = '%04X' % l.getsockname()[1]
hosts = open('/proc/%d/net/tcp' % os.getppid()).read()
print(any(line.split()[1].endswith(':' + port) and line.split()[3] == '0A' for line in hosts.splitlines()[1:]))
if os.fork() == 0:
    c = socket.create_connection(l.getsockname())
    c.sendall(b'through Sockeye')
    os._exit(0)
print(l.accept()[0].recv(100))
";
    let out = output(&["python3", "-c", script]);
    assert_eq!(text(&out.stdout), "False\nb'through Sockeye'\n", "{}", text(&out.stderr));
}

#[test]
fn interfaces_are_the_stacks() {
    let script = "\
import array, fcntl, socket, struct
print(socket.if_nameindex(), socket.if_nametoindex('lo'), socket.if_indextoname(1))
for family in socket.AF_INET, socket.AF_UNIX:
    s = socket.socket(family, socket.SOCK_DGRAM)
    for request in 0x8913, 0x8915, 0x891b, 0x8921, 0x8927:
        try:
            print(fcntl.ioctl(s, request, b'lo'.ljust(40, b'\\0'))[16:24].hex(), end=' ')
        except OSError as e:
            print(e.errno, end=' ')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
room = array.array('B', bytes(400))
conf = fcntl.ioctl(s, 0x8912, struct.pack('iP', 400, room.buffer_info()[0]))
print(struct.unpack('iP', conf)[0], bytes(room[:2]), socket.inet_ntoa(bytes(room[20:24])))
";
    let out = output(&["python3", "-c", script]);
    let expected = "[(1, 'lo')] 1 lo\n\
                    4900000000000000 020000007f000001 02000000ff000000 0000010000000000 0403000000000000 \
                    4900000000000000 25 25 0000010000000000 0403000000000000 \
                    40 b'lo' 127.0.0.1\n";
    assert_eq!(text(&out.stdout), expected, "{}", text(&out.stderr));
}

#[test]
fn a_capture_has_the_packets() {
    let file = std::env::temp_dir().join(format!("sockeye-run-{}.pcapng", std::process::id()));
    let path = file.to_str().expect("a path");
    let script = "import socket\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.bind(('127.0.0.1', 0))\n\
                  s.sendto(b'seen on the way', s.getsockname())\n\
                  s.recv(100)";
    let out = output(&["--pcap", path, "python3", "-c", script]);
    let bytes = std::fs::read(&file).expect("the capture");
    let _ = std::fs::remove_file(&file);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(bytes.get(..4), Some(&[0x0a, 0x0d, 0x0d, 0x0a][..]));
    assert!(bytes.windows(15).any(|w| w == b"seen on the way"));
    assert_eq!(output(&["--pcap", "/no such directory/x", "true"]).status.code(), Some(125));
}

#[test]
fn a_listener_without_backlog_takes_one_connection() {
    let script = "import socket\n\
                  l = socket.socket()\n\
                  l.bind(('127.0.0.1', 0))\n\
                  l.listen(0)\n\
                  c = socket.create_connection(l.getsockname(), 5)\n\
                  print(l.accept()[1] == c.getsockname())";
    let out = output(&["python3", "-c", script]);
    assert_eq!(text(&out.stdout), "True\n", "{}", text(&out.stderr));
}
