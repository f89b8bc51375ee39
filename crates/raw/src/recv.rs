//! Packets go to the user (`raw_recvmsg`, `rawv6_recvmsg`, `ping_recvmsg`).

use crate::{Raw, glue};
use ip::InetProto;
use net::msg::RecvMsg;
use net::sock::RecvQueue;
use net::{Sock, UserCx};
use uapi::{AF_INET, Errno, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, Result, SockAddr};

/// A packet that the user got.
pub(crate) struct Received {
    /// Its bytes.
    pub(crate) len: usize,
    /// Those that were copied.
    pub(crate) copied: usize,
}

/// Every way of receiving ends here: over IPv4 packets have their header. `MSG_TRUNC` asks for their length.
pub(crate) fn recvmsg(sk: &Sock<Raw>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags & MSG_ERRQUEUE != 0 && msg.flags & MSG_OOB == 0 {
        return glue::recv_error(cx, sk, msg);
    }
    let Received { len, copied } = packet(sk, &sk.shared.queue, cx, msg)?;
    Ok(if msg.flags & MSG_TRUNC != 0 { len } else { copied })
}

/// Gives the user the next packet of a raw or ping socket, with its sender's address and control messages.
pub(crate) fn packet<P: InetProto>(
    sk: &Sock<P>,
    queue: &RecvQueue,
    cx: &UserCx<'_>,
    msg: &mut RecvMsg<'_>,
) -> Result<Received> {
    let flags = msg.flags;
    if flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    // Where MSG_PEEK begins cannot be set for these sockets.
    let Some(skb) = queue.recv(cx, sk, flags, &mut -1)? else { return Ok(Received { len: 0, copied: 0 }) };
    let len = skb.len();
    let wanted = len.min(msg.iov.remaining());
    if wanted < len {
        msg.out_flags |= MSG_TRUNC;
    }
    let copied = skb.copy_to(0, &mut msg.iov, wanted);
    if msg.name.is_some() {
        let (saddr, _) = ip::packet::addrs(&skb);
        let name = match saddr.as_v4() {
            Some(addr) if i32::from(sk.family()) == AF_INET => SockAddr::Inet { addr, port: 0 },
            _ => SockAddr::inet6(saddr, 0, if saddr.needs_scope_id() { skb.iif } else { 0 }),
        };
        let mut bytes = [0; uapi::sockaddr::SOCKADDR_IN6_LEN];
        let n = name.encode(&mut bytes);
        msg.set_name(&bytes[..n]);
    }
    glue::cmsg_recv(cx, sk, &skb, msg);
    queue.done(cx, sk, skb, flags);
    Ok(Received { len, copied })
}
