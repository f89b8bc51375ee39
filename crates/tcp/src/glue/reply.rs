//! Segments sent without a sock: resets, acknowledgements of minisocks, SYN-ACKs
//! (`tcp_v4_send_reset`, `tcp_v4_send_ack`, `tcp_v4_send_synack`, `tcp_v4_init_req`).

use super::secrets::secrets;
use crate::ecn::MASK;
use crate::ecn::handshake::create_request;
use crate::fastopen::keys::Cookie;
use crate::hash::Key;
use crate::init::OpenReq;
use crate::input::TcpRx;
use crate::mini::request::Request;
use crate::mini::timewait::TimeWait;
use crate::output::segment::set_checksum;
use crate::output::syn;
use crate::sock::{Sk, TcpSock};
use crate::{Tcp, TcpCx, syncookies};
use ip::cmsg::echoed_options;
use ip::v4::options::IpOptions;
use net::dst::{Dst, DstKind, Flow};
use net::mib::Tcp as Mib;
use net::skb::SkBuff;
use net::{Cx, Skb, Sock};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::InetAddr;
use wire::tcp::{TcpOptions, TcpTimestamp};
use wire::{Ipv4Repr, Ipv6Repr, TcpFlags, TcpHdr, TcpRepr};

/// Segment size of a peer that names none, by family (`TCP_MSS_DEFAULT`, `IPV6_MIN_MTU` less headers).
const MSS_DEFAULT: u16 = 536;
const MSS_DEFAULT_V6: u16 = 1280 - 60;
/// "Don't fragment" in the flags of IPv4.
const IP_DF: u16 = 0x4000;

/// How a reply is to look below TCP.
struct Reply {
    saddr: InetAddr,
    daddr: InetAddr,
    oif: u32,
    mark: u32,
    tos: u8,
    /// IPv4 options: those of what is answered, turned round.
    options: Option<Arc<IpOptions>>,
}

impl Reply {
    fn flow(&self) -> Flow {
        let hop = self.options.as_ref().and_then(|options| options.first_hop());
        Flow {
            daddr: hop.map_or(self.daddr, InetAddr::v4),
            saddr: self.saddr,
            oif: self.oif,
            iif: 0,
            mark: self.mark,
            tos: self.tos & 0xfc,
        }
    }

    /// To where `skb` came from.
    fn to(cx: &Cx<'_>, skb: &SkBuff) -> Reply {
        let (saddr, daddr) = ip::packet::addrs(skb);
        // A link-local peer is on the link the segment came by.
        let oif = if saddr.needs_scope_id() { skb.iif } else { 0 };
        let tos = ip::packet::tos(skb) & 0xfc;
        Reply {
            saddr: daddr,
            daddr: saddr,
            oif,
            mark: 0,
            tos,
            options: echoed_options(cx, skb).map(Arc::new),
        }
    }

    /// Adds the IP header and sends; `skb.data` is at the TCP header.
    fn send(&self, cx: &Cx<'_>, dst: &Dst, mut skb: Skb) {
        set_checksum(&mut skb, self.saddr, self.daddr);
        skb.mark = self.mark;
        let payload_len = skb.len();
        match (self.saddr.as_v4(), self.daddr.as_v4()) {
            (Some(src), Some(dst)) => {
                let ttl = default_ttl(cx);
                let mut buf = [0; 40];
                let (dst, options) =
                    ip::output::with_options(cx, self.options.as_deref(), (src, dst), &mut buf);
                let repr = Ipv4Repr {
                    tos: self.tos,
                    id: 0,
                    frag_off: IP_DF,
                    ttl,
                    protocol: 6,
                    src,
                    dst,
                    options,
                    payload_len,
                };
                repr.emit(skb.push(wire::Ipv4Hdr::LEN + options.len()));
            }
            _ => {
                let (src, dst) = (self.saddr.as_v6(), self.daddr.as_v6());
                let hop_limit = default_hop_limit(cx);
                let repr = Ipv6Repr {
                    traffic_class: self.tos,
                    flow_label: 0,
                    next_header: 6,
                    hop_limit,
                    src,
                    dst,
                    payload_len,
                };
                repr.emit(skb.push(wire::Ipv6Hdr::LEN));
            }
        }
        // Nobody is there to hear of a failure; the peer asks again.
        let _ = ip::output::local_out(cx, dst, skb);
    }
}

fn segment(cx: &Cx<'_>, repr: &TcpRepr<'_>) -> Skb {
    let mut skb = cx.alloc_skb();
    repr.emit(skb.push(repr.header_len()));
    skb.set_transport_header();
    skb.gso_segs = 1;
    skb
}

/// A reset in answer to a segment (`tcp_v4_send_reset`, RFC 9293 section 3.10.7.1). Never for a reset.
pub fn send_reset(cx: &Cx<'_>, sk: Option<&mut Sk<'_>>, skb: &Skb) {
    let Some((hdr, _)) = TcpHdr::view(skb.transport()) else { return };
    if hdr.flags().rst() {
        return;
    }
    let mut reply = Reply::to(cx, skb);
    if let Some(sk) = sk {
        reply.oif = sk.sk.bound_dev_if();
        reply.mark = sk.sk.mark();
    }
    let Ok(dst) = ip::route::output(cx, &reply.flow()) else { return };
    if matches!(dst.kind, DstKind::Multicast | DstKind::Broadcast) {
        return;
    }
    let (seq, ack_seq, flags) = if hdr.flags().ack() {
        (hdr.ack_seq(), 0, TcpFlags::RST)
    } else {
        (0, end_seq(skb, hdr), TcpFlags::RST.with(TcpFlags::ACK))
    };
    let repr = TcpRepr {
        source: hdr.dest(),
        dest: hdr.source(),
        seq,
        ack_seq,
        flags,
        window: 0,
        urg_ptr: 0,
        options: TcpOptions::default(),
    };
    cx.inc(Mib::OutSegs);
    cx.inc(Mib::OutRsts);
    reply.send(cx, &dst, segment(cx, &repr));
}

/// One past the last sequence number of a segment, SYN and FIN counted. `skb.data` may be at its
/// header or behind it.
fn end_seq(skb: &SkBuff, hdr: &TcpHdr) -> u32 {
    let header = skb.transport().len() - skb.linear_len();
    let payload = skb.len() + header - hdr.header_len();
    let flags = hdr.flags();
    hdr.seq()
        .wrapping_add(payload as u32)
        .wrapping_add(u32::from(flags.syn()))
        .wrapping_add(u32::from(flags.fin()))
}

fn default_ttl(cx: &Cx<'_>) -> u8 {
    ip::IpNet::of(cx.net).sysctl.ip_default_ttl.load(Relaxed) as u8
}

/// Of no interface in particular.
fn default_hop_limit(_cx: &Cx<'_>) -> u8 {
    64
}

/// A bare acknowledgement.
struct Ack {
    seq: u32,
    ack_seq: u32,
    window: u32,
    tsval: u32,
    tsecr: Option<u32>,
}

fn send_ack(cx: &Cx<'_>, key: &Key, reply: &Reply, ack: &Ack) {
    let Ok(dst) = ip::route::output(cx, &reply.flow()) else { return };
    let timestamp = ack.tsecr.map(|ecr| TcpTimestamp { val: ack.tsval, ecr });
    let repr = TcpRepr {
        source: key.lport,
        dest: key.fport,
        seq: ack.seq,
        ack_seq: ack.ack_seq,
        flags: TcpFlags::ACK,
        window: ack.window.min(65_535) as u16,
        urg_ptr: 0,
        options: TcpOptions { timestamp, ..TcpOptions::default() },
    };
    cx.inc(Mib::OutSegs);
    reply.send(cx, &dst, segment(cx, &repr));
}

/// The clock of timestamps, ms.
fn ts_clock(cx: &Cx<'_>) -> u32 {
    (cx.now().us() / 1000) as u32
}

/// TIME_WAIT acknowledges once more (`tcp_v4_timewait_ack`).
/// What answers nonsense says nothing of ECN.
pub(super) fn timewait_ack(cx: &Cx<'_>, tw: &TimeWait, skb: &Skb, nonsense: bool) {
    let tos = if nonsense { tw.tos & !MASK } else { tw.tos };
    let reply = Reply { oif: tw.bound_dev, mark: tw.mark, tos, ..Reply::to(cx, skb) };
    let ack = Ack {
        seq: tw.snd_nxt,
        ack_seq: tw.rcv_nxt(),
        window: tw.rcv_wnd >> tw.rcv_wscale,
        tsval: ts_clock(cx).wrapping_add(tw.ts_offset),
        tsecr: tw.ts_recent(),
    };
    send_ack(cx, &tw.key, &reply, &ack);
}

/// A request answers a segment outside of its window (`tcp_v4_reqsk_send_ack`).
pub fn request_ack(cx: &Cx<'_>, request: &Request, skb: &Skb) {
    let open = request.state.lock().open;
    let reply = Reply { mark: request.mark, ..Reply::to(cx, skb) };
    let ack = Ack {
        seq: open.snt_isn.wrapping_add(1),
        ack_seq: open.rcv_nxt,
        window: open.rcv_wnd >> open.rcv_wscale,
        tsval: ts_clock(cx).wrapping_add(open.ts_off),
        tsecr: open.tstamp_ok.then_some(open.ts_recent),
    };
    send_ack(cx, &request.key, &reply, &ack);
}

/// The route back to the peer of a request (`inet_csk_route_req`).
pub fn reply_route(
    cx: &Cx<'_>,
    key: &Key,
    iif: u32,
    mark: u32,
    tos: u8,
    options: Option<&IpOptions>,
) -> Option<Arc<Dst>> {
    let oif = if key.faddr.needs_scope_id() { iif } else { 0 };
    let daddr = options.and_then(IpOptions::first_hop).map_or(key.faddr, InetAddr::v4);
    let flow = Flow { daddr, saddr: key.laddr, oif, iif: 0, mark, tos: tos & 0xfc };
    let dst = ip::route::output(cx, &flow).ok()?;
    // A strict source route knows of no gateway.
    let astray = options.is_some_and(IpOptions::is_strict) && dst.gateway.is_some();
    (!astray && !matches!(dst.kind, DstKind::Multicast | DstKind::Broadcast)).then_some(dst)
}

/// Where our sequence numbers begin.
#[derive(Clone, Copy, Debug)]
pub enum Isn {
    /// Where nobody expects it.
    Fresh,
    /// Behind those of the connection before.
    Given(u32),
    /// They are a SYN cookie.
    Cookie,
}

/// What a SYN asks for and the listener agrees to (`tcp_openreq_init`, `tcp_openreq_init_rwin`).
/// `None` when there is no way back.
pub fn open_request(
    cx: &Cx<'_>,
    listener: &Sock<Tcp>,
    template: &TcpSock,
    skb: &Skb,
    rx: &TcpRx,
    options: &TcpOptions<'_>,
    isn: Isn,
) -> Option<OpenReq> {
    let cookie = matches!(isn, Isn::Cookie);
    let key = &super::key_of(skb);
    let dst = reply_route(cx, key, skb.iif, listener.mark(), 0, echoed_options(cx, skb).as_ref())?;
    let sysctl = &cx.tcp().sysctl;
    let beginnings = secrets(cx, key);
    let user_mss = template.rx_opt.user_mss;
    // A peer's MSS of 0 is as none; ours bounds it.
    let default = if key.faddr.is_v4() { MSS_DEFAULT } else { MSS_DEFAULT_V6 };
    let mut mss = options.mss.filter(|&mss| mss != 0).unwrap_or(default);
    if user_mss != 0 {
        mss = mss.min(user_mss);
    }
    let timestamp = options.timestamp.filter(|_| sysctl.timestamps() != 0);
    // A cookie tells of options by the timestamp, or not at all.
    let kept = !cookie || timestamp.is_some();
    let wscale = options.wscale.filter(|_| sysctl.window_scaling() != 0 && kept);
    let mut open = OpenReq {
        rcv_isn: rx.seq,
        snt_isn: if let Isn::Given(isn) = isn { isn } else { beginnings.isn },
        rcv_nxt: rx.seq.wrapping_add(1),
        mss,
        snd_wscale: wscale.unwrap_or(0).min(14),
        wscale_ok: wscale.is_some(),
        tstamp_ok: timestamp.is_some(),
        sack_ok: options.sack_perm && sysctl.sack() != 0 && kept,
        cookie,
        ts_recent: timestamp.map_or(0, |ts| ts.val),
        ts_off: beginnings.ts_off,
        snt_synack: cx.now().us(),
        syn_tos: ip::packet::tos(skb),
        ..OpenReq::default()
    };
    let reserved = TcpHdr::view(skb.transport()).map_or(0, |(hdr, _)| hdr.reserved());
    create_request(&mut open, sysctl, rx, reserved, &dst);
    if cookie {
        (open.snt_isn, open.mss) = syncookies::sequence(cx, key, rx.seq, open.mss);
        open.ecn_ok &= open.tstamp_ok;
    }
    syn::open_req_window(
        &mut open,
        cx,
        &dst,
        key.faddr.is_v4(),
        user_mss,
        (listener.rcvbuf(), listener.flag(net::sock::SockFlag::RcvbufLock)),
        template.window_clamp,
    );
    Some(open)
}

/// Answers a SYN, or answers it again.
pub fn send_synack(cx: &Cx<'_>, request: &Request, cookie: Option<Cookie>, again: bool) {
    let options = request.options.as_deref();
    let Some(dst) = reply_route(cx, &request.key, request.iif, request.mark, request.tos, options) else {
        return;
    };
    let (open, again) = {
        let mut state = request.state.lock();
        state.open.accecn.syn_ect_snt = request.tos & MASK;
        (state.open, again.then_some(state.num_timeout))
    };
    let Key { laddr, faddr, lport, fport } = request.key;
    let now = ts_clock(cx);
    let now = if open.cookie { syncookies::timestamp(now, &open) } else { now };
    let skb = syn::make_synack(cx, &open, lport, fport, now, cookie.as_ref(), again);
    let tos = match cx.tcp().sysctl.reflect_tos() {
        0 => request.tos,
        _ => open.syn_tos & !MASK | request.tos & MASK,
    };
    let reply = Reply {
        saddr: laddr,
        daddr: faddr,
        oif: 0,
        mark: request.mark,
        tos,
        options: request.options.clone(),
    };
    cx.inc(Mib::OutSegs);
    reply.send(cx, &dst, skb);
}
