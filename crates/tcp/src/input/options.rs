//! Options of incoming segments, and timestamps (RFC 7323): which to echo, which are too old.

use super::TcpRx;
use crate::ecn::feedback::note_option;
use crate::seq::after;
use crate::sock::{RxOpt, Sk, TcpSock};
use net::Skb;
use wire::tcp::options::{SackBlocks, TcpOptions, aligned_timestamp};

/// A clock of timestamps that stood still for so long says nothing, s (`TCP_PAWS_24DAYS`).
const PAWS_24DAYS: u32 = 60 * 60 * 24 * 24;
/// How far back a timestamp may go, ms (`TCP_PAWS_WINDOW`).
pub const PAWS_WINDOW: i32 = 1;

/// The option bytes of a segment whose header is still in front.
#[inline]
#[must_use]
pub fn bytes<'s>(skb: &'s Skb, rx: &TcpRx) -> &'s [u8] {
    skb.linear().get(20..rx.header_len as usize).unwrap_or(&[])
}

/// Reads the options of an established connection's segment into `rx_opt`; the SACK blocks are
/// returned (`tcp_fast_parse_options`).
pub fn parse(sk: &mut Sk<'_>, rx: &TcpRx, skb: &Skb) -> SackBlocks {
    sk.rx_opt.saw_tstamp = false;
    if sk.is_accecn() {
        note_option(sk, None);
    }
    if rx.header_len == 20 {
        return SackBlocks::NONE;
    }
    let options = bytes(skb, rx);
    if sk.rx_opt.tstamp_ok && rx.header_len == 32 && parse_aligned(sk, options) {
        return SackBlocks::NONE;
    }
    let all = TcpOptions::parse(options);
    if sk.rx_opt.tstamp_ok
        && let Some(ts) = all.timestamp
    {
        take_timestamp(sk, ts.val, ts.ecr);
    }
    if all.accecn.is_some() {
        note_option(sk, all.accecn);
    }
    if sk.rx_opt.sack_ok { all.sack } else { SackBlocks::NONE }
}

/// Timestamps where every stack puts them; false when something else is there.
#[inline]
pub fn parse_aligned(sk: &mut Sk<'_>, options: &[u8]) -> bool {
    match aligned_timestamp(options) {
        Some(ts) => {
            take_timestamp(sk, ts.val, ts.ecr);
            true
        }
        None => false,
    }
}

#[inline]
fn take_timestamp(sk: &mut Sk<'_>, val: u32, ecr: u32) {
    sk.rx_opt.saw_tstamp = true;
    sk.rx_opt.rcv_tsval = val;
    sk.rx_opt.rcv_tsecr = if ecr != 0 { ecr.wrapping_sub(sk.tsoffset) } else { 0 };
}

/// Reads the options of a SYN or SYN-ACK (`tcp_parse_options` with `estab` 0). What this host does
/// not want is not agreed on.
pub fn parse_syn(sk: &mut Sk<'_>, rx: &TcpRx, skb: &Skb, sysctl: &crate::sysctl::Sysctl) {
    let all = TcpOptions::parse(bytes(skb, rx));
    sk.rx_opt.saw_tstamp = false;
    note_option(sk, all.accecn);
    if let Some(ts) = all.timestamp
        && (sk.rx_opt.tstamp_ok || sysctl.timestamps() != 0)
    {
        take_timestamp(sk, ts.val, ts.ecr);
    }
    if !rx.flags.syn() {
        return;
    }
    if let Some(mss) = all.mss {
        let user = sk.rx_opt.user_mss;
        sk.rx_opt.mss_clamp = if user != 0 { mss.min(user) } else { mss };
    }
    sk.rx_opt.wscale_ok = all.wscale.is_some() && sysctl.window_scaling() != 0;
    sk.rx_opt.snd_wscale = if sk.rx_opt.wscale_ok { all.wscale.unwrap_or(0) } else { 0 };
    sk.rx_opt.sack_ok = all.sack_perm && sysctl.sack() != 0;
}

/// Takes the peer's timestamp as the one to echo (`tcp_store_ts_recent`).
#[inline]
pub fn store_ts_recent(tp: &mut TcpSock) {
    tp.rx_opt.ts_recent = tp.rx_opt.rcv_tsval;
    tp.rx_opt.ts_recent_stamp = ((tp.mstamp / 1_000_000) as u32).max(1);
}

/// RFC 7323 section 4.3: only a segment that covers the last ACK sent counts
/// (`tcp_replace_ts_recent`). True when it is newer.
#[inline]
pub fn replace_ts_recent(tp: &mut TcpSock, seq: u32) -> bool {
    if tp.rx_opt.saw_tstamp && !after(seq, tp.rcv_wup) && paws_check(&tp.rx_opt, 0, tp.mstamp) {
        let newer = tp.rx_opt.rcv_tsval.wrapping_sub(tp.rx_opt.ts_recent) as i32 > 0;
        store_ts_recent(tp);
        return newer;
    }
    false
}

/// True when the segment's timestamp is not older than the last one by more than `window` ms
/// (`tcp_paws_check`).
#[inline]
#[must_use]
pub fn paws_check(rx_opt: &RxOpt, window: i32, mstamp: u64) -> bool {
    rx_opt.ts_recent.wrapping_sub(rx_opt.rcv_tsval) as i32 <= window
        || ((mstamp / 1_000_000) as u32).wrapping_sub(rx_opt.ts_recent_stamp) >= PAWS_24DAYS
        // Before the first one anything goes.
        || rx_opt.ts_recent == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_timestamps_are_refused_until_they_are_ancient() {
        let opt = RxOpt { ts_recent: 1000, ts_recent_stamp: 5, rcv_tsval: 998, ..RxOpt::default() };
        assert!(!paws_check(&opt, PAWS_WINDOW, 6_000_000));
        assert!(paws_check(&RxOpt { rcv_tsval: 999, ..opt }, PAWS_WINDOW, 6_000_000));
        assert!(paws_check(&opt, 0, u64::from(PAWS_24DAYS + 5) * 1_000_000));
        assert!(paws_check(&RxOpt { rcv_tsval: 3, ts_recent: u32::MAX, ..opt }, 0, 6_000_000));
    }
}
