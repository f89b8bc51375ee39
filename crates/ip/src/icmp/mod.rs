//! ICMP (`net/ipv4/icmp.c`): messages received, errors sent and passed on.

mod limit;
mod reply;
mod send;

pub(crate) use send::quote;
pub use send::send;

pub(crate) use limit::{IcmpState, allow_global, allow_peer};

use crate::protocol::{Family, IcmpError, NetProtocol};
use crate::sysctl::IpSysctl;
use crate::{IpNet, packet, protocol};
use net::skb::IpSummed;
use net::{BhCx, Cx, DropReason, Net, Skb, mib};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{
    Errno, ICMP_ADDRESS, ICMP_ADDRESSREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_EXC_FRAGTIME,
    ICMP_FRAG_NEEDED, ICMP_PARAMETERPROB, ICMP_REDIRECT, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED,
    ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY, IPPROTO_ICMP, NR_ICMP_TYPES, NR_ICMP_UNREACH, Result,
};
use wire::{IcmpHdr, Ipv4Packet};

/// What each code of "destination unreachable" means to a socket, and whether it is final
/// (`icmp_err_convert`).
const UNREACH: [(Errno, bool); 16] = [
    (Errno::ENETUNREACH, false),
    (Errno::EHOSTUNREACH, false),
    (Errno::ENOPROTOOPT, true),
    (Errno::ECONNREFUSED, true),
    (Errno::EMSGSIZE, false),
    (Errno::EOPNOTSUPP, false),
    (Errno::ENETUNREACH, true),
    (Errno::EHOSTDOWN, true),
    (Errno::ENONET, true),
    (Errno::ENETUNREACH, true),
    (Errno::EHOSTUNREACH, true),
    (Errno::ENETUNREACH, false),
    (Errno::EHOSTUNREACH, false),
    (Errno::EHOSTUNREACH, true),
    (Errno::EHOSTUNREACH, true),
    (Errno::EHOSTUNREACH, true),
];

/// The errno of an error, and whether it is final.
pub fn convert(kind: u8, code: u8) -> (Errno, bool) {
    match kind {
        ICMP_DEST_UNREACH => UNREACH.get(usize::from(code)).copied().unwrap_or((Errno::EHOSTUNREACH, true)),
        ICMP_PARAMETERPROB => (Errno::EPROTO, true),
        _ => (Errno::EHOSTUNREACH, false),
    }
}

/// Received and sent counters of the types that have their own.
const COUNTED: &[(u8, mib::Icmp, mib::Icmp)] = &[
    (ICMP_DEST_UNREACH, mib::Icmp::InDestUnreachs, mib::Icmp::OutDestUnreachs),
    (ICMP_TIME_EXCEEDED, mib::Icmp::InTimeExcds, mib::Icmp::OutTimeExcds),
    (ICMP_PARAMETERPROB, mib::Icmp::InParmProbs, mib::Icmp::OutParmProbs),
    (ICMP_SOURCE_QUENCH, mib::Icmp::InSrcQuenchs, mib::Icmp::OutSrcQuenchs),
    (ICMP_REDIRECT, mib::Icmp::InRedirects, mib::Icmp::OutRedirects),
    (ICMP_ECHO, mib::Icmp::InEchos, mib::Icmp::OutEchos),
    (ICMP_ECHOREPLY, mib::Icmp::InEchoReps, mib::Icmp::OutEchoReps),
    (ICMP_TIMESTAMP, mib::Icmp::InTimestamps, mib::Icmp::OutTimestamps),
    (ICMP_TIMESTAMPREPLY, mib::Icmp::InTimestampReps, mib::Icmp::OutTimestampReps),
    (ICMP_ADDRESS, mib::Icmp::InAddrMasks, mib::Icmp::OutAddrMasks),
    (ICMP_ADDRESSREPLY, mib::Icmp::InAddrMaskReps, mib::Icmp::OutAddrMaskReps),
];

/// Counts a message sent, by the kernel or by a raw socket (`icmp_out_count`).
pub fn out_count(cx: &Cx<'_>, kind: u8) {
    cx.inc(mib::Icmp::OutMsgs);
    cx.inc(mib::Mib::icmp_out(kind));
    if let Some((_, _, out)) = COUNTED.iter().find(|(known, ..)| *known == kind) {
        cx.inc(*out);
    }
}

fn in_count(cx: &Cx<'_>, kind: u8) {
    cx.inc(mib::Mib::icmp_in(kind));
    if let Some((_, count, _)) = COUNTED.iter().find(|(known, ..)| *known == kind) {
        cx.inc(*count);
    }
}

pub(crate) fn register(net: &Net) -> Result<()> {
    let icmp = NetProtocol { handler: rcv, err_handler: Some(err), no_policy: true };
    protocol::add(net, Family::V4, IPPROTO_ICMP as u8, icmp)
}

fn error(cx: &BhCx<'_, '_>, skb: Skb, reason: DropReason) {
    cx.inc(mib::Icmp::InErrors);
    cx.drop_skb(skb, reason);
}

/// Receives a message (`icmp_rcv`).
fn rcv(cx: &BhCx<'_, '_>, mut skb: Skb) {
    cx.inc(mib::Icmp::InMsgs);
    if skb.ip_summed == IpSummed::None && !skb.checksum(0).is_valid() {
        cx.inc(mib::Icmp::InCsumErrors);
        return error(cx, skb, DropReason::IcmpCsum);
    }
    if !skb.may_pull(IcmpHdr::LEN) {
        return error(cx, skb, DropReason::PktTooSmall);
    }
    let Some((hdr, _)) = IcmpHdr::view(skb.linear()) else { return error(cx, skb, DropReason::PktTooSmall) };
    let (kind, code) = (hdr.kind(), hdr.code());
    in_count(cx, kind);
    if kind > NR_ICMP_TYPES {
        return error(cx, skb, DropReason::UnhandledProto);
    }
    let sysctl = &IpNet::of(cx.net).sysctl;
    if packet::is_group(&skb) {
        let pings = matches!(kind, ICMP_ECHO | ICMP_TIMESTAMP);
        if pings && IpSysctl::is_on(&sysctl.icmp_echo_ignore_broadcasts)
            || !pings && !matches!(kind, ICMP_ADDRESS | ICMP_ADDRESSREPLY)
        {
            return error(cx, skb, DropReason::InvalidProto);
        }
    }
    match kind {
        ICMP_ECHOREPLY => ping(cx, skb),
        ICMP_ECHO if IpSysctl::is_on(&sysctl.icmp_echo_ignore_all) => {
            cx.drop_skb(skb, DropReason::NotSpecified);
        }
        ICMP_ECHO => reply::echo(cx, skb),
        ICMP_TIMESTAMP => reply::timestamp(cx, skb),
        ICMP_DEST_UNREACH | ICMP_SOURCE_QUENCH | ICMP_TIME_EXCEEDED | ICMP_PARAMETERPROB => {
            unreach(cx, skb, kind, code);
        }
        ICMP_REDIRECT => redirect(cx, skb, code),
        // Unknown and obsolete ones are silently discarded.
        _ => cx.consume_skb(skb),
    }
}

/// An echo reply, for ping sockets; raw sockets have theirs already.
fn ping(cx: &BhCx<'_, '_>, skb: Skb) {
    let rest = match IpNet::of(cx.net).protocols.ping.get() {
        Some(ping) => ping(cx, skb),
        None => Err(skb),
    };
    if let Err(skb) = rest {
        cx.drop_skb(skb, DropReason::NoSocket);
    }
}

/// An error about a packet of ours (`icmp_unreach`).
fn unreach(cx: &BhCx<'_, '_>, skb: Skb, kind: u8, code: u8) {
    let sysctl = &IpNet::of(cx.net).sysctl;
    let Some((hdr, _)) = IcmpHdr::view(skb.linear()) else { return error(cx, skb, DropReason::PktTooSmall) };
    let mut info = 0;
    match (kind, code) {
        (ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED) => match sysctl.ip_no_pmtu_disc.load(Relaxed) {
            0 => info = u32::from(hdr.mtu()),
            1 => {}
            // 3 believes only protocols that check what is quoted.
            _ => return cx.consume_skb(skb),
        },
        (ICMP_DEST_UNREACH, code) if code > NR_ICMP_UNREACH => return cx.consume_skb(skb),
        (ICMP_PARAMETERPROB, _) => info = u32::from(hdr.pointer()),
        (ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME) => return cx.consume_skb(skb),
        _ => {}
    }
    deliver(cx, skb, kind, code, info);
}

/// A better gateway; a host with one way out has no use for it, but sockets are told.
fn redirect(cx: &BhCx<'_, '_>, skb: Skb, code: u8) {
    let gateway = IcmpHdr::view(skb.linear()).map_or(0, |(hdr, _)| hdr.gateway().to_bits());
    deliver(cx, skb, ICMP_REDIRECT, code, gateway);
}

/// How much of a quoted packet is looked at: headers, and what error queues keep.
const QUOTED: usize = 576;

/// Tells the protocol of the packet that an error is about (`icmp_socket_deliver`).
fn deliver(cx: &BhCx<'_, '_>, skb: Skb, kind: u8, code: u8, info: u32) {
    let mut quoted = [0; QUOTED];
    let n = skb.copy_bits(IcmpHdr::LEN, &mut quoted);
    let quoted = &quoted[..n];
    // Eight bytes of the transport header are what RFC 792 promises, and what finds the socket.
    let inner = match Ipv4Packet::parse_quoted(quoted) {
        Ok(inner) if inner.payload.len() >= 8 => inner,
        _ => return error(cx, skb, DropReason::PktTooSmall),
    };
    let (offender, _) = packet::addrs(&skb);
    let protocols = &IpNet::of(cx.net).protocols;
    let protocol = inner.hdr.protocol();
    let error = IcmpError {
        v6: false,
        kind,
        code,
        info,
        saddr: inner.hdr.saddr().into(),
        daddr: inner.hdr.daddr().into(),
        protocol,
        network: &quoted[..inner.hdr.header_len()],
        transport: inner.payload,
        offender,
        iif: skb.iif,
        skb: &skb,
    };
    if let Some(raw_err) = protocols.raw_err.get() {
        raw_err(cx, &error);
    }
    if let Some(err_handler) = protocols.get(Family::V4, protocol).and_then(|p| p.err_handler) {
        err_handler(cx, &error);
    }
    cx.consume_skb(skb);
}

/// An error about an ICMP message of ours (`icmp_err`): ping sockets sent it, or the kernel.
fn err(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    // An error about an echo reply is about an answer that nobody waits for.
    if error.transport.first() != Some(&ICMP_ECHOREPLY)
        && let Some(ping_err) = IpNet::of(cx.net).protocols.ping_err.get()
    {
        return ping_err(cx, error);
    }
    if error.is_mtu() {
        crate::route::pmtu::learn(cx, error);
    }
}

#[cfg(test)]
mod tests;
