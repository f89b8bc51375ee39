//! The option of Accurate ECN that we send: which counters, where they fit among the other options.

use super::{AccEcn, CE, ECT_0, ECT_1, OPT_FAIL_SEND, Seen};
use crate::sock::{Sk, TcpSock};
use wire::tcp::options::MAX_TCP_OPTION_SPACE;

/// `net.ipv4.tcp_ecn_option`: on every segment.
const FULL: i32 = 2;
/// Although it does not seem to come through.
const PERSIST: i32 = 3;
/// The option's counters: ECT(1), CE, ECT(0).
const FIELDS: usize = 3;

/// The order of the counters, as the two bits; none begins at a value that zeroing would leave alone.
const ORDER: [(u8, u32); FIELDS] = [(ECT_1, 1), (CE, 0), (ECT_0, 1)];

/// What a counter begins with, by the two bits (`tcp_accecn_field_init_offset`).
#[must_use]
pub fn initial(ecn: u8) -> u32 {
    ORDER.iter().find(|field| field.0 == ecn).map_or(0, |field| field.1)
}

/// Which counter of the option belongs to the two bits, from 1; 0 for none
/// (`tcp_ecnfield_to_accecn_optfield`).
#[must_use]
pub fn field_of(ecn: u8) -> u8 {
    ORDER.iter().position(|field| field.0 == ecn).map_or(0, |i| i as u8 + 1)
}

/// Where the option goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Counters it has.
    pub fields: usize,
    /// SACK blocks that there is still room for.
    pub sacks: usize,
    /// Bytes it adds to those of the other options.
    pub len: usize,
}

/// As many counters as there is room for, `required` at least; SACK blocks beyond two give way.
/// `padding` bytes of other options' padding may be used (`tcp_options_fit_accecn`).
#[must_use]
pub fn fit(required: usize, remaining: usize, padding: usize, sacks: usize) -> Option<Fit> {
    let mut left = sacks;
    loop {
        let room = remaining + 8 * (sacks - left);
        for fields in (required.min(FIELDS)..=FIELDS).rev() {
            let size: usize = 2 + 3 * fields;
            let len = if size % 4 > padding { size.next_multiple_of(4) } else { size & !3 };
            if room >= len {
                return Some(Fit { fields, sacks: left, len });
            }
        }
        if left <= 2 || required == 0 {
            return None;
        }
        left -= 1;
    }
}

/// The next segment has the option (`tcp_established_options`).
fn wanted(tp: &TcpSock, state: &AccEcn) -> bool {
    let mode = tp.sysctl().ecn_option();
    mode != 0
        && state.opt_seen != Seen::Not
        && (mode >= PERSIST || state.fail_mode & OPT_FAIL_SEND == 0)
        && (mode >= FULL || state.demand > 0 || beacon_due(tp, state))
}

/// It was not sent for long: `tcp_ecn_option_beacon` times a round trip
/// (`tcp_accecn_option_beacon_check`).
fn beacon_due(tp: &TcpSock, state: &AccEcn) -> bool {
    let beacon = tp.sysctl().ecn_option_beacon() as u64;
    beacon != 0
        && tp.mstamp.saturating_sub(state.opt_stamp).saturating_mul(beacon) >= u64::from(tp.srtt_us >> 3)
}

/// True when the option is due for its beacon, which makes segments smaller.
#[must_use]
pub fn is_beacon_due(tp: &TcpSock) -> bool {
    tp.is_accecn() && beacon_due(tp, &tp.accecn())
}

/// Where the option goes in a segment that has `used` bytes of other options, `sacks` blocks among
/// them; `None` without it.
#[must_use]
pub fn established(tp: &TcpSock, used: usize, sacks: usize) -> Option<Fit> {
    let state = tp.accecn();
    if !wanted(tp, &state) {
        return None;
    }
    let padding = if sacks > 0 { 2 } else { 0 };
    fit(state.minlen.into(), MAX_TCP_OPTION_SPACE - used, padding, sacks)
}

/// How many counters the option of a SYN-ACK has; `None` without room for any.
#[must_use]
pub fn synack(enabled: bool, options: &wire::tcp::options::TcpOptions<'_>) -> Option<usize> {
    let remaining = MAX_TCP_OPTION_SPACE.checked_sub(options.emit_len())?;
    if !enabled || remaining < 2 {
        return None;
    }
    let padding = match () {
        () if options.sack_perm && options.timestamp.is_none() => 2,
        () if options.wscale.is_some() => 1,
        () => 0,
    };
    fit(0, remaining, padding, 0).map(|fit| fit.fields)
}

/// The bytes of the counters.
#[must_use]
pub fn counters(received: &[u32; 3]) -> [u8; 9] {
    let mut bytes = [0; 9];
    let (chunks, _) = bytes.as_chunks_mut::<3>();
    for (chunk, (ecn, first)) in chunks.iter_mut().zip(ORDER) {
        let [_, a, b, c] = received[usize::from(ecn - 1)].wrapping_add(first).to_be_bytes();
        *chunk = [a, b, c];
    }
    bytes
}

/// A segment left, with the option or without; `dsack` is where its D-SACK began.
pub fn sent(sk: &mut Sk<'_>, with: bool, dsack: Option<u32>) {
    let now = sk.mstamp;
    let state = sk.accecn_mut();
    state.sent_with_dsack = if with { dsack } else { None };
    if with {
        state.minlen = 0;
        state.opt_stamp = now;
        state.demand = state.demand.saturating_sub(1);
    }
}
