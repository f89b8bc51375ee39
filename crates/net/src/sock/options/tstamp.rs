//! `SO_TIMESTAMP`, `SO_TIMESTAMPNS` in both layouts, and `SO_TIMESTAMPING`.

use super::{Call, GetOpt};
use crate::sock::{SoHook, SockFlag};
use uapi::*;
use zerocopy::IntoBytes;

/// `__sock_set_timestamps`.
fn set(call: &Call<'_, '_>, on: bool, new: bool, ns: bool) -> Result<()> {
    let sk = call.common;
    sk.set_flag(SockFlag::RcvTstamp, on);
    sk.set_flag(SockFlag::RcvTstampNs, on && ns);
    if on {
        sk.set_flag(SockFlag::TstampNew, new);
        sk.set_flag(SockFlag::Timestamp, true);
        call.cx.net.enable_timestamps();
    }
    Ok(())
}

pub(super) fn set_old_us(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    set(call, on != 0, false, false)
}

pub(super) fn set_new_us(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    set(call, on != 0, true, false)
}

pub(super) fn set_old_ns(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    set(call, on != 0, false, true)
}

pub(super) fn set_new_ns(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    set(call, on != 0, true, true)
}

/// (`SOCK_RCVTSTAMP`, `SOCK_RCVTSTAMPNS`, `SOCK_TSTAMP_NEW`)
fn state(call: &Call<'_, '_>) -> (bool, bool, bool) {
    let flag = |flag| call.common.flag(flag);
    (flag(SockFlag::RcvTstamp), flag(SockFlag::RcvTstampNs), flag(SockFlag::TstampNew))
}

pub(super) fn get_old_us(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let (on, ns, new) = state(call);
    out.int(i32::from(on && !new && !ns))
}

pub(super) fn get_new_us(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    // Linux does not ask here whether they are nanoseconds.
    let (on, _, new) = state(call);
    out.int(i32::from(on && new))
}

pub(super) fn get_old_ns(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let (_, ns, new) = state(call);
    out.int(i32::from(ns && !new))
}

pub(super) fn get_new_ns(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let (_, ns, new) = state(call);
    out.int(i32::from(ns && new))
}

/// `sock_set_timestamping`.
fn set_flags(call: &Call<'_, '_>, flags: u32, new: bool) -> Result<()> {
    let sk = call.common;
    if flags & !SOF_TIMESTAMPING_MASK != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & SOF_TIMESTAMPING_OPT_ID_TCP != 0 && flags & SOF_TIMESTAMPING_OPT_ID == 0 {
        return Err(Errno::EINVAL);
    }
    if flags & SOF_TIMESTAMPING_OPT_ID != 0 && sk.tsflags() & SOF_TIMESTAMPING_OPT_ID == 0 {
        // A byte stream's numbers count from its first byte: it must have begun.
        let state = sk.state();
        if call.is_tcp() && (state == TcpState::Close as u8 || state == TcpState::Listen as u8) {
            return Err(Errno::EINVAL);
        }
        call.sk.so_hook(call.cx, SoHook::TsKey(flags & SOF_TIMESTAMPING_OPT_ID_TCP != 0));
    }
    if flags & SOF_TIMESTAMPING_OPT_STATS != 0 && flags & SOF_TIMESTAMPING_OPT_TSONLY == 0 {
        return Err(Errno::EINVAL);
    }
    if flags & SOF_TIMESTAMPING_BIND_PHC != 0 {
        // No device here has a clock of its own.
        return Err(Errno::EOPNOTSUPP);
    }
    sk.set_tsflags(flags);
    sk.set_flag(SockFlag::TstampNew, new);
    sk.set_flag(
        SockFlag::Timestamping,
        flags & (SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE) != 0,
    );
    let software = flags & SOF_TIMESTAMPING_RX_SOFTWARE != 0;
    sk.set_flag(SockFlag::TimestampingRxSoftware, software);
    if software {
        call.cx.net.enable_timestamps();
    }
    Ok(())
}

pub(super) fn set_flags_old(call: &Call<'_, '_>, flags: i32, _: &[u8]) -> Result<()> {
    set_flags(call, flags as u32, false)
}

pub(super) fn set_flags_new(call: &Call<'_, '_>, flags: i32, _: &[u8]) -> Result<()> {
    set_flags(call, flags as u32, true)
}

/// `struct so_timestamping`: flags, and the PTP clock that is never bound.
pub(super) fn get_flags_old(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    out.bytes([call.common.tsflags(), 0].as_bytes())
}

pub(super) fn get_flags_new(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let new = call.common.flag(SockFlag::TstampNew);
    out.bytes([if new { call.common.tsflags() } else { 0 }, 0].as_bytes())
}
