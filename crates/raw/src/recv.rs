//! Packets go to the user (`raw_recvmsg`, `rawv6_recvmsg`): over IPv4 with their header.

use crate::{Raw, glue};
use net::msg::RecvMsg;
use net::{Sock, UserCx};
use uapi::{AF_INET, Errno, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, Result, SockAddr};

/// Every way of receiving ends here.
pub(crate) fn recvmsg(sk: &Sock<Raw>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    if msg.flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if msg.flags & MSG_ERRQUEUE != 0 {
        return glue::recv_error(cx, sk, msg);
    }
    let flags = msg.flags;
    // Where MSG_PEEK begins cannot be set for these sockets.
    let Some(skb) = sk.shared.queue.recv(cx, sk, flags, &mut -1)? else { return Ok(0) };
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
    let result = if flags & MSG_TRUNC != 0 { len } else { copied };
    sk.shared.queue.done(cx, sk, skb, flags);
    Ok(result)
}
