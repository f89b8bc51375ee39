//! Packets between the file and the device (`tun_get_user`, `tun_put_user`).

use super::{Link, Tun};
use net::dev::DevStat;
use net::msg::{MsgHdr, RecvMsg};
use net::{Sock, UserCx};
use uapi::poll::{EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLRDNORM, EPOLLWRNORM};
use uapi::socket::{MSG_DONTWAIT, MSG_TRUNC};
use uapi::{ETH_P_IP, ETH_P_IPV6, Errno, IFF_UP, Result};
use vfs::wait::wait_event;

/// No `struct tun_pi` stands before each packet.
pub const IFF_NO_PI: u16 = 0x1000;
/// `struct tun_pi`: flags and ethertype, 16 bits each, the latter in network order.
const PI_LEN: usize = 4;
/// The packet did not fit (`tun_pi.flags`).
const TUN_PKT_STRIP: u16 = 1;
/// What a frame may be at most, so that no length field is lied to.
const LONGEST: usize = 65535;

/// The stack receives one packet. `EBADFD` without a device, `EIO` when it is down, `EINVAL` for what is no packet.
pub(super) fn sendmsg(sk: &Sock<Tun>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    let Link { dev, flags } = sk.shared.link().ok_or(Errno::EBADFD)?;
    let total = msg.iov.remaining();
    let mut len = total;
    let mut pi = [0; PI_LEN];
    if flags & IFF_NO_PI == 0 {
        len = len.checked_sub(PI_LEN).ok_or(Errno::EINVAL)?;
        msg.iov.copy_to(&mut pi);
    }
    let dropped = |errno| {
        dev.stats.add(cx, DevStat::RxDropped, 1);
        errno
    };
    if dev.flags() & IFF_UP == 0 {
        return Err(dropped(Errno::EIO));
    }
    if len > LONGEST {
        return Err(Errno::EMSGSIZE);
    }
    let mut skb = cx.alloc_skb();
    skb.append_from(cx, &mut msg.iov, len);
    // Headers are looked for where they are together.
    skb.may_pull(len.min(80));
    skb.protocol = if flags & IFF_NO_PI == 0 {
        u16::from_be_bytes([pi[2], pi[3]])
    } else {
        match skb.linear().first().map(|byte| byte >> 4) {
            Some(4) => ETH_P_IP,
            Some(6) => ETH_P_IPV6,
            _ => {
                cx.consume_skb(skb);
                return Err(dropped(Errno::EINVAL));
            }
        }
    };
    skb.iif = dev.ifindex;
    dev.stats.add(cx, DevStat::RxPackets, 1);
    dev.stats.add(cx, DevStat::RxBytes, len as u64);
    cx.netif_rx(skb);
    Ok(total)
}

/// One packet that the stack sent, cut to the buffer. `EBADFD` without a device.
pub(super) fn recvmsg(sk: &Sock<Tun>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let link = sk.shared.link().ok_or(Errno::EBADFD)?;
    // The device goes only with its file, which somebody who reads holds.
    let next = || sk.shared.queue.lock().pop_front();
    let skb = match next() {
        Some(skb) => skb,
        None if msg.flags & MSG_DONTWAIT != 0 => return Err(Errno::EAGAIN),
        None => wait_event(cx.process, &sk.wq, None, next)?,
    };
    let room = msg.iov.remaining();
    let mut total = skb.len();
    if link.flags & IFF_NO_PI == 0 {
        total += PI_LEN;
        if room < PI_LEN {
            cx.consume_skb(skb);
            return Err(Errno::EINVAL);
        }
        let strip = if room < total { TUN_PKT_STRIP } else { 0 };
        msg.iov.copy_from(&strip.to_ne_bytes());
        msg.iov.copy_from(&skb.protocol.to_be_bytes());
    }
    skb.copy_to(0, &mut msg.iov, skb.len());
    cx.consume_skb(skb);
    if total > room {
        msg.out_flags |= MSG_TRUNC;
    }
    Ok(total.min(room))
}

/// Readable with a packet that waits, writable while the device is up; an error without a device.
pub(super) fn poll(sk: &Sock<Tun>) -> u32 {
    let Some(Link { dev, .. }) = sk.shared.link() else { return EPOLLERR };
    let mut mask = 0;
    if !sk.shared.queue.lock().is_empty() {
        mask |= EPOLLIN | EPOLLRDNORM;
    }
    if dev.flags() & IFF_UP != 0 {
        mask |= EPOLLOUT | EPOLLWRNORM;
    }
    mask
}
