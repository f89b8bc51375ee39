//! Cutting a packet that is longer than the path allows (`ip_do_fragment`, `ip6_fragment`).

use super::{count, finish};
use crate::packet::flag;
use crate::v4::options::strip_uncopied;
use net::dst::Dst;
use net::skb::IpSummed;
use net::{Cx, DropReason, Skb, mib};
use uapi::{Errno, Result};
use wire::ipv4::{IP_DF, IP_MF, fill_check};
use wire::ipv6::ext::{ExtHeaders, FragHdr, NEXTHDR_DEST, NEXTHDR_FRAGMENT, NEXTHDR_HOP, NEXTHDR_ROUTING};
use wire::{Ipv4Hdr, Ipv6Hdr};

/// Cuts a packet into pieces of at most `mtu` bytes and sends them; data is at the network header.
/// `EMSGSIZE` when it must not be cut.
#[cold]
pub(super) fn fragment(cx: &Cx<'_>, dst: &Dst, mut skb: Skb, mtu: u32) -> Result<()> {
    if skb.ip_summed == IpSummed::Partial {
        net::dev::skb_checksum_help(&mut skb);
    }
    if skb.protocol == uapi::ETH_P_IPV6 { v6(cx, dst, skb, mtu) } else { v4(cx, dst, skb, mtu) }
}

fn v4(cx: &Cx<'_>, dst: &Dst, mut skb: Skb, mtu: u32) -> Result<()> {
    let Some((hdr, _)) = Ipv4Hdr::view(skb.linear()) else {
        cx.drop_skb(skb, DropReason::PktTooSmall);
        return Err(Errno::EINVAL);
    };
    let (header_len, frag_off) = (hdr.header_len(), hdr.frag_off());
    if frag_off & IP_DF != 0 && skb.ip_flags & flag::IGNORE_DF == 0 {
        cx.inc(mib::Ip::FragFails);
        crate::icmp::send(cx, &skb, uapi::ICMP_DEST_UNREACH, uapi::ICMP_FRAG_NEEDED, mtu);
        cx.drop_skb(skb, DropReason::PktTooBig);
        return Err(Errno::EMSGSIZE);
    }
    let piece = (mtu as usize).saturating_sub(header_len) & !7;
    let mut header = [0; Ipv4Hdr::MAX_LEN];
    let Some(header) = header.get_mut(..header_len).filter(|_| piece > 0) else {
        return too_small(cx, skb);
    };
    header.copy_from_slice(&skb.linear()[..header_len]);
    let mut transport = transport_len(i32::from(header[9]));
    skb.pull(header_len);
    let mut offset = frag_off & wire::ipv4::IP_OFFSET;
    loop {
        let rest = if skb.len() > piece { Some(skb.split_off(cx, piece)) } else { None };
        let mut off = offset | frag_off & IP_DF;
        if rest.is_some() || frag_off & IP_MF != 0 {
            off |= IP_MF;
        }
        let len = skb.len();
        skb.truesize = piece_truesize(header, transport, len, false);
        transport = 0;
        offset += (len / 8) as u16;
        let room = skb.push(header_len);
        room.copy_from_slice(header);
        if let Some((hdr, _)) = Ipv4Hdr::view_mut(room) {
            hdr.set_frag_off(off);
            hdr.set_tot_len((header_len + len) as u16);
        }
        fill_check(room);
        let inherited = (skb.ip_flags, skb.protocol);
        if let Err(errno) = send(cx, dst, skb) {
            return fails(cx, rest, errno, false);
        }
        cx.inc(mib::Ip::FragCreates);
        let Some(next) = rest else { break };
        skb = next;
        (skb.ip_flags, skb.protocol) = inherited;
        // Options without the copy bit are in the first fragment only.
        strip_uncopied(&mut header[Ipv4Hdr::LEN..]);
    }
    cx.inc(mib::Ip::FragOKs);
    Ok(())
}

/// Bytes of the header that a protocol puts in front of a datagram's first piece (`transhdrlen`).
fn transport_len(protocol: i32) -> usize {
    use uapi::{IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP, IPPROTO_UDPLITE};
    match protocol {
        IPPROTO_UDP | IPPROTO_UDPLITE | IPPROTO_ICMP | IPPROTO_ICMPV6 => 8,
        _ => 0,
    }
}

/// What Linux, which makes the pieces as it takes the bytes, charges for one (`__ip_append_data`).
fn piece_truesize(header: &[u8], transport: usize, len: usize, v6: bool) -> u32 {
    let transport = transport.min(len);
    crate::datagram::truesize(header.len() + transport, len - transport, v6)
}

fn send(cx: &Cx<'_>, dst: &Dst, mut skb: Skb) -> Result<()> {
    skb.set_network_header();
    finish(cx, dst, skb)
}

/// A piece could not go: neither do those after it.
fn fails(cx: &Cx<'_>, rest: Option<Skb>, errno: Errno, v6: bool) -> Result<()> {
    count(cx, v6, mib::Ip6::FragFails, mib::Ip::FragFails);
    if let Some(rest) = rest {
        cx.drop_skb(rest, DropReason::QdiscDrop);
    }
    Err(errno)
}

fn too_small(cx: &Cx<'_>, skb: Skb) -> Result<()> {
    count(cx, skb.protocol == uapi::ETH_P_IPV6, mib::Ip6::FragFails, mib::Ip::FragFails);
    cx.drop_skb(skb, DropReason::PktTooBig);
    Err(Errno::EMSGSIZE)
}

/// Where the fragment header goes: behind the headers that every hop reads (`ip6_find_1stfragopt`).
/// Gives that place and where the number of the header before it stands.
fn unfragmentable(packet: &[u8]) -> Option<(usize, usize)> {
    let (hdr, rest) = Ipv6Hdr::view(packet)?;
    let (mut end, mut last) = (Ipv6Hdr::LEN, (Ipv6Hdr::LEN, 6));
    for header in ExtHeaders::new(hdr.next_header(), rest) {
        let header = header.ok()?;
        let start = end;
        end += header.bytes.len();
        match header.kind {
            NEXTHDR_HOP | NEXTHDR_ROUTING => last = (end, start),
            // Destination options belong here only before a routing header.
            NEXTHDR_DEST => {}
            _ => break,
        }
    }
    Some(last)
}

fn v6(cx: &Cx<'_>, dst: &Dst, mut skb: Skb, mtu: u32) -> Result<()> {
    if skb.ip_flags & flag::IGNORE_DF == 0 {
        cx.inc(mib::Ip6::FragFails);
        crate::icmp6::send(cx, &skb, uapi::ICMPV6_PKT_TOOBIG, 0, mtu);
        cx.drop_skb(skb, DropReason::PktTooBig);
        return Err(Errno::EMSGSIZE);
    }
    let Some((header_len, number_at)) = unfragmentable(skb.linear()) else { return too_small(cx, skb) };
    let piece = (mtu as usize).saturating_sub(header_len + FragHdr::LEN) & !7;
    if piece == 0 || header_len + FragHdr::LEN > skb.headroom() + header_len {
        return too_small(cx, skb);
    }
    let mut header = skb.linear()[..header_len].to_vec();
    // The field before a header's own length names what follows it.
    let next = header[number_at];
    header[number_at] = NEXTHDR_FRAGMENT;
    // Unpredictable, and 0 means none (`ipv6_select_ident`).
    let id = cx.net.rng.u32().max(1);
    let mut transport = transport_len(i32::from(next));
    skb.pull(header_len);
    let mut offset = 0u16;
    loop {
        let rest = if skb.len() > piece { Some(skb.split_off(cx, piece)) } else { None };
        let frag = FragHdr::new(next, offset, rest.is_some(), id);
        let len = skb.len();
        skb.truesize = piece_truesize(&header, transport, len, true);
        transport = 0;
        offset = offset.wrapping_add(len as u16);
        skb.push(FragHdr::LEN).copy_from_slice(frag.bytes());
        let room = skb.push(header_len);
        room.copy_from_slice(&header);
        if let Some((hdr, _)) = Ipv6Hdr::view_mut(room) {
            hdr.set_payload_len((header_len - Ipv6Hdr::LEN + FragHdr::LEN + len) as u16);
        }
        let inherited = (skb.ip_flags, skb.protocol);
        if let Err(errno) = send(cx, dst, skb) {
            return fails(cx, rest, errno, true);
        }
        cx.inc(mib::Ip6::FragCreates);
        let Some(next) = rest else { break };
        skb = next;
        (skb.ip_flags, skb.protocol) = inherited;
    }
    cx.inc(mib::Ip6::FragOKs);
    Ok(())
}
