//! What a script says.

use std::net::IpAddr;

/// A script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// `--name=value` at its head.
    pub options: Vec<(String, Option<String>)>,
    /// Commands before the first event, and their line.
    pub init: Option<(String, usize)>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Commands after the last event, and their line.
    pub cleanup: Option<(String, usize)>,
}

/// Something that happens or is expected to.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Line, from 1.
    pub line: usize,
    /// When.
    pub when: When,
    /// What.
    pub action: Action,
}

/// When an event is; microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Since the script began.
    At(i64),
    /// After the event before.
    After(i64),
    /// At any time.
    Any,
    /// Between two times since the script began.
    Between(i64, i64),
    /// Between two times after the event before.
    AfterBetween(i64, i64),
}

/// What an event is.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet to the stack.
    In(Packet),
    /// A packet from the stack.
    Out(Packet),
    /// A system call.
    Call(Call),
    /// Shell commands.
    Command(String),
    /// Code that looks at the socket.
    Code(String),
}

/// A packet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// The IP header.
    pub ip: IpInfo,
    /// Source and destination port, when not the connection's.
    pub ports: Option<(u16, u16)>,
    /// The rest.
    pub body: Body,
}

/// What a script says of an IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpInfo {
    /// The type of service.
    pub tos: Tos,
    /// The flow label; 0 for any.
    pub flow_label: u32,
    /// Time to live.
    pub ttl: Option<u8>,
}

/// The type of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tos {
    /// Any (out), 0 (in).
    #[default]
    Any,
    /// The two bits of ECN.
    Ecn(u8),
    /// ECT(0) or ECT(1).
    Ect01,
    /// All of the byte.
    Byte(u8),
}

/// The transport part of a packet.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// TCP.
    Tcp(Tcp),
    /// UDP with so many bytes of data.
    Udp(u16),
    /// ICMP.
    Icmp(Icmp),
}

impl Default for Body {
    fn default() -> Self {
        Body::Tcp(Tcp::default())
    }
}

/// A TCP segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tcp {
    /// `F S R P . U E W A` and digits, as written.
    pub flags: String,
    /// First sequence number.
    pub seq: u32,
    /// Bytes of data.
    pub len: u16,
    /// Acknowledgement number; 0 when none is written.
    pub ack: u32,
    /// Window, not scaled.
    pub window: Option<u16>,
    /// Urgent pointer.
    pub urg: u16,
    /// Options; none for `<...>`.
    pub options: Option<Vec<Opt>>,
}

/// A TCP option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opt {
    /// No operation.
    Nop,
    /// End of options.
    Eol,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale.
    Wscale(u8),
    /// SACK permitted.
    SackOk,
    /// SACK blocks.
    Sack(Vec<(u32, u32)>),
    /// MD5 digest.
    Md5(Vec<u8>),
    /// Time stamps: value and echo.
    Ts(u32, u32),
    /// Fast Open cookie, with its own option number or the experimental one.
    FastOpen(Vec<u8>, bool),
    /// AccECN counters, of the first order (`e0b` first) or the second.
    AccEcn(bool, Vec<u32>),
}

/// An ICMP message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Icmp {
    /// Type, by name.
    pub kind: String,
    /// Code, by name.
    pub code: Option<String>,
    /// MTU.
    pub mtu: Option<u32>,
    /// Identifier of an echo.
    pub id: Option<u16>,
    /// What it says of the packet it is about.
    pub echoed: Echoed,
}

/// The packet an ICMP message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echoed {
    /// A TCP segment that begins here.
    Tcp(u32),
    /// A datagram with so many bytes.
    Udp(u16),
    /// None: the message is so many bytes long.
    Raw(u16),
}

impl Default for Echoed {
    fn default() -> Self {
        Echoed::Tcp(0)
    }
}

/// A system call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// When it returns, for one that blocks.
    pub end: Option<i64>,
    /// Its name.
    pub name: String,
    /// Arguments.
    pub args: Vec<Expr>,
    /// What it returns.
    pub result: Expr,
    /// The error it sets.
    pub errno: Option<String>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `...`
    Ellipsis,
    /// A number.
    Int(i64),
    /// A name.
    Word(String),
    /// Bytes.
    Str(Vec<u8>),
    /// Bitwise or.
    Or(Box<Expr>, Box<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{a, b}`
    Group(Vec<Expr>),
    /// `{name=a, name(b)=c}`
    Fields(Vec<(String, Expr)>),
    /// An address.
    Addr(IpAddr),
}
