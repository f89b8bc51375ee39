//! `netlink_sendmsg`, `netlink_recvmsg`, and messages between sockets.

use crate::sock::{Netlink, flag};
use crate::state::NetlinkNet;
use crate::{dump, name, rcv};
use net::msg::{MsgHdr, RecvMsg};
use net::sock::mem::{PAGE_SIZE, SHINFO_SIZE, SKB_OVERHEAD, truesize_linear};
use net::sock::{Timeo, wait_on};
use net::{Cx, Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::poll::EPOLLOUT;
use uapi::sockaddr::SOCKADDR_NL_LEN;
use uapi::{
    Errno, MSG_DONTWAIT, MSG_OOB, MSG_TRUNC, NETLINK_PKTINFO, NlPktinfo, Result, SOL_NETLINK, SockAddr,
};
use zerocopy::IntoBytes;

/// Puts a message into a socket's queue; `false` when it was full, and then the socket hears that it lost
/// something. `from` is the sender's port, 0 for the kernel; `group` the group it went to.
pub(crate) fn deliver(cx: &Cx<'_>, sk: &Sock<Netlink>, bytes: &[u8], from: u32, group: u32) -> bool {
    let delivered = !sk.shared.congested.load(Relaxed) && offer(cx, sk, bytes, from, group);
    if !delivered {
        overrun(cx, sk);
    }
    delivered
}

/// The same without a word to the socket.
fn offer(cx: &Cx<'_>, sk: &Sock<Netlink>, bytes: &[u8], from: u32, group: u32) -> bool {
    let mut skb = cx.alloc_skb();
    skb.append(cx, bytes);
    skb.truesize = truesize(bytes.len() as u32);
    if let Err(reason) = sk.filter(cx, &mut skb, 1) {
        // Who sent it is told nothing.
        cx.drop_skb(skb, reason);
        return true;
    }
    // What NETLINK_CB(skb) notes: neither is a packet's mark or hash here.
    (skb.mark, skb.hash) = (from, group);
    let refused = sk.shared.queue.enqueue_fitting(cx, sk, skb).err();
    let delivered = refused.is_none();
    refused.into_iter().for_each(|skb| cx.consume_skb(skb));
    delivered
}

/// What a message is charged: memory for a long one is not rounded up to a slab (`netlink_alloc_large_skb`).
fn truesize(bytes: u32) -> u32 {
    if bytes > PAGE_SIZE - SHINFO_SIZE {
        bytes.next_multiple_of(64) + SKB_OVERHEAD
    } else {
        truesize_linear(bytes)
    }
}

/// A message of the kernel's was lost: `ENOBUFS`, and nothing more until the queue was read to its end
/// (`netlink_overrun`).
fn overrun(cx: &Cx<'_>, sk: &Sock<Netlink>) {
    if !sk.shared.flag(flag::RECV_NO_ENOBUFS) && !sk.shared.congested.swap(true, Relaxed) {
        sk.set_err(Errno::ENOBUFS);
        sk.error_report(cx);
    }
    sk.drops.fetch_add(1, Relaxed);
}

/// Tells the members of a group, but the one at port `except` (`netlink_broadcast`).
pub(crate) fn broadcast(
    cx: &Cx<'_>,
    protocol: u16,
    group: u32,
    bytes: &[u8],
    except: u32,
    from: u32,
) -> bool {
    let mut any = false;
    for sk in NetlinkNet::of(cx.net).members(protocol, group) {
        if sk.shared.portid.load(Relaxed) != except {
            any |= deliver(cx, &sk, bytes, from, group);
        }
        cx.sock_put(sk);
    }
    any
}

/// Sends to the kernel, which serves the request at once, to a socket or to a group.
pub(crate) fn sendmsg(sk: &Sock<Netlink>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let len = msg.iov.remaining();
    if len == 0 {
        return Err(Errno::ENODATA);
    }
    let (port, group) = match msg.name {
        Some(name) if !name.is_empty() => {
            let (port, groups) = name::parse(name)?;
            name::may_send(cx, port, groups)?;
            (port, name::lowest_group(groups))
        }
        _ => {
            let st = sk.lock_sock(cx);
            (st.dst_portid, st.dst_group)
        }
    };
    name::autobind(sk, cx)?;
    if len as i64 > i64::from(sk.sndbuf()) - 32 {
        return Err(Errno::EMSGSIZE);
    }
    let mut bytes = vec![0; len];
    if msg.iov.copy_to(&mut bytes) < len {
        return Err(Errno::EFAULT);
    }
    let from = sk.shared.portid.load(Relaxed);
    if group != 0 {
        broadcast(cx, sk.protocol(), group, &bytes, from, from);
    }
    if port == 0 {
        rcv::netlink_rcv(sk, cx, &bytes);
        return Ok(len);
    }
    let to = NetlinkNet::of(cx.net).lookup(sk.protocol(), port).ok_or(Errno::ECONNREFUSED)?;
    let timeo = Timeo::new(cx, msg.flags & MSG_DONTWAIT != 0, sk.sndtimeo());
    let room = || (!to.shared.congested.load(Relaxed) && offer(cx, &to, &bytes, from, 0)).then_some(len);
    let sent = wait_on(cx, sk, (&to.shared.room, false, EPOLLOUT), timeo, room);
    cx.sock_put(to);
    sent
}

/// Takes the next message.
pub(crate) fn recvmsg(sk: &Sock<Netlink>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let flags = msg.flags;
    let Some(skb) = sk.shared.queue.recv(cx, sk, flags, &mut -1)? else { return Ok(0) };
    let (len, room) = (skb.len(), msg.iov.remaining());
    if room < len {
        msg.out_flags |= MSG_TRUNC;
    }
    let copied = skb.copy_to(0, &mut msg.iov, len.min(room));
    let mut from = [0; SOCKADDR_NL_LEN];
    SockAddr::Netlink { pid: skb.mark, groups: name::group_mask(skb.hash) }.encode(&mut from);
    msg.set_name(&from);
    if sk.shared.flag(flag::RECV_PKTINFO) {
        msg.control.put(SOL_NETLINK, NETLINK_PKTINFO, NlPktinfo { group: skb.hash }.as_bytes());
    }
    sk.shared.queue.done(cx, sk, skb, flags);
    rcv_wake(sk);
    dump::resume(sk, cx, room);
    Ok(if flags & MSG_TRUNC != 0 { len } else { copied })
}

/// There may be room for those who wait with messages (`netlink_rcv_wake`).
fn rcv_wake(sk: &Sock<Netlink>) {
    if sk.shared.queue.is_empty() {
        sk.shared.congested.store(false, Relaxed);
    }
    if !sk.shared.congested.load(Relaxed) && sk.shared.room.has_sleepers() {
        sk.shared.room.wake_all(EPOLLOUT);
    }
}
