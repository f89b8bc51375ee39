//! One thing that happened, kept: where, what, and the particulars.

use super::packet;
use kern::time::Time;
use net::socket::SocketState;
use net::trace::Event;
use uapi::IPPROTOS;
use uapi::socket::{family_name, type_name};
use uapi::tcp::TcpState;

/// A particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A name.
    Text(String),
    /// A number.
    Number(u64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, by the namespace's clock.
    pub time: Time,
    /// The namespace.
    pub net: u64,
    /// In which room.
    pub room: &'static str,
    /// What, for machines.
    pub event: &'static str,
    /// What, for readers.
    pub text: String,
    /// The particulars, for machines.
    pub fields: Vec<(&'static str, Value)>,
}

fn sock_state(state: u8) -> &'static str {
    TcpState::from_raw(state).map_or("TCP_NEW", TcpState::name)
}

/// From a warm place or a new one.
fn source(recycled: bool) -> &'static str {
    if recycled { "recycled" } else { "new" }
}

impl Record {
    /// Keeps an event.
    pub(super) fn of(net: &net::Net, event: &Event<'_>) -> Record {
        let (room, name, text, fields) = describe(net, event);
        Record { time: net.clock.now(), net: net.id, room, event: name, text, fields }
    }
}

type Described = (&'static str, &'static str, String, Vec<(&'static str, Value)>);

/// Room, name, text and particulars of each event: a row each.
fn describe(net: &net::Net, event: &Event<'_>) -> Described {
    match *event {
        Event::FamilyFound { family, name } => (
            "net",
            "family_found",
            format!("net_families[{}] is {name}", family_name(i32::from(family))),
            vec![("family", u64::from(family).into()), ("name", name.into())],
        ),
        Event::FamilyMissing { family } => (
            "net",
            "family_missing",
            format!("net_families[{}] is empty", family_name(i32::from(family))),
            vec![("family", u64::from(family).into())],
        ),
        Event::SockAlloc { ino, recycled } => (
            "net",
            "sock_alloc",
            format!("Socket, sockfs inode {ino} ({})", source(recycled)),
            vec![("ino", ino.into()), ("recycled", u64::from(recycled).into())],
        ),
        Event::ProtoSwitch { kind, protocol, asked, prot, ops } => (
            "inet",
            "proto_switch",
            format!(
                "inetsw: {}, {} → {prot}, {ops}",
                type_name(i32::from(kind)),
                IPPROTOS.show(i64::from(protocol))
            ),
            vec![
                ("type", u64::from(kind).into()),
                ("protocol", u64::from(protocol).into()),
                ("asked", u64::from(asked).into()),
                ("prot", prot.into()),
                ("ops", ops.into()),
            ],
        ),
        Event::SkAlloc { slab, recycled, cookie } => (
            "net",
            "sk_alloc",
            format!("Sock {cookie} from slab {slab} ({})", source(recycled)),
            vec![("slab", slab.into()), ("recycled", u64::from(recycled).into()), ("cookie", cookie.into())],
        ),
        Event::FileMapped { ino, fd } => (
            "vfs",
            "file_mapped",
            format!("descriptor {fd} for inode {ino}"),
            vec![("ino", ino.into()), ("fd", u64::from(fd.unsigned_abs()).into())],
        ),
        Event::SocketState { ino, from, to } => (
            "net",
            "socket_state",
            format!(
                "Socket {ino}: {} → {}",
                SocketState::from_raw(from).name(),
                SocketState::from_raw(to).name()
            ),
            vec![
                ("ino", ino.into()),
                ("from", SocketState::from_raw(from).name().into()),
                ("to", SocketState::from_raw(to).name().into()),
            ],
        ),
        Event::SockState { prot, cookie, from, to } => (
            "sock",
            "sock_state",
            format!("Sock {cookie} ({prot}): {} → {}", sock_state(from), sock_state(to)),
            vec![
                ("prot", prot.into()),
                ("cookie", cookie.into()),
                ("from", sock_state(from).into()),
                ("to", sock_state(to).into()),
            ],
        ),
        Event::Proto { prot, call, cookie } => (
            "sock",
            "proto",
            format!("Sock {cookie}: {}_{call}", prot.to_lowercase()),
            vec![("prot", prot.into()), ("call", call.into()), ("cookie", cookie.into())],
        ),
        Event::Route { daddr, saddr, dev } => (
            "ip",
            "route",
            format!("route to {} dev {dev} src {}", packet::addr(daddr), packet::addr(saddr)),
            vec![
                ("daddr", packet::addr(daddr).into()),
                ("saddr", packet::addr(saddr).into()),
                ("dev", dev.into()),
            ],
        ),
        Event::Tx { dev, skb } => {
            let summary = packet::summary(&skb.to_vec());
            let text = format!("{} out: {summary}", dev.name);
            let fields = vec![
                ("dev", dev.name.as_str().into()),
                ("len", (skb.len() as u64).into()),
                ("packet", summary.into()),
            ];
            ("dev", "tx", text, fields)
        }
        Event::Rx { skb } => {
            let summary = packet::summary(&skb.to_vec());
            let dev = net.dev.by_index(skb.iif);
            let dev = dev.as_ref().map_or("?", |dev| dev.name.as_str());
            let text = format!("{dev} in: {summary}");
            let fields =
                vec![("dev", dev.into()), ("len", (skb.len() as u64).into()), ("packet", summary.into())];
            ("dev", "rx", text, fields)
        }
        Event::Backlog { cookie, len } => (
            "sock",
            "backlog",
            format!("Sock {cookie} is owned: {len} bytes to its backlog"),
            vec![("cookie", cookie.into()), ("len", (len as u64).into())],
        ),
        Event::Wake { cookie, callback } => (
            "sock",
            "wake",
            format!("Sock {cookie}: sk_{callback}"),
            vec![("cookie", cookie.into()), ("callback", callback.into())],
        ),
        Event::Timer { prot, cookie, which } => (
            "timer",
            "timer",
            format!("Sock {cookie} ({prot}): timer {which}"),
            vec![("prot", prot.into()), ("cookie", cookie.into()), ("which", which.into())],
        ),
        Event::Drop { reason, len } => (
            "net",
            "drop",
            format!("dropped {len} bytes: {}", reason.name()),
            vec![("reason", reason.name().into()), ("len", (len as u64).into())],
        ),
        Event::Sleep { cookie } => {
            ("sock", "sleep", format!("Sock {cookie}: the caller sleeps"), vec![("cookie", cookie.into())])
        }
        Event::SkFree { slab, cookie } => (
            "net",
            "sk_free",
            format!("Sock {cookie} back to slab {slab}"),
            vec![("slab", slab.into()), ("cookie", cookie.into())],
        ),
    }
}
