//! TCP options of outgoing segments (`tcp_syn_options`, `tcp_established_options`).

use crate::TcpCx;
use crate::fastopen::client::{self, Cookie};
use crate::sock::{RxOpt, Sk};
use crate::state;
use net::Cx;
use uapi::tcp::TcpState;
use wire::TcpFlags;
use wire::tcp::options::{MAX_TCP_OPTION_SPACE, SackBlocks, TcpOptions, TcpTimestamp};

/// Bytes of the timestamp option with its padding.
pub const TIMESTAMP_LEN: usize = 12;

/// What goes behind the header.
pub enum OutOptions {
    /// Nothing.
    None,
    /// Those of a SYN, and what it says of Fast Open.
    Syn(TcpOptions<'static>, Option<Cookie>),
    /// SACK blocks, with timestamps or without.
    Sack(Option<TcpTimestamp>, SackBlocks),
}

impl OutOptions {
    /// The options of a segment with `flags`, and how many bytes they take.
    #[cold]
    pub fn of(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: TcpFlags) -> (OutOptions, usize) {
        if flags.syn() {
            super::mss::lower_advmss(sk);
            let all = syn_options(sk, cx);
            let len = all.emit_len();
            let Some(cookie) = client::syn_cookie(sk, MAX_TCP_OPTION_SPACE - len) else {
                return (OutOptions::Syn(all, None), len);
            };
            client::note_asked(sk, &cookie);
            return (OutOptions::Syn(all, Some(cookie)), len + cookie.option_len());
        }
        let ts = sk.rx_opt.tstamp_ok.then(|| TcpTimestamp { val: sk.tsval(), ecr: sk.rx_opt.ts_recent });
        if sk.rx_opt.num_sacks != 0 || sk.duplicate_sack.is_some() {
            let sack = sack_blocks(sk, ts.is_some());
            let ts_len = if ts.is_some() { TIMESTAMP_LEN } else { 0 };
            return (OutOptions::Sack(ts, sack), ts_len + 4 + 8 * sack.as_slice().len());
        }
        match ts {
            Some(_) => (OutOptions::Sack(ts, SackBlocks::NONE), TIMESTAMP_LEN),
            None => (OutOptions::None, 0),
        }
    }

    /// Writes them to the bytes behind the header.
    #[cold]
    pub fn write(&self, room: &mut [u8]) {
        match self {
            OutOptions::None => {}
            OutOptions::Syn(all, cookie) => {
                let fastopen = cookie.as_ref().map(Cookie::option);
                TcpOptions { fastopen, ..*all }.emit(room);
            }
            OutOptions::Sack(timestamp, sack) => {
                TcpOptions { timestamp: *timestamp, sack: *sack, ..TcpOptions::default() }.emit(room);
            }
        }
    }
}

/// What nearly every segment has for options: timestamps, and nothing else.
#[inline]
pub fn only_timestamp(sk: &Sk<'_>, flags: TcpFlags) -> Option<TcpTimestamp> {
    let only = sk.rx_opt.tstamp_ok && sk.rx_opt.num_sacks == 0 && sk.duplicate_sack.is_none() && !flags.syn();
    only.then(|| TcpTimestamp { val: sk.tsval(), ecr: sk.rx_opt.ts_recent })
}

/// The timestamp option, aligned as RFC 7323 appendix A advises.
#[inline]
pub fn timestamp_bytes(ts: TcpTimestamp) -> [u8; TIMESTAMP_LEN] {
    let ([a, b, c, d], [e, f, g, h]) = (ts.val.to_be_bytes(), ts.ecr.to_be_bytes());
    [1, 1, 8, 10, a, b, c, d, e, f, g, h]
}

/// The D-SACK first, then what is beyond holes, newest first, as many as fit.
fn sack_blocks(sk: &Sk<'_>, timestamps: bool) -> SackBlocks {
    let fits = if timestamps { 3 } else { 4 };
    let held = sk.selective_acks.iter().take(usize::from(sk.rx_opt.num_sacks)).copied();
    sk.duplicate_sack.into_iter().chain(held).take(fits).collect()
}

/// Options of a SYN, or of a SYN-ACK of a simultaneous open.
fn syn_options(sk: &Sk<'_>, cx: &Cx<'_>) -> TcpOptions<'static> {
    let sysctl = &cx.tcp().sysctl;
    let synack = state::state(sk) == TcpState::SynRecv;
    let offer = |sysctl_on: bool, agreed: bool| if synack { agreed } else { sysctl_on };
    let timestamps = offer(sysctl.timestamps() != 0, sk.rx_opt.tstamp_ok);
    TcpOptions {
        mss: Some(sk.advmss),
        timestamp: timestamps.then(|| TcpTimestamp { val: sk.tsval(), ecr: sk.rx_opt.ts_recent }),
        wscale: offer(sysctl.window_scaling() != 0, sk.rx_opt.wscale_ok).then_some(sk.rx_opt.rcv_wscale),
        sack_perm: offer(sysctl.sack() != 0, sk.rx_opt.sack_ok),
        ..TcpOptions::default()
    }
}

/// Bytes of options that a usual data segment has now (`tcp_established_options` for the size).
#[inline]
#[must_use]
pub fn established_len(rx_opt: &RxOpt, dsack: bool) -> usize {
    let ts = if rx_opt.tstamp_ok { TIMESTAMP_LEN } else { 0 };
    let blocks = usize::from(rx_opt.num_sacks) + usize::from(dsack);
    if blocks == 0 {
        return ts;
    }
    ts + 4 + 8 * blocks.min(if ts == 0 { 4 } else { 3 })
}
