//! Demultiplexing: which sock a segment is for (`inet_hashtables.c`).
//!
//! Three tables, each under locks of its own. *Established* finds a connection by both addresses and
//! ports: a full sock, a request that is not one yet, or what is left of one in TIME_WAIT.
//! *Listening* finds a listener by its port and the address it is bound to. *Bind* knows who uses a
//! local port, and who else may. Entries hold the addresses they are found by, so a look-up touches
//! no sock but the one it finds.

pub mod bind;
pub mod connect;
pub mod established;
pub mod listening;

use crate::Tcp;
use crate::mini::request::Request;
use crate::mini::timewait::TimeWait;
use crate::sock::Sk;
use net::{Cx, Sock};
use std::sync::Arc;
use uapi::InetAddr;

/// The tables of a namespace (`struct inet_hashinfo`).
pub struct Hashinfo {
    /// Connections.
    pub established: established::Established,
    /// Listeners.
    pub listening: listening::Listening,
    /// Local ports.
    pub bind: bind::Bind,
}

impl Hashinfo {
    /// Empty tables; `secret` keeps strangers from choosing who collides.
    pub fn new(secret: u64) -> Self {
        Hashinfo {
            established: established::Established::new(secret),
            listening: listening::Listening::default(),
            bind: bind::Bind::new(secret),
        }
    }

    /// Lets go of everything.
    pub fn clear(&self) {
        self.established.clear();
        self.listening.clear();
        self.bind.clear();
    }
}

/// What a connection is found by; "local" is this host, for packets in and out alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Local address.
    pub laddr: InetAddr,
    /// Foreign address.
    pub faddr: InetAddr,
    /// Local port.
    pub lport: u16,
    /// Foreign port.
    pub fport: u16,
}

impl Key {
    /// The key of a locked sock that has both addresses.
    pub fn of(sk: &Sk<'_>) -> Key {
        Key { laddr: sk.inet.rcv_saddr, faddr: sk.inet.daddr, lport: sk.inet.num, fport: sk.inet.dport }
    }

    /// A well-mixed number (`inet_ehashfn`).
    #[inline]
    pub fn hash(&self, secret: u64) -> u64 {
        let (a, b) = self.laddr.words();
        let (c, d) = self.faddr.words();
        let ports = u64::from(self.lport) << 16 | u64::from(self.fport);
        let x = fold(a ^ secret, d ^ ports.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15);
        fold(x ^ b, c ^ secret.rotate_left(29) ^ 0xd1b5_4a32_d192_ed03)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ (wide >> 64) as u64
}

/// What a segment is for.
#[derive(Clone)]
pub enum Found {
    /// A sock with state of its own.
    Sock(Arc<Sock<Tcp>>),
    /// A connection whose handshake is not done (`TCP_NEW_SYN_RECV`).
    Request(Arc<Request>),
    /// A connection that is over but remembered (`TCP_TIME_WAIT`).
    TimeWait(Arc<TimeWait>),
}

impl Found {
    fn is(&self, other: &Found) -> bool {
        match (self, other) {
            (Found::Sock(a), Found::Sock(b)) => Arc::ptr_eq(a, b),
            (Found::Request(a), Found::Request(b)) => Arc::ptr_eq(a, b),
            (Found::TimeWait(a), Found::TimeWait(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Takes a sock out of the table it is in (`inet_unhash`).
pub fn unhash(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let hash = &crate::TcpCx::tcp(cx).hash;
    if sk.sk.shared.is_hashed_listening() {
        hash.listening.remove(sk);
    } else if sk.inet.num != 0 {
        // Without a port it is in no table.
        hash.established.remove_sock(sk, cx);
    }
}

/// Gives the local port back (`inet_put_port`).
pub fn put_port(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    crate::TcpCx::tcp(cx).hash.bind.release(sk, cx);
}
