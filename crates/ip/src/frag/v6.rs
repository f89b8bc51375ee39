//! Reassembly of IPv6 (`net/ipv6/reassembly.c`, RFC 8200 section 4.5).

use super::{Added, Inserted, Key, Piece, Queue};
use crate::IpNet;
use crate::packet::{self, flag};
use crate::protocol::Family;
use net::{BhCx, DropReason, Skb, mib};
use uapi::{ICMPV6_EXC_FRAGTIME, ICMPV6_HDR_FIELD, ICMPV6_PARAMPROB, ICMPV6_TIME_EXCEED, InetAddr};
use wire::Ipv6Hdr;
use wire::ipv6::ext::FragHdr;

/// Takes a fragment, data at its IP header, with the fragment header `at` bytes behind that and its
/// number at `nhoff`. Gives the whole packet, without fragment header, when this was the last one
/// missing (`ipv6_frag_rcv`).
pub(crate) fn defrag(cx: &BhCx<'_, '_>, mut skb: Skb, at: usize, nhoff: usize) -> Option<Skb> {
    cx.inc(mib::Ip6::ReasmReqds);
    let bytes = skb.linear();
    let (Some((hdr, _)), Some((frag, _))) = (Ipv6Hdr::view(bytes), bytes.get(at..).and_then(FragHdr::view))
    else {
        return fail_hdr(cx, skb, at);
    };
    let (saddr, daddr) = (InetAddr::v6(hdr.saddr()), InetAddr::v6(hdr.daddr()));
    let payload_len = usize::from(hdr.payload_len());
    if payload_len == 0 {
        return param_prob(cx, skb, at);
    }
    let ecn = hdr.ecn();
    let start = frag.offset();
    let more = frag.more();
    // What the header says, not what came: padding is not data.
    let Some(data) = (payload_len + Ipv6Hdr::LEN).checked_sub(at + FragHdr::LEN) else {
        return fail_hdr(cx, skb, at);
    };
    let end = start + data;
    if end > 0xffff {
        return param_prob(cx, skb, at + 2);
    }
    if more && end & 7 != 0 {
        // All but the last must end on eight bytes; the length field is to blame.
        return param_prob(cx, skb, 4);
    }
    let scoped = daddr.is_multicast() || daddr.is_link_local() || saddr.is_link_local();
    let key =
        Key { saddr, daddr, id: frag.identification(), protocol: 0, iif: if scoped { skb.iif } else { 0 } };
    skb.ip_opt = nhoff as u16;
    if !skb.pull(at + FragHdr::LEN) {
        return fail_hdr(cx, skb, at);
    }
    let piece = Piece { skb, start, end, more, ecn, df: false };
    match IpNet::of(cx.net).frags.add(cx, Family::V6, key, piece) {
        Added::Complete(queue) => reasm(cx, queue),
        Added::Waits => None,
        Added::Failed(why, queue) => {
            let reason = if why == Inserted::Overlap { DropReason::DupFrag } else { DropReason::FragTooFar };
            fail(cx, queue, reason)
        }
        Added::NoRoom(skb) => {
            cx.inc(mib::Ip6::ReasmFails);
            cx.drop_skb(skb, DropReason::NoMem);
            None
        }
    }
}

fn fail_hdr(cx: &BhCx<'_, '_>, skb: Skb, _at: usize) -> Option<Skb> {
    cx.inc(mib::Ip6::InHdrErrors);
    cx.drop_skb(skb, DropReason::HdrTrunc);
    None
}

fn param_prob(cx: &BhCx<'_, '_>, skb: Skb, pointer: usize) -> Option<Skb> {
    cx.inc(mib::Ip6::InHdrErrors);
    crate::icmp6::send(cx, &skb, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, pointer as u32);
    cx.drop_skb(skb, DropReason::Ipv6BadExthdr);
    None
}

fn fail(cx: &BhCx<'_, '_>, queue: Queue, reason: DropReason) -> Option<Skb> {
    cx.inc(mib::Ip6::ReasmFails);
    queue.free(cx, reason);
    None
}

/// Makes one packet of all fragments (`ip6_frag_reasm`): the first one's headers without its fragment
/// header.
fn reasm(cx: &BhCx<'_, '_>, queue: Queue) -> Option<Skb> {
    let (len, ecn) = (queue.len(), queue.ecn());
    let headers = queue.first().map_or(0, |first| packet::network_offset(first));
    let Some(unfragmentable) = headers.checked_sub(FragHdr::LEN + Ipv6Hdr::LEN) else {
        return fail(cx, queue, DropReason::HdrTrunc);
    };
    let (Some(ce), true) = (ecn, unfragmentable + len <= 0xffff) else {
        return fail(cx, queue, DropReason::FragTooFar);
    };
    let mut whole = queue.join(cx)?;
    let nhoff = usize::from(whole.ip_opt);
    let keep = headers - FragHdr::LEN;
    let mut header = whole.network()[..headers].to_vec();
    let next = header[keep];
    header.truncate(keep);
    if let Some(number) = header.get_mut(nhoff) {
        *number = next;
    }
    whole.push(keep).copy_from_slice(&header);
    whole.set_network_header();
    if let Some((hdr, _)) = Ipv6Hdr::view_mut(whole.linear_mut()) {
        hdr.set_payload_len((unfragmentable + len) as u16);
        if ce {
            hdr.set_traffic_class(hdr.traffic_class() | 3);
        }
    }
    whole.ip_flags |= flag::DEFRAGMENTED;
    cx.inc(mib::Ip6::ReasmOKs);
    Some(whole)
}

/// Fragments of this packet did not all come in time (`ip6frag_expire_frag_queue`).
pub(super) fn expired(cx: &BhCx<'_, '_>, queue: Queue) {
    cx.inc(mib::Ip6::ReasmFails);
    cx.inc(mib::Ip6::ReasmTimeout);
    if let Some(first) = queue.first() {
        crate::icmp6::send(cx, first, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
    }
    queue.free(cx, DropReason::FragReasmTimeout);
}
