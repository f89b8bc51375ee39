//! `SO_SNDBUF`, `SO_RCVBUF`, their variants beyond the limit, and `SO_BUF_LOCK`.

use super::{Call, GetOpt};
use crate::sock::SockFlag;
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::{AF_UNIX, SOCK_BUF_LOCK_MASK, SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK, SOCK_STREAM};
use uapi::{Errno, Result, TcpState};

/// A value against its limit: compared unsigned, so that a negative one is the limit.
fn within(value: i32, max: i32) -> i32 {
    (value as u32).min(max as u32).min(i32::MAX as u32) as i32
}

fn sndbuf(call: &Call<'_, '_>, bytes: i32) -> Result<()> {
    let sk = call.common;
    sk.set_flag(SockFlag::SndbufLock, true);
    sk.set_sndbuf_doubled(bytes.min(i32::MAX / 2));
    // Senders that wait may have room now. Streams are told only when they asked to be.
    let told = match (i32::from(sk.family()), i32::from(sk.kind())) {
        // `unix_write_space`: by its own rule, and at any time.
        (AF_UNIX, _) => sk.state() != TcpState::Listen as u8 && (call.wmem_alloc() + 1) <= sk.sndbuf() >> 2,
        (_, SOCK_STREAM) => sk.is_writeable() && sk.flag(SockFlag::NoSpace),
        _ => sk.is_writeable(),
    };
    if told {
        sk.write_space(call.cx);
    }
    Ok(())
}

fn rcvbuf(call: &Call<'_, '_>, bytes: i32) -> Result<()> {
    // Doubled for the overhead that is charged beside the data (sk_buff's own size).
    call.common.set_flag(SockFlag::RcvbufLock, true);
    call.common.set_rcvbuf_doubled(bytes.min(i32::MAX / 2));
    Ok(())
}

pub(super) fn set_sndbuf(call: &Call<'_, '_>, bytes: i32, _: &[u8]) -> Result<()> {
    sndbuf(call, within(bytes, call.cx.net.core.wmem_max.load(Relaxed)))
}

pub(super) fn set_rcvbuf(call: &Call<'_, '_>, bytes: i32, _: &[u8]) -> Result<()> {
    rcvbuf(call, within(bytes, call.cx.net.core.rmem_max.load(Relaxed)))
}

pub(super) fn set_sndbuf_force(call: &Call<'_, '_>, bytes: i32, _: &[u8]) -> Result<()> {
    if !call.net_admin() {
        return Err(Errno::EPERM);
    }
    sndbuf(call, bytes.max(0))
}

pub(super) fn set_rcvbuf_force(call: &Call<'_, '_>, bytes: i32, _: &[u8]) -> Result<()> {
    if !call.net_admin() {
        return Err(Errno::EPERM);
    }
    rcvbuf(call, bytes.max(0))
}

const LOCKS: [(u8, SockFlag); 2] =
    [(SOCK_SNDBUF_LOCK, SockFlag::SndbufLock), (SOCK_RCVBUF_LOCK, SockFlag::RcvbufLock)];

pub(super) fn set_lock(call: &Call<'_, '_>, bits: i32, _: &[u8]) -> Result<()> {
    if bits & !i32::from(SOCK_BUF_LOCK_MASK) != 0 {
        return Err(Errno::EINVAL);
    }
    for (bit, flag) in LOCKS {
        call.common.set_flag(flag, bits & i32::from(bit) != 0);
    }
    Ok(())
}

pub(super) fn get_lock(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let bits = LOCKS.iter().filter(|(_, flag)| call.common.flag(*flag)).map(|(bit, _)| i32::from(*bit));
    out.int(bits.sum())
}
