//! A family whose sockets receive what is sent to them.
//!
//! It shows the two things a family is: a [`NetProtoFamily`] that makes sockets, and a table of operations, built on the
//! one that refuses everything. [`on_demand`] registers it when it is asked for, as a kernel loads a module.

use sockeye::kern::slab::Cache;
use sockeye::stack::msg::{MsgHdr, RecvMsg};
use sockeye::stack::netns::{Pernet, Slot};
use sockeye::stack::sock::{Proto, RecvQueue, SkMut, SockFlag, Timeo};
use sockeye::stack::socket::SocketState;
use sockeye::stack::socket::family::NetProtoFamily;
use sockeye::stack::socket::stubs;
use sockeye::stack::{Cx, Net, ProtoOps, Skb, Sock, Socket, UserCx};
use sockeye::uapi::{Errno, MSG_TRUNC, Result, SOCK_DGRAM};
use std::sync::Arc;

/// Its number: that of Ash, a family Linux never had more of than the name.
pub const AF_MIRROR: u16 = 18;

/// The longest message, bytes.
pub const LONGEST: usize = 4096;

/// The family.
struct Family;

/// Its protocol.
struct Mirror;

struct MirrorNet(Cache<Arc<Sock<Mirror>>>);

impl Pernet for MirrorNet {
    const SLOT: Slot = Slot::Embedder;
}

/// Registers the family as soon as a program asks for it.
pub fn on_demand(net: &Net) {
    net.families.on_request(Some(Arc::new(|net, family| {
        if family == AF_MIRROR {
            // Two may ask at once: the second finds it done.
            let _ = net.set_generic(MirrorNet(Cache::new("MIRROR", 64)));
            let _ = net.families.register(Family);
        }
    })));
}

impl NetProtoFamily for Family {
    fn family(&self) -> u16 {
        AF_MIRROR
    }

    fn name(&self) -> &str {
        "AF_MIRROR"
    }

    /// `EPROTONOSUPPORT` for a protocol, `ESOCKTNOSUPPORT` for another type than `SOCK_DGRAM`.
    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, _kern: bool) -> Result<()> {
        if protocol != 0 {
            return Err(Errno::EPROTONOSUPPORT);
        }
        if i32::from(sock.kind()) != SOCK_DGRAM {
            return Err(Errno::ESOCKTNOSUPPORT);
        }
        sock.set_state(cx, SocketState::Unconnected);
        sock.set_ops(&OPS);
        sock.graft(Sock::<Mirror>::alloc(cx, AF_MIRROR, sock.kind(), 0));
        Ok(())
    }
}

static OPS: ProtoOps =
    ProtoOps { name: "mirror_ops", family: AF_MIRROR, release, poll, sendmsg, recvmsg, ..stubs::NONE };

fn release(sock: &Socket, cx: &UserCx<'_>) {
    if let Ok(sk) = sock.sock::<Mirror>() {
        Mirror::close(sk, cx, Timeo::Never);
    }
}

fn poll(sock: &Socket, cx: &UserCx<'_>) -> u32 {
    sock.sock::<Mirror>().map_or(0, |sk| Mirror::poll(sk, cx))
}

fn sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    Mirror::sendmsg(sock.sock()?, cx, msg)
}

fn recvmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    Mirror::recvmsg(sock.sock()?, cx, msg)
}

impl Proto for Mirror {
    type State = ();
    type Shared = RecvQueue;

    const NAME: &'static str = "MIRROR";

    fn slab(net: &Net) -> &Cache<Arc<Sock<Self>>> {
        &net.generic::<MirrorNet>().0
    }

    fn destruct(sk: &Sock<Self>, cx: &Cx<'_>) {
        sk.shared.purge(cx, sk);
    }

    fn backlog_rcv(_sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        cx.consume_skb(skb);
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, _linger: Timeo) {
        sk.set_flag(SockFlag::Dead, true);
        sk.shared.purge(cx, sk);
    }

    /// `EMSGSIZE`; `ENOBUFS` when nobody reads.
    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        let len = msg.iov.remaining();
        if len > LONGEST {
            return Err(Errno::EMSGSIZE);
        }
        let mut skb = cx.alloc_skb();
        if skb.append_from(cx, &mut msg.iov, len) < len {
            cx.consume_skb(skb);
            return Err(Errno::EFAULT);
        }
        skb.truesize = (len + 256) as u32;
        match sk.shared.enqueue_within(cx, sk, skb) {
            Ok(()) => Ok(len),
            Err((skb, reason)) => {
                cx.drop_skb(skb, reason);
                Err(Errno::ENOBUFS)
            }
        }
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        let flags = msg.flags;
        let Some(skb) = sk.shared.recv(cx, sk, flags, &mut -1)? else { return Ok(0) };
        let room = msg.iov.remaining();
        if room < skb.len() {
            msg.out_flags |= MSG_TRUNC;
        }
        let copied = skb.copy_to(0, &mut msg.iov, room.min(skb.len()));
        sk.shared.done(cx, sk, skb, flags);
        Ok(copied)
    }

    fn poll(sk: &Sock<Self>, _cx: &UserCx<'_>) -> u32 {
        sk.datagram_poll(&sk.shared)
    }
}
