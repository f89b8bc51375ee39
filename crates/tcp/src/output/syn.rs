//! The beginning of a connection: SYN, SYN-ACK, and the windows they offer (`tcp_connect`,
//! `tcp_make_synack`, `tcp_select_initial_window`).

use super::mss::{advertise, dst_mtu, sync_mss};
use super::options::with_accecn;
use super::queue::Segment;
use super::window::full_space;
use super::{append, segment};
use crate::TcpCx;
use crate::ecn::{self, handshake};
use crate::fastopen::client;
use crate::fastopen::keys::Cookie;
use crate::init::OpenReq;
use crate::mem;
use crate::sock::{Sk, XmitTimer};
use crate::timer;
use net::mib;
use net::sock::SockFlag;
use net::{Cx, Dst, Skb};
use std::sync::atomic::Ordering::Relaxed;
use uapi::tcp::TCP_MSS_DEFAULT;
use uapi::{Errno, Result};
use vfs::iov::IovSource;
use wire::tcp::FastOpen;
use wire::tcp::options::{TCP_MAX_WSCALE, TcpOptions, TcpTimestamp};
use wire::{TcpFlags, TcpHdr, TcpRepr};

/// What a connection offers at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialWindow {
    /// The first window, bytes.
    pub rcv_wnd: u32,
    /// The most it may ever be.
    pub window_clamp: u32,
    /// The scale to ask for.
    pub rcv_wscale: u8,
}

/// Chooses the first window for a buffer that holds `space` bytes of payload.
#[must_use]
pub fn select_initial_window(
    cx: &Cx<'_>,
    space: i32,
    mss: u32,
    window_clamp: u32,
    wscale_ok: bool,
    init_rcv_wnd: u32,
) -> InitialWindow {
    let sysctl = &cx.tcp().sysctl;
    let clamp = if window_clamp == 0 { 65_535 << TCP_MAX_WSCALE } else { window_clamp };
    let mut space = (space.max(0) as u32).min(clamp);
    if space > mss && mss > 0 {
        space = space / mss * mss;
    }
    let mut rcv_wnd = if sysctl.workaround_signed_windows() != 0 { space.min(32_767) } else { space };
    if init_rcv_wnd != 0 {
        rcv_wnd = rcv_wnd.min(init_rcv_wnd * mss);
    }
    let mut rcv_wscale = 0;
    if wscale_ok {
        // The window may grow as far as any buffer may.
        let most = space.max(sysctl.rmem(2) as u32).max(cx.net.core.rmem_max.load(Relaxed) as u32).min(clamp);
        rcv_wscale = (most.max(1).ilog2() as i32 - 15).clamp(0, i32::from(TCP_MAX_WSCALE)) as u8;
    }
    InitialWindow { rcv_wnd, window_clamp: clamp.min(65_535 << rcv_wscale), rcv_wscale }
}

/// A first guess of the peer's segment size (`tcp_initialize_rcv_mss`).
pub fn initialize_rcv_mss(sk: &mut Sk<'_>) {
    let hint = u32::from(sk.advmss).min(sk.mss_cache).min(sk.rcv_wnd / 2);
    sk.ack_rcv_mss = hint.min(u32::from(TCP_MSS_DEFAULT)).max(u32::from(uapi::tcp::TCP_MIN_MSS)) as u16;
}

/// The least MTU of IPv6 without headers.
const MSS_DEFAULT_V6: u16 = 1280 - 40 - 20;

fn connect_init(sk: &mut Sk<'_>, cx: &Cx<'_>) -> Result<()> {
    let sysctl = &cx.tcp().sysctl;
    sk.tcp_header_len = if sysctl.timestamps() != 0 { 32 } else { 20 };
    let v4 = sk.inet.daddr.is_v4();
    let least = if v4 { TCP_MSS_DEFAULT } else { MSS_DEFAULT_V6 };
    sk.rx_opt.mss_clamp = if sk.rx_opt.user_mss != 0 { sk.rx_opt.user_mss } else { least };
    sk.max_window = 0;
    // What ended the last attempt is no news of this one.
    sk.sk.take_err();
    sk.sk.set_flag(net::sock::SockFlag::Done, false);
    let dst = sk.inet.dst.clone().ok_or(Errno::ENETUNREACH)?;
    super::mtu_probe::init(sk, cx);
    sync_mss(sk, cx, dst_mtu(&dst, v4));
    if sk.window_clamp == 0 {
        sk.window_clamp = dst.metrics.window;
    }
    sk.advmss = advertise(sk.rx_opt.user_mss, &dst, v4);
    initialize_rcv_mss(sk);
    let full = full_space(sk).max(0) as u32;
    if sk.sk.flag(SockFlag::RcvbufLock) && (sk.window_clamp > full || sk.window_clamp == 0) {
        sk.window_clamp = full;
    }
    let options =
        if sk.rx_opt.ts_recent_stamp != 0 { u32::from(sk.tcp_header_len) - TcpHdr::LEN as u32 } else { 0 };
    let win = select_initial_window(
        cx,
        full as i32,
        u32::from(sk.advmss) - options,
        sk.window_clamp,
        sysctl.window_scaling() != 0,
        dst.metrics.initrwnd,
    );
    (sk.rcv_wnd, sk.window_clamp, sk.rx_opt.rcv_wscale) = (win.rcv_wnd, win.window_clamp, win.rcv_wscale);
    sk.rcv_ssthresh = win.rcv_wnd;
    sk.snd_wnd = 0;
    sk.snd_wl1 = 0;
    append::write_queue_purge(sk, cx);
    let isn = sk.write_seq;
    (sk.snd_una, sk.snd_sml, sk.snd_up, sk.snd_nxt) = (isn, isn, isn, isn);
    if sk.repair {
        sk.rcv_tstamp = sk.jiffies32();
    } else {
        sk.rcv_nxt = 0;
    }
    (sk.rcv_wup, sk.copied_seq) = (sk.rcv_nxt, sk.rcv_nxt);
    sk.rto = crate::timer::TIMEOUT_INIT;
    sk.retransmits = 0;
    crate::input::recovery::clear_retrans(sk);
    Ok(())
}

/// Sends the SYN of an active open. State, addresses, route and ISN (`write_seq`) are set. Of `data`
/// Fast Open takes what goes with the SYN.
pub fn connect(sk: &mut Sk<'_>, cx: &Cx<'_>, data: Option<&mut IovSource<'_>>) -> Result<()> {
    connect_init(sk, cx)?;
    super::mstamp_refresh(sk, cx);
    if sk.repair {
        crate::input::synsent::finish_connect(sk, cx);
        return Ok(());
    }
    let isn = sk.write_seq;
    let flags = TcpFlags::SYN.with(handshake::send_syn(sk));
    let mut syn = Segment::new(cx, isn, flags);
    syn.end_seq = isn.wrapping_add(1);
    syn.pcount = 1;
    sk.write_seq = syn.end_seq;
    sk.retrans_stamp = sk.jiffies32().max(1);
    mem::force(sk, cx, syn.skb.truesize);
    mem::wmem_charge(sk, syn.skb.truesize);
    sk.send_queue.push(syn);
    sk.send_queue.advance();
    sk.packets_out += 1;
    let sent = match client::of(sk).request {
        Some(_) => client::send_syn_data(sk, cx, data),
        None => segment::transmit(sk, cx, 0),
    };
    if sent == Err(Errno::ECONNREFUSED) {
        return sent;
    }
    // Now, so that a packet of the past cannot be taken for an answer.
    // Data that could not go with the SYN waits.
    let next = sk.send_queue.send_head().map_or(sk.write_seq, |head| head.seq);
    (sk.snd_nxt, sk.pushed_seq) = (next, next);
    cx.inc(mib::Tcp::ActiveOpens);
    let rto = u64::from(sk.rto);
    timer::reset_xmit_timer(sk, cx, XmitTimer::Retrans, rto);
    Ok(())
}

/// A simultaneous open: our SYN goes again, as a SYN-ACK (`tcp_send_synack`).
pub fn send_synack(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    super::mstamp_refresh(sk, cx);
    if sk.send_queue.sent() == 0 || !sk.send_queue[0].flags.syn() {
        return;
    }
    let flags = sk.send_queue[0].flags;
    if !flags.ack() {
        sk.send_queue[0].flags = handshake::crossed_synack(sk, flags).with(TcpFlags::ACK);
    }
    let _ = segment::transmit(sk, cx, 0);
}

/// The window a request offers, from the listener's buffer (`tcp_openreq_init_rwin`).
pub fn open_req_window(
    req: &mut OpenReq,
    cx: &Cx<'_>,
    dst: &Dst,
    v4: bool,
    user_mss: u16,
    (rcvbuf, locked): (i32, bool),
    window_clamp: u32,
) {
    let space = crate::init::default_win_from_space(rcvbuf);
    req.advmss = advertise(user_mss, dst, v4);
    let mut clamp = if window_clamp != 0 { window_clamp } else { dst.metrics.window };
    if locked && (clamp > space as u32 || clamp == 0) {
        clamp = space as u32;
    }
    let options = if req.tstamp_ok { 12 } else { 0 };
    let mss = u32::from(req.advmss).saturating_sub(options);
    let win = select_initial_window(cx, space, mss, clamp, req.wscale_ok, dst.metrics.initrwnd);
    (req.rcv_wnd, req.window_clamp, req.rcv_wscale) = (win.rcv_wnd, win.window_clamp, win.rcv_wscale);
}

/// The window of a connection that comes back by a SYN cookie (`cookie_v4_check`): in segments of the peer's size,
/// which is all that is known.
pub fn cookie_window(
    req: &mut OpenReq,
    cx: &Cx<'_>,
    dst: &Dst,
    v4: bool,
    user_mss: u16,
    (rcvbuf, locked): (i32, bool),
    window_clamp: u32,
) {
    let space = crate::init::default_win_from_space(rcvbuf);
    req.advmss = advertise(user_mss, dst, v4);
    let mut clamp = if window_clamp != 0 { window_clamp } else { dst.metrics.window };
    if locked && (clamp > space as u32 || clamp == 0) {
        clamp = space as u32;
    }
    let win =
        select_initial_window(cx, space, u32::from(req.mss), clamp, req.wscale_ok, dst.metrics.initrwnd);
    (req.rcv_wnd, req.window_clamp, req.rcv_wscale) = (win.rcv_wnd, win.window_clamp, win.rcv_wscale);
}

/// A SYN-ACK for a request; `data` is at the TCP header, the checksum field is still empty. `tsval`
/// is the clock in ms, without the offset. `again` says after how many timeouts it goes once more.
#[must_use]
pub fn make_synack(
    cx: &Cx<'_>,
    req: &OpenReq,
    sport: u16,
    dport: u16,
    tsval: u32,
    cookie: Option<&Cookie>,
    again: Option<u8>,
) -> Skb {
    let mut repr = TcpRepr {
        source: sport,
        dest: dport,
        seq: req.snt_isn,
        ack_seq: req.rcv_nxt,
        flags: TcpFlags::SYN.with(TcpFlags::ACK).with(handshake::synack_flags(
            req,
            again.is_some(),
            again.unwrap_or(0),
        )),
        window: req.rcv_wnd.min(65_535) as u16,
        urg_ptr: 0,
        options: TcpOptions {
            mss: Some(req.advmss),
            timestamp: req
                .tstamp_ok
                .then(|| TcpTimestamp { val: tsval.wrapping_add(req.ts_off), ecr: req.ts_recent }),
            wscale: req.wscale_ok.then_some(req.rcv_wscale),
            sack_perm: req.sack_ok,
            fastopen: cookie.map(|cookie| FastOpen { cookie: Some(&cookie.bytes), exp: cookie.exp }),
            ..TcpOptions::default()
        },
    };
    let counters = ecn::option::counters(&[0; 3]);
    if req.accecn.ok && again.is_none() {
        let enabled = cx.tcp().sysctl.ecn_option() != 0;
        if let Some(fields) = ecn::option::synack(enabled, &repr.options) {
            repr.options = with_accecn(&repr.options, &counters, fields);
        }
    }
    let mut skb = cx.alloc_skb();
    let len = repr.header_len();
    repr.emit(skb.push(len));
    skb.set_transport_header();
    skb.gso_segs = 1;
    skb
}
