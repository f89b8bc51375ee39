//! Where a program runs: on which stack, as which user, in which namespace.

use crate::Scratch;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The stack that serves a program's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// The kernel's.
    Host,
    /// Ours.
    Sockeye,
}

/// The user a program runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Root, with every capability.
    Root,
    /// A user without any capability: uid 65534, or ourselves when we are not root.
    Nobody,
}

/// The user that owns nothing.
const NOBODY: u32 = 65534;

/// How many ports a script may use: `P1` to `P6`.
const PORTS: u16 = 6;

impl User {
    /// Its uid.
    #[must_use]
    pub fn uid(self) -> u32 {
        let own = rustix::process::getuid();
        match self {
            Self::Nobody if own.is_root() => NOBODY,
            _ => own.as_raw(),
        }
    }

    /// Why this user cannot be had here, if so.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        let root = rustix::process::getuid().is_root();
        (self == Self::Root && !root).then_some("these tests do not run as root")
    }
}

/// Whether we may make network and mount namespaces.
pub fn can_isolate() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let tried = Command::new("unshare")
            .args(["-nm", "ip", "link", "set", "lo", "up"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        rustix::process::getuid().is_root() && tried.is_ok_and(|s| s.success())
    })
}

/// Runs its arguments with `lo` up and the users and names of `etc/`, then leaves what the
/// namespace has seen in a file.
const IN_NAMESPACE: &str = r#"
ip link set lo up || exit 125
for file in hosts nsswitch.conf passwd; do
    mount --bind "$ETC/$file" "/etc/$file" || exit 125
done
cat /proc/net/dev /proc/net/sockstat /proc/net/sockstat6 >"$HOST_REPORT.before"
if [ -n "$CAPTURE" ]; then
    tcpdump -i lo -Z root -U -w "$CAPTURE" 2>"$HOST_REPORT.tcpdump" &
    until grep -q listening "$HOST_REPORT.tcpdump"; do
        sleep 0.05
        kill -0 $! || exit 125
    done
fi
"$@"
status=$?
if [ -n "$CAPTURE" ]; then
    sleep 0.5
    kill $!
    wait
fi
cat /proc/net/dev /proc/net/sockstat /proc/net/sockstat6 >"$HOST_REPORT.after"
exit $status
"#;

/// The command that runs `bash SCRIPT` in a place, without environment or descriptors yet.
pub(crate) fn command(stack: Stack, user: User, tools: &Scratch, script: &Path) -> Command {
    let mut words: Vec<String> = Vec::new();
    let mut add = |list: &[&str]| words.extend(list.iter().map(|&w| w.to_owned()));
    if can_isolate() {
        add(&["unshare", "-nm", "sh", "-c", IN_NAMESPACE, "sh"]);
    }
    let uid = user.uid().to_string();
    if user == User::Nobody && rustix::process::getuid().is_root() {
        add(&["setpriv", "--reuid", &uid, "--regid", &uid]);
        add(&["--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
    }
    if stack == Stack::Sockeye {
        let program = tools.take(crate::sockeye());
        add(&[&program.to_string_lossy(), "run", "--"]);
    }
    add(&["bash", &script.to_string_lossy()]);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear();
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (i, port) in ports(stack).iter().enumerate() {
        command.env(format!("P{}", i + 1), port.to_string());
    }
    command
}

/// Ports for a script: any will do on a stack of its own, free ones on a shared one.
fn ports(stack: Stack) -> Vec<u16> {
    if stack == Stack::Sockeye || can_isolate() {
        return (0..PORTS).map(|i| 17001 + i).collect();
    }
    let mut held = Vec::new();
    let mut free = Vec::new();
    while free.len() < usize::from(PORTS) {
        let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = any.local_addr().expect("its number").port();
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port));
        if v6.is_ok() && udp.is_ok() {
            free.push(port);
        }
        // Held until the list is whole, so that the same port is not drawn twice.
        held.push((any, v6, udp));
    }
    free
}
