//! Segment sizes: from the path's MTU to what is sent and what is advertised.

use super::options::established_len;
use super::{retransmit, write_xmit};
use crate::TcpCx;
use crate::sock::Sk;
use net::{Cx, Dst};
use uapi::TcpState;
use uapi::socket::MSG_OOB;
use wire::TcpHdr;

/// Bytes of a fixed TCP header.
const TCP_HEADER: u32 = TcpHdr::LEN as u32;
/// Least MTU-derived MSS (`TCP_BASE_MSS` floor is separate): 68 bytes of RFC 791 less headers.
const MIN_HALF_WND: u32 = 68;

/// Bytes of a large send: `sk_gso_max_size` of a device with 64 KiB less `MAX_TCP_HEADER + 1`.
#[inline]
#[must_use]
pub const fn gso_max_size() -> u32 {
    65_536 - 321
}

/// Bytes of the fixed IP header (`net_header_len`).
#[inline]
fn ip_header(v4: bool) -> u32 {
    if v4 { 20 } else { 40 }
}

/// The MTU of a route as its family can use it (`ipv4_mtu`, `ip6_mtu`).
#[inline]
#[must_use]
pub fn dst_mtu(dst: &Dst, v4: bool) -> u32 {
    dst.mtu().min(if v4 { 65_535 } else { 65_535 + 40 })
}

/// The MSS to advertise on a route (`dst_metric_advmss`).
#[must_use]
pub fn dst_advmss(dst: &Dst, v4: bool) -> u32 {
    if dst.metrics.advmss != 0 {
        return dst.metrics.advmss.min(65_535);
    }
    let headers = ip_header(v4) + TCP_HEADER;
    let mss = dst_mtu(dst, v4).saturating_sub(headers);
    if v4 {
        mss.max(256).min(65_535 - headers)
    } else {
        // A jumbogram's MSS means "any" (RFC 2675 section 5.1).
        let mss = mss.max(1220);
        if mss > 65_535 - TCP_HEADER { 65_535 } else { mss }
    }
}

/// The MSS of `dst` within what the user set (`tcp_mss_clamp`).
#[must_use]
pub fn advertise(user_mss: u16, dst: &Dst, v4: bool) -> u16 {
    let mss = dst_advmss(dst, v4);
    let mss = if user_mss != 0 { mss.min(u32::from(user_mss)) } else { mss };
    mss as u16
}

/// The path may have shrunk since a first SYN: the next one offers less (`tcp_advertise_mss`).
pub fn lower_advmss(sk: &mut Sk<'_>) {
    if let Some(dst) = &sk.inet.dst {
        let mss = dst_advmss(dst, sk.inet.daddr.is_v4());
        sk.advmss = sk.advmss.min(mss as u16);
    }
}

/// Payload of a segment on a path of `pmtu` bytes, usual options taken off (`tcp_mtu_to_mss`).
#[must_use]
pub fn mtu_to_mss(sk: &Sk<'_>, cx: &Cx<'_>, pmtu: u32) -> u32 {
    // Before the first connection no header has a length.
    (mtu_to_mss_without_options(sk, cx, pmtu) + TCP_HEADER).saturating_sub(u32::from(sk.tcp_header_len))
}

/// The same for segments without TCP options (`__tcp_mtu_to_mss`).
#[must_use]
pub fn mtu_to_mss_without_options(sk: &Sk<'_>, cx: &Cx<'_>, pmtu: u32) -> u32 {
    let mut mss = pmtu.saturating_sub(ip_header(sk.inet.daddr.is_v4()) + TCP_HEADER);
    mss = mss.min(u32::from(sk.rx_opt.mss_clamp));
    mss = mss.saturating_sub(u32::from(sk.ext_hdr_len));
    mss.max(cx.tcp().sysctl.min_snd_mss() as u32)
}

/// The reverse (`tcp_mss_to_mtu`).
#[must_use]
pub fn mss_to_mtu(sk: &Sk<'_>, mss: u32) -> u32 {
    mss + u32::from(sk.tcp_header_len) + u32::from(sk.ext_hdr_len) + ip_header(sk.inet.daddr.is_v4())
}

/// At most half of the largest window ever offered, so that two segments fit
/// (`tcp_bound_to_half_wnd`).
#[inline]
fn bound_to_half_wnd(sk: &Sk<'_>, size: u32) -> u32 {
    let cutoff = if sk.max_window > 536 { sk.max_window >> 1 } else { sk.max_window };
    if cutoff != 0 && size > cutoff {
        cutoff.max(MIN_HALF_WND.saturating_sub(u32::from(sk.tcp_header_len)))
    } else {
        size
    }
}

/// The path's MTU is `pmtu` now: the segment size follows (`tcp_sync_mss`).
pub fn sync_mss(sk: &mut Sk<'_>, cx: &Cx<'_>, pmtu: u32) -> u32 {
    let mss = mtu_to_mss(sk, cx, pmtu);
    let mut mss = bound_to_half_wnd(sk, mss);
    sk.pmtu_cookie = pmtu;
    if sk.mtup_enabled {
        mss = super::mtu_probe::bound(sk, cx, pmtu, mss);
    }
    sk.mss_cache = mss;
    sk.can_gso = sk.inet.dst.as_ref().is_some_and(|dst| dst.dev.features.gso);
    mss
}

/// What the user's IP options take of each packet to the peer (`icsk_ext_hdr_len`).
pub fn ext_hdr_len(sk: &Sk<'_>) -> u16 {
    let len = match sk.inet.daddr.is_v4() {
        true => sk.inet.options.as_ref().map_or(0, |options| options.len()),
        false => sk.inet.v6.opt.as_ref().map_or(0, |options| options.len()),
    };
    len as u16
}

/// The user's IP options are others now (`ip_setsockopt`, `ipv6_update_options`).
pub fn update_ext_hdr_len(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let idle = matches!(crate::state::state(sk), TcpState::Close | TcpState::Listen);
    if sk.inet.is_inet6() && idle {
        return;
    }
    sk.ext_hdr_len = ext_hdr_len(sk);
    let pmtu = sk.pmtu_cookie;
    sync_mss(sk, cx, pmtu);
}

/// The same for the MTU of the sock's route.
pub fn sync_mss_to_dst(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let v4 = sk.inet.daddr.is_v4();
    if let Some(mtu) = sk.inet.dst.as_ref().map(|dst| dst_mtu(dst, v4)) {
        sync_mss(sk, cx, mtu);
    }
}

/// The segment size now: the path may have changed, and SACK blocks take room
/// (`tcp_current_mss`).
#[inline]
pub fn current_mss(sk: &mut Sk<'_>, cx: &Cx<'_>) -> u32 {
    let mut mss = sk.mss_cache;
    if let Some(dst) = &sk.inet.dst {
        let mtu = dst_mtu(dst, sk.inet.daddr.is_v4());
        if mtu != sk.pmtu_cookie {
            mss = sync_mss(sk, cx, mtu);
        }
    }
    let header = TcpHdr::LEN + established_len(sk);
    let usual = usize::from(sk.tcp_header_len);
    if header != usual {
        mss = (mss + usual as u32).saturating_sub(header as u32).max(1);
    }
    mss
}

/// The segment size, and how many bytes one segment of the queue should have (`tcp_send_mss`,
/// `tcp_xmit_size_goal`).
#[inline]
pub fn send_mss(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: u32) -> (u32, u32) {
    let mss = current_mss(sk, cx);
    if flags & MSG_OOB != 0 || !sk.can_gso {
        return (mss, mss);
    }
    let bound = bound_to_half_wnd(sk, gso_max_size());
    let mut goal = u32::from(sk.gso_segs) * mss;
    if bound < goal || bound >= goal + mss {
        sk.gso_segs = (bound / mss).min(65_535) as u16;
        goal = u32::from(sk.gso_segs) * mss;
    }
    (mss, goal.max(mss))
}

/// ICMP says that the path takes no more than `mtu` bytes: resend what is too large
/// (`tcp_v4_mtu_reduced`, RFC 1191).
pub fn mtu_reduced(sk: &mut Sk<'_>, cx: &Cx<'_>, mtu: u32) {
    let common: &net::sock::SockCommon = sk.sk;
    // The route learns it, else the next segment would go by what the route says again.
    let Ok(mtu) = ip::route::pmtu::update_sock(cx, common, &mut sk.inet, mtu) else { return };
    let mode = if sk.inet.daddr.is_v4() { sk.inet.pmtudisc } else { sk.inet.v6.pmtudisc };
    let believes = (uapi::IP_PMTUDISC_WANT..=uapi::IP_PMTUDISC_PROBE).contains(&i32::from(mode));
    if believes && sk.pmtu_cookie > mtu {
        sync_mss(sk, cx, mtu);
        retransmit::simple_retransmit(sk, cx);
        write_xmit::push_pending_frames(sk, cx);
    }
}
