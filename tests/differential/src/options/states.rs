//! The kinds of sockets and the states that calls bring them into.

use crate::kernel::{Errno, Kernel};
use sockeye::uapi::SockAddr;
use sockeye::uapi::socket::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, SHUT_RDWR, SO_LINGER, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_PACKET,
    SOCK_RAW, SOCK_STREAM, SOL_ICMPV6, SOL_IP, SOL_IPV6, SOL_NETLINK, SOL_PACKET, SOL_RAW, SOL_SOCKET,
    SOL_TCP, SOL_UDP,
};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a socket went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fresh,
    Bound,
    Listening,
    Connected,
    ShutDown,
}

pub(super) const STATES: [State; 5] =
    [State::Fresh, State::Bound, State::Listening, State::Connected, State::ShutDown];

/// A kind of socket.
pub(super) struct Kind {
    pub(super) name: &'static str,
    triple: (i32, i32, i32),
    /// Only for those with CAP_NET_RAW.
    pub(super) raw: bool,
    /// Asked every day.
    pub(super) everyday: bool,
}

const fn kind(name: &'static str, triple: (i32, i32, i32), everyday: bool) -> Kind {
    Kind {
        name,
        triple,
        raw: triple.0 == AF_PACKET || triple.1 == SOCK_RAW && triple.0 != AF_NETLINK,
        everyday,
    }
}

pub(super) const KINDS: [Kind; 15] = [
    kind("tcp4", (AF_INET, SOCK_STREAM, 0), true),
    kind("tcp6", (AF_INET6, SOCK_STREAM, 0), true),
    kind("udp4", (AF_INET, SOCK_DGRAM, 0), true),
    kind("udp6", (AF_INET6, SOCK_DGRAM, 0), true),
    kind("udplite4", (AF_INET, SOCK_DGRAM, 136), false),
    kind("raw4", (AF_INET, SOCK_RAW, 17), false),
    kind("raw6", (AF_INET6, SOCK_RAW, 17), false),
    kind("icmp4", (AF_INET, SOCK_RAW, 1), false),
    kind("icmp6", (AF_INET6, SOCK_RAW, 58), false),
    kind("hdrincl4", (AF_INET, SOCK_RAW, 255), false),
    kind("hdrincl6", (AF_INET6, SOCK_RAW, 255), false),
    kind("netlink", (AF_NETLINK, SOCK_RAW, 0), false),
    kind("packet", (AF_PACKET, SOCK_RAW, 0), false),
    kind("packet_dgram", (AF_PACKET, SOCK_DGRAM, 0), false),
    kind("packet_old", (AF_PACKET, SOCK_PACKET, 0), false),
];

/// The levels that are swept whole.
const LEVELS: [i32; 8] = [SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, SOL_UDP, SOL_RAW, SOL_ICMPV6, SOL_NETLINK];

impl Kind {
    /// The levels that are swept whole, and to which number. Sockets of AF_PACKET take the kernel milliseconds to close: of
    /// these their own options alone.
    pub(super) fn levels(&self) -> (&'static [i32], i32) {
        if self.triple.0 == AF_PACKET { (&[SOL_PACKET], 31) } else { (&LEVELS, 255) }
    }

    fn stream(&self) -> bool {
        self.triple.1 == SOCK_STREAM
    }

    pub(super) fn has(&self, state: State) -> bool {
        match state {
            State::Fresh | State::Bound => true,
            State::Listening => self.stream(),
            State::Connected => self.triple.0 != AF_PACKET,
            State::ShutDown => ![AF_NETLINK, AF_PACKET].contains(&self.triple.0),
        }
    }

    fn addr(&self, port: u16) -> Vec<u8> {
        match self.triple {
            // A device, by its name or its number, and no ethertype.
            (AF_PACKET, SOCK_PACKET, _) => return [&[17, 0][..], b"lo", &[0; 12]].concat(),
            (AF_PACKET, ..) => return [&[17, 0, 0, 0, 1, 0, 0, 0][..], &[0; 12]].concat(),
            _ => {}
        }
        if self.triple.0 == AF_NETLINK {
            // Family, a port when it is bound, no group.
            let pid = if port == 0 { 0 } else { 7_000_000 + u32::from(port) };
            return [&[16, 0, 0, 0][..], &pid.to_ne_bytes(), &[0; 4]].concat();
        }
        let addr = if self.triple.0 == AF_INET {
            SockAddr::Inet { addr: Ipv4Addr::LOCALHOST, port }
        } else {
            SockAddr::Inet6 { addr: Ipv6Addr::LOCALHOST, port, flowinfo: 0, scope_id: 0 }
        };
        let mut bytes = vec![0; 128];
        let len = addr.encode(&mut bytes);
        bytes.truncate(len);
        bytes
    }
}

/// A socket in a state, and who had to be there for that.
pub(super) struct Made {
    pub(super) fd: i32,
    others: Vec<i32>,
}

impl Made {
    pub(super) fn close(self, kernel: &dyn Kernel) {
        // Reset, the others first: no port is left in TIME_WAIT.
        for fd in self.others.into_iter().rev().chain([self.fd]) {
            let _ = kernel.setsockopt(fd, SOL_SOCKET, SO_LINGER, &[1, 0, 0, 0, 0, 0, 0, 0]);
            kernel.close(fd);
        }
    }
}

/// Brings a new socket into the state.
pub(super) fn make(kernel: &dyn Kernel, kind: &Kind, state: State) -> Result<Made, Errno> {
    let (family, socktype, protocol) = kind.triple;
    let open = || kernel.socket(family, socktype | SOCK_NONBLOCK, protocol);
    let mut made = Made { fd: open()?, others: Vec::new() };
    let reached = reach(kernel, kind, state, &mut made, &open);
    if let Err(errno) = reached {
        made.close(kernel);
        return Err(errno);
    }
    Ok(made)
}

fn reach(
    kernel: &dyn Kernel,
    kind: &Kind,
    state: State,
    made: &mut Made,
    open: &dyn Fn() -> Result<i32, Errno>,
) -> Result<(), Errno> {
    if state == State::Fresh {
        return Ok(());
    }
    kernel.bind(made.fd, &kind.addr(6001))?;
    match state {
        State::Fresh | State::Bound => return Ok(()),
        State::Listening => return kernel.listen(made.fd, 5),
        State::Connected | State::ShutDown => {}
    }
    if kind.triple.0 == AF_NETLINK {
        return kernel.connect(made.fd, &kind.addr(0));
    }
    let peer = open()?;
    made.others.push(peer);
    kernel.bind(peer, &kind.addr(6002))?;
    if kind.stream() {
        kernel.listen(peer, 5)?;
        // On this host the handshake is over when the call returns.
        match kernel.connect(made.fd, &kind.addr(6002)) {
            Err(Errno::EINPROGRESS) | Ok(()) => {}
            Err(errno) => return Err(errno),
        }
        made.others.push(kernel.accept4(peer, 0, SOCK_NONBLOCK)?.0);
    } else {
        kernel.connect(made.fd, &kind.addr(6002))?;
    }
    if state == State::ShutDown { kernel.shutdown(made.fd, SHUT_RDWR) } else { Ok(()) }
}
