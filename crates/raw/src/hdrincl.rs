//! Packets whose IP header the program writes (`IP_HDRINCL`, `IPV6_HDRINCL`; `raw_send_hdrinc`,
//! `rawv6_send_hdrinc`).

use crate::send::check_send;
use crate::{Raw, glue};
use ip::datagram::truesize;
use ip::output::{self, Ipcm};
use net::msg::MsgHdr;
use net::sock::SkMut;
use net::sock::txstamp::setup_tx_timestamp;
use net::{Dst, UserCx};
use uapi::{Errno, InetAddr, MSG_PROBE, Result};
use wire::{Ipv4Hdr, Ipv6Hdr};

/// Sends a packet as it is, but for the fields of an IPv4 header that the kernel fills in:
/// length and checksum always, source and identification when they are 0 (raw(7)).
///
/// # Errors
/// `EMSGSIZE` when it does not fit the device: it is never fragmented. `EINVAL` when the header is
/// none.
pub(crate) fn send(
    sk: &mut SkMut<'_, Raw>,
    cx: &UserCx<'_>,
    msg: &mut MsgHdr<'_>,
    dst: &Dst,
    daddr: InetAddr,
    ipc: &Ipcm,
) -> Result<()> {
    let len = msg.iov.remaining();
    let v6 = sk.inet.is_inet6();
    if len > dst.dev.mtu() as usize {
        glue::local_error(cx, sk.sk, Errno::EMSGSIZE, (daddr, 0), dst.dev.mtu());
        return Err(Errno::EMSGSIZE);
    }
    let least = if v6 { Ipv6Hdr::LEN } else { Ipv4Hdr::LEN };
    if len < least {
        return Err(Errno::EINVAL);
    }
    if msg.flags & MSG_PROBE != 0 {
        return Ok(());
    }
    check_send(sk.sk)?;
    let mut skb = cx.alloc_skb();
    let whole = skb.append_from(cx, &mut msg.iov, len) == len;
    // Headers lie together, whatever the data does.
    if !whole || !skb.may_pull(least) {
        cx.consume_skb(skb);
        return Err(Errno::EFAULT);
    }
    skb.truesize = truesize(0, len, v6);
    if !v6 {
        let header_len = usize::from(skb.linear().first().copied().unwrap_or(0) & 0xf) * 4;
        if header_len < Ipv4Hdr::LEN || header_len > len || !skb.may_pull(header_len) {
            cx.consume_skb(skb);
            return Err(Errno::EINVAL);
        }
        let (Some(saddr), Some(to)) = (dst.src.as_v4(), daddr.as_v4()) else {
            cx.consume_skb(skb);
            return Err(Errno::EINVAL);
        };
        let mut id = 0;
        if let Some((header, _)) = Ipv4Hdr::view(skb.linear())
            && header.id() == 0
        {
            id = output::select_id(cx, (saddr, to), header.protocol(), 1);
        }
        if let Some((header, _)) = Ipv4Hdr::view_mut(skb.linear_mut()) {
            if header.saddr().is_unspecified() {
                header.set_saddr(saddr);
            }
            if id != 0 {
                header.set_id(id);
            }
            header.set_tot_len(len as u16);
        }
        wire::ipv4::fill_check(&mut skb.linear_mut()[..header_len]);
    }
    setup_tx_timestamp(sk.sk, &mut skb, ipc.tsflags, ipc.ts_opt_id);
    skb.mark = sk.sk.mark();
    skb.priority = sk.sk.priority();
    output::local_out(cx, dst, skb)
}
