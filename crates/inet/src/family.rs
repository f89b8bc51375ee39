//! `socket()`: `inet_create` and `inet6_create`.

use crate::InetNet;
use crate::protosw::{ProtoSw, SwFlags};
use ip::InetProto;
use ip::sock::shared_flag;
use net::sock::SockFlag;
use net::socket::SocketState;
use net::socket::family::NetProtoFamily;
use net::trace::Event;
use net::{SkMut, Sock, Socket, UserCx};
use std::sync::atomic::Ordering::Relaxed;
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
    let sk = Sock::<P>::alloc(cx, wanted.family, sock.kind(), wanted.protocol);
    let mut guard = sk.lock_sock(cx);
    match init_sock(cx, &mut guard.sk_mut(), wanted) {
        Ok(()) => {
            drop(guard);
            sock.graft(sk);
            Ok(())
        }
        Err(errno) => {
            // sk_common_release: what init entered, it leaves.
            P::unhash(&mut guard.sk_mut(), cx);
            drop(guard);
            cx.sock_put(sk);
            Err(errno)
        }
    }
}

fn init_sock<P: InetProto>(cx: &UserCx<'_>, sk: &mut SkMut<'_, P>, wanted: &Wanted) -> Result<()> {
    let &Wanted { family, protocol, flags } = wanted;
    if flags.contains(SwFlags::REUSE) {
        sk.sk.set_flag(SockFlag::Reuse, true);
    }
    let inet = P::inet_mut(sk);
    inet.init(cx.net, family);
    inet.is_icsk = flags.contains(SwFlags::ICSK);
    let v6only = if inet.v6only { shared_flag::V6ONLY } else { 0 };
    // inet6_create leaves it off: IPv4 groups that an IPv6 socket did not join are not for it.
    let not_all = if inet.is_inet6() { shared_flag::MC_NOT_ALL } else { 0 };
    P::inet_shared(&sk.sk.shared).flags.store(v6only | not_all, Relaxed);
    if i32::from(sk.sk.kind()) == SOCK_RAW {
        let inet = P::inet_mut(sk);
        inet.num = protocol;
        inet.hdrincl = i32::from(protocol) == IPPROTO_RAW;
        P::inet_shared(&sk.sk.shared).publish(P::inet(sk));
        P::hash(sk, cx)?;
    }
    P::init(sk, cx)
}
