//! Options that are times: `SO_RCVTIMEO`, `SO_SNDTIMEO`, `SO_LINGER`, `SO_TXTIME`.
//!
//! On 64-bit the old and the new layout of `struct timeval` are one: two words of 8 bytes.

use super::{Call, GetOpt};
use crate::sock::SockFlag;
use uapi::socket::Linger;
use uapi::{Errno, Result, SockTxtime};
use zerocopy::{FromBytes, IntoBytes};

const NS_PER_SEC: u64 = 1_000_000_000;
const USEC_PER_SEC: i64 = 1_000_000;
const NS_PER_TICK: u64 = 1_000_000;
/// `MAX_SCHEDULE_TIMEOUT / HZ`, seconds.
const MAX_SECONDS: i64 = i64::MAX / 1000;

/// `sock_set_timeout`: nanoseconds, rounded up to ticks; `u64::MAX` for none.
fn timeout(value: &[u8]) -> Result<u64> {
    let (sec, rest) = i64::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    let (usec, _) = i64::read_from_prefix(rest).map_err(|_| Errno::EINVAL)?;
    if !(0..USEC_PER_SEC).contains(&usec) {
        return Err(Errno::EDOM);
    }
    // Before now: calls do not wait at all.
    let Ok(secs) = u64::try_from(sec) else { return Ok(0) };
    if (sec, usec) == (0, 0) || sec >= MAX_SECONDS - 1 {
        return Ok(u64::MAX);
    }
    let part = (usec as u64 * 1000).div_ceil(NS_PER_TICK) * NS_PER_TICK;
    Ok(secs.saturating_mul(NS_PER_SEC).saturating_add(part).min(u64::MAX - 1))
}

/// `sock_get_timeout`.
fn put_timeout(ns: u64, out: &mut GetOpt<'_>) -> Result<()> {
    let (sec, usec) = match ns {
        u64::MAX => (0, 0),
        ns => (ns / NS_PER_SEC, ns % NS_PER_SEC / 1000),
    };
    out.bytes([sec, usec].as_bytes())
}

pub(super) fn set_rcvtimeo(call: &Call<'_, '_>, _: i32, value: &[u8]) -> Result<()> {
    timeout(value).map(|ns| call.common.set_rcvtimeo(ns))
}

pub(super) fn get_rcvtimeo(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    put_timeout(call.common.rcvtimeo(), out)
}

pub(super) fn set_sndtimeo(call: &Call<'_, '_>, _: i32, value: &[u8]) -> Result<()> {
    timeout(value).map(|ns| call.common.set_sndtimeo(ns))
}

pub(super) fn get_sndtimeo(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    put_timeout(call.common.sndtimeo(), out)
}

/// A negative time is, taken as unsigned, the longest there is; it is kept as this.
const LINGER_FOREVER: u32 = u32::MAX;

pub(super) fn set_linger(call: &Call<'_, '_>, _: i32, value: &[u8]) -> Result<()> {
    let (linger, _) = Linger::read_from_prefix(value).map_err(|_| Errno::EINVAL)?;
    if linger.onoff == 0 {
        call.common.set_flag(SockFlag::Linger, false);
        return Ok(());
    }
    call.common.set_lingertime(u32::try_from(linger.linger).unwrap_or(LINGER_FOREVER));
    call.common.set_flag(SockFlag::Linger, true);
    Ok(())
}

pub(super) fn get_linger(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let linger = match call.common.lingertime() {
        LINGER_FOREVER => MAX_SECONDS as i32,
        seconds => seconds as i32,
    };
    let onoff = i32::from(call.common.flag(SockFlag::Linger));
    out.bytes(Linger { onoff, linger }.as_bytes())
}

const CLOCK_REALTIME: i32 = 0;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_TAI: i32 = 11;
/// The time is a deadline (`SOF_TXTIME_DEADLINE_MODE`).
const DEADLINE_MODE: u32 = 1;
/// Packets that miss it are reported (`SOF_TXTIME_REPORT_ERRORS`).
const REPORT_ERRORS: u32 = 2;

/// The times are for a queueing discipline to obey; devices here have none that does, as `lo`.
pub(super) fn set_txtime(call: &Call<'_, '_>, _: i32, value: &[u8]) -> Result<()> {
    let txtime = SockTxtime::read_from_bytes(value).map_err(|_| Errno::EINVAL)?;
    if txtime.flags & !(DEADLINE_MODE | REPORT_ERRORS) != 0 {
        return Err(Errno::EINVAL);
    }
    if txtime.clockid != CLOCK_MONOTONIC && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    if !matches!(txtime.clockid, CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_TAI) {
        return Err(Errno::EINVAL);
    }
    let sk = call.common;
    sk.set_txtime_clockid(txtime.clockid);
    sk.set_flag(SockFlag::TxtimeDeadline, txtime.flags & DEADLINE_MODE != 0);
    sk.set_flag(SockFlag::TxtimeReport, txtime.flags & REPORT_ERRORS != 0);
    sk.set_flag(SockFlag::Txtime, true);
    Ok(())
}

pub(super) fn get_txtime(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let sk = call.common;
    let deadline = if sk.flag(SockFlag::TxtimeDeadline) { DEADLINE_MODE } else { 0 };
    let report = if sk.flag(SockFlag::TxtimeReport) { REPORT_ERRORS } else { 0 };
    out.bytes(SockTxtime { clockid: sk.txtime_clockid(), flags: deadline | report }.as_bytes())
}
