//! `socket()`: `inet_create` and `inet6_create`.

use crate::InetNet;
use crate::protosw::{ProtoSw, SwFlags};
use ip::InetProto;
use ip::sock::shared_flag;
use net::sock::SockFlag;
use net::socket::SocketState;
use net::socket::family::NetProtoFamily;
use net::trace::Event;
use net::{Sock, Socket, UserCx};
use std::sync::Arc;
use uapi::{CAP_NET_RAW, Errno, IPPROTO_MAX, IPPROTO_RAW, Result, SOCK_RAW};

/// Makes a sock for a socket: the part of `inet_create` behind the switch.
pub(crate) type Create = fn(&UserCx<'_>, &Socket, &Wanted) -> Result<()>;

/// What the switch decided.
pub(crate) struct Wanted {
    family: u16,
    protocol: u16,
    flags: SwFlags,
}

/// One of the two families.
pub struct Inet {
    family: u16,
}

impl Inet {
    pub(crate) fn new(family: i32) -> Self {
        Inet { family: family as u16 }
    }
}

impl NetProtoFamily for Inet {
    fn family(&self) -> u16 {
        self.family
    }

    fn name(&self) -> &str {
        uapi::socket::family_name(i32::from(self.family))
    }

    /// `EINVAL` for a protocol out of range, `ESOCKTNOSUPPORT`, `EPROTONOSUPPORT`, `EPERM` for a raw
    /// socket without `CAP_NET_RAW`, and what the protocol says.
    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, kern: bool) -> Result<()> {
        if !(0..IPPROTO_MAX).contains(&protocol) {
            return Err(Errno::EINVAL);
        }
        sock.set_state(cx, SocketState::Unconnected);
        let asked = protocol as u16;
        let (row, protocol) = InetNet::of(cx.net).switch(self.family).lookup(sock.kind(), asked)?;
        let ProtoSw { kind, prot, ops, flags, create, .. } = row;
        if i32::from(kind) == SOCK_RAW && !kern && !cx.process.capable(CAP_NET_RAW) {
            return Err(Errno::EPERM);
        }
        cx.trace(|| Event::ProtoSwitch { kind, protocol, asked, prot, ops: ops.name });
        sock.set_ops(ops);
        create(cx, sock, &Wanted { family: self.family, protocol, flags })
    }
}

/// Allocates, fills in and attaches a sock of protocol `P`.
pub(crate) fn create_sock<P: InetProto>(cx: &UserCx<'_>, sock: &Socket, wanted: &Wanted) -> Result<()> {
    let &Wanted { family, protocol, flags } = wanted;
    let sk = Sock::<P>::alloc(cx, family, sock.kind(), protocol);
    match init_sock(cx, sock, &sk, wanted, flags) {
        Ok(()) => {
            sock.graft(sk);
            Ok(())
        }
        Err(errno) => {
            // sk_common_release: what init entered, it leaves.
            P::unhash(&mut sk.lock_sock(cx).sk_mut(), cx);
            cx.sock_put(sk);
            Err(errno)
        }
    }
}

fn init_sock<P: InetProto>(
    cx: &UserCx<'_>,
    sock: &Socket,
    sk: &Arc<Sock<P>>,
    wanted: &Wanted,
    flags: SwFlags,
) -> Result<()> {
    if flags.contains(SwFlags::REUSE) {
        sk.set_flag(SockFlag::Reuse, true);
    }
    let raw = i32::from(sock.kind()) == SOCK_RAW;
    {
        let mut guard = sk.lock_sock(cx);
        let mut st = guard.sk_mut();
        let inet = P::inet_mut(&mut st);
        inet.init(cx.net, wanted.family);
        inet.is_icsk = flags.contains(SwFlags::ICSK);
        let shared = P::inet_shared(&sk.shared);
        shared.set_flag(shared_flag::V6ONLY, inet.v6.v6only);
        // inet6_create leaves it off: IPv4 groups that an IPv6 socket did not join are not for it.
        shared.set_flag(shared_flag::MC_NOT_ALL, inet.is_inet6());
        if raw {
            inet.num = wanted.protocol;
            inet.hdrincl = i32::from(wanted.protocol) == IPPROTO_RAW;
            P::inet_shared(&sk.shared).publish(P::inet(&st));
            P::hash(&mut st, cx)?;
        }
    }
    P::init(sk, cx)
}
