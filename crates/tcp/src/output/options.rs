//! TCP options of outgoing segments (`tcp_syn_options`, `tcp_established_options`).

use crate::TcpCx;
use crate::ecn::{ACCECN, option};
use crate::fastopen::client::{self, Cookie};
use crate::sock::Sk;
use crate::state;
use net::Cx;
use uapi::tcp::TcpState;
use wire::TcpFlags;
use wire::tcp::options::{AccEcn, MAX_TCP_OPTION_SPACE, SackBlocks, TcpOptions, TcpTimestamp};

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
    /// The same with counters of Accurate ECN: so many of these.
    AccEcn(Option<TcpTimestamp>, SackBlocks, usize, [u8; 9]),
    /// A SYN-ACK's, with empty ones.
    SynAccEcn(TcpOptions<'static>, usize),
}

impl OutOptions {
    /// The options of a segment with `flags`, and how many bytes they take.
    #[cold]
    pub fn of(sk: &mut Sk<'_>, cx: &Cx<'_>, flags: TcpFlags) -> (OutOptions, usize) {
        if flags.syn() {
            super::mss::lower_advmss(sk);
            let all = syn_options(sk, cx);
            let len = all.emit_len();
            // The SYN-ACK of a simultaneous open, at first.
            let enabled = flags.ack() && sk.is_accecn() && sk.retransmits < 2;
            if let Some(fields) = option::synack(enabled && cx.tcp().sysctl.ecn_option() != 0, &all) {
                let bytes = option::counters(&[0; 3]);
                let len = with_accecn(&all, &bytes, fields).emit_len();
                return (OutOptions::SynAccEcn(all, fields), len);
            }
            let Some(cookie) = client::syn_cookie(sk, MAX_TCP_OPTION_SPACE - len) else {
                return (OutOptions::Syn(all, None), len);
            };
            client::note_asked(sk, &cookie);
            return (OutOptions::Syn(all, Some(cookie)), len + cookie.option_len());
        }
        let ts = sk.rx_opt.tstamp_ok.then(|| TcpTimestamp { val: sk.tsval(), ecr: sk.rx_opt.ts_recent });
        if sk.is_accecn()
            && let Some(out) = accurate(sk, ts)
        {
            return out;
        }
        if sk.rx_opt.num_sacks != 0 || sk.ofo.duplicate_sack.is_some() {
            let sack = sack_blocks(sk, if ts.is_some() { 3 } else { 4 });
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
            OutOptions::AccEcn(timestamp, sack, fields, bytes) => {
                let all = TcpOptions { timestamp: *timestamp, sack: *sack, ..TcpOptions::default() };
                with_accecn(&all, bytes, *fields).emit(room);
            }
            OutOptions::SynAccEcn(all, fields) => {
                with_accecn(all, &option::counters(&[0; 3]), *fields).emit(room);
            }
        }
    }

    /// The option of Accurate ECN is among them.
    #[must_use]
    pub fn has_accecn(&self) -> bool {
        matches!(self, OutOptions::AccEcn(..) | OutOptions::SynAccEcn(..))
    }
}

/// Options and so many of Accurate ECN's counters.
pub fn with_accecn<'a>(all: &TcpOptions<'a>, bytes: &'a [u8; 9], fields: usize) -> TcpOptions<'a> {
    let accecn = Some(AccEcn { order1: true, data: &bytes[..3 * fields.min(3)] });
    TcpOptions { accecn, ..*all }
}

/// The options of a segment that has the one of Accurate ECN; `None` if it has not.
fn accurate(sk: &Sk<'_>, ts: Option<TcpTimestamp>) -> Option<(OutOptions, usize)> {
    let (used, sacks) = usual_len(sk);
    let fit = option::established(sk, used, sacks)?;
    let blocks = if sacks == 0 { SackBlocks::NONE } else { sack_blocks(sk, fit.sacks) };
    let len = used - 8 * (sacks - fit.sacks) + fit.len;
    let bytes = option::counters(&sk.accecn().received_bytes);
    Some((OutOptions::AccEcn(ts, blocks, fit.fields, bytes), len))
}

/// What nearly every segment has for options: timestamps, and nothing else.
#[inline]
pub fn only_timestamp(sk: &Sk<'_>, flags: TcpFlags) -> Option<TcpTimestamp> {
    let only = sk.rx_opt.tstamp_ok
        && sk.rx_opt.num_sacks | sk.ecn_flags & ACCECN == 0
        && sk.ofo.duplicate_sack.is_none()
        && !flags.syn();
    only.then(|| TcpTimestamp { val: sk.tsval(), ecr: sk.rx_opt.ts_recent })
}

/// The timestamp option, aligned as RFC 7323 appendix A advises.
#[inline]
pub fn timestamp_bytes(ts: TcpTimestamp) -> [u8; TIMESTAMP_LEN] {
    let ([a, b, c, d], [e, f, g, h]) = (ts.val.to_be_bytes(), ts.ecr.to_be_bytes());
    [1, 1, 8, 10, a, b, c, d, e, f, g, h]
}

/// The D-SACK first, then what is beyond holes, newest first, as many as fit.
fn sack_blocks(sk: &Sk<'_>, fits: usize) -> SackBlocks {
    let held = sk.ofo.selective_acks.iter().take(usize::from(sk.rx_opt.num_sacks)).copied();
    sk.ofo.duplicate_sack.into_iter().chain(held).take(fits).collect()
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
pub fn established_len(sk: &Sk<'_>) -> usize {
    if sk.rx_opt.num_sacks | sk.ecn_flags & ACCECN == 0 && sk.ofo.duplicate_sack.is_none() {
        return if sk.rx_opt.tstamp_ok { TIMESTAMP_LEN } else { 0 };
    }
    unusual_len(sk)
}

#[cold]
fn unusual_len(sk: &Sk<'_>) -> usize {
    let (used, sacks) = usual_len(sk);
    if sk.is_accecn()
        && let Some(fit) = option::established(sk, used, sacks)
    {
        return used - 8 * (sacks - fit.sacks) + fit.len;
    }
    used
}

/// Bytes of timestamps and SACK blocks, and how many of these there are.
fn usual_len(sk: &Sk<'_>) -> (usize, usize) {
    let ts = if sk.rx_opt.tstamp_ok { TIMESTAMP_LEN } else { 0 };
    let blocks = usize::from(sk.rx_opt.num_sacks) + usize::from(sk.ofo.duplicate_sack.is_some());
    if blocks == 0 {
        return (ts, 0);
    }
    let blocks = blocks.min(if ts == 0 { 4 } else { 3 });
    (ts + 4 + 8 * blocks, blocks)
}
