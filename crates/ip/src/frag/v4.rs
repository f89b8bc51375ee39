//! Reassembly of IPv4 (`net/ipv4/ip_fragment.c`).

use super::{Added, Inserted, Key, Piece, Queue};
use crate::IpNet;
use crate::packet::flag;
use crate::protocol::Family;
use net::skb::IpSummed;
use net::{BhCx, DropReason, Skb, mib};
use wire::Ipv4Hdr;
use wire::ipv4::{IP_DF, fill_check};

/// Takes a fragment, data at its IP header; gives the whole packet when this was the last one
/// missing (`ip_defrag`).
pub(crate) fn defrag(cx: &BhCx<'_, '_>, mut skb: Skb) -> Option<Skb> {
    cx.inc(mib::Ip::ReasmReqds);
    let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) else {
        cx.drop_skb(skb, DropReason::IpInHdr);
        return None;
    };
    let header_len = hdr.header_len();
    let key = Key {
        saddr: hdr.saddr().into(),
        daddr: hdr.daddr().into(),
        id: u32::from(hdr.id()),
        protocol: hdr.protocol(),
        iif: 0,
    };
    let (start, more, ecn, df) =
        (hdr.fragment_offset(), hdr.more_fragments(), hdr.ecn(), hdr.dont_fragment());
    let mut end = start + skb.len().saturating_sub(header_len);
    if more && end & 7 != 0 {
        // All but the last end on eight bytes; what is beyond is cut off.
        end &= !7;
        if skb.ip_summed != IpSummed::Unnecessary {
            skb.ip_summed = IpSummed::None;
        }
    }
    if !skb.pull(header_len) {
        cx.drop_skb(skb, DropReason::IpInHdr);
        return None;
    }
    let piece = Piece { skb, start, end, more, ecn, df };
    match IpNet::of(cx.net).frags.add(cx, Family::V4, key, piece) {
        Added::Complete(queue) => reasm(cx, queue),
        Added::Waits => None,
        Added::Failed(why, queue) => {
            if why == Inserted::Overlap {
                cx.inc(mib::IpExt::ReasmOverlaps);
            }
            fail(cx, queue, DropReason::DupFrag)
        }
        Added::NoRoom(skb) => {
            cx.inc(mib::Ip::ReasmFails);
            cx.drop_skb(skb, DropReason::NoMem);
            None
        }
    }
}

fn fail(cx: &BhCx<'_, '_>, queue: Queue, reason: DropReason) -> Option<Skb> {
    cx.inc(mib::Ip::ReasmFails);
    queue.free(cx, reason);
    None
}

/// Makes one packet of all fragments (`ip_frag_reasm`).
fn reasm(cx: &BhCx<'_, '_>, queue: Queue) -> Option<Skb> {
    let (len, df, ecn) = (queue.len(), queue.df(), queue.ecn());
    let header_len = queue.first().map_or(0, |first| crate::packet::network_offset(first));
    let (Some(ce), true) = (ecn, len + header_len <= 0xffff) else {
        return fail(cx, queue, DropReason::FragTooFar);
    };
    let mut whole = queue.join(cx)?;
    whole.push_to_network_header();
    let bytes = whole.linear_mut();
    if let Some((hdr, _)) = Ipv4Hdr::view_mut(bytes) {
        hdr.set_frag_off(if df { IP_DF } else { 0 });
        hdr.set_tot_len((len + header_len) as u16);
        if ce {
            hdr.set_tos(hdr.tos() | 3);
        }
    }
    fill_check(bytes);
    whole.ip_flags |= flag::DEFRAGMENTED;
    cx.inc(mib::Ip::ReasmOKs);
    Some(whole)
}

/// Fragments of this packet did not all come in time (`ip_expire`): the sender is told, if the first
/// one says who that is.
pub(super) fn expired(cx: &BhCx<'_, '_>, queue: Queue) {
    cx.inc(mib::Ip::ReasmFails);
    cx.inc(mib::Ip::ReasmTimeout);
    if let Some(first) = queue.first() {
        crate::icmp::send(cx, first, uapi::ICMP_TIME_EXCEEDED, uapi::ICMP_EXC_FRAGTIME, 0);
    }
    queue.free(cx, DropReason::FragReasmTimeout);
}
