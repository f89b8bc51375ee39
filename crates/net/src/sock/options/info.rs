//! Numbers with a rule of their own, and what can only be read.

use super::{Call, GetOpt, PRIO_INTERACTIVE};
use crate::sock::{PACING_NEEDED, PACING_NONE, SoHook, SockFlag};
use crate::socket::PeerCred;
use crate::socket::Whose;
use std::sync::atomic::Ordering::Relaxed;
use uapi::sockaddr::SOCKADDR_STORAGE_LEN;
use uapi::socket::{AF_NETLINK, AF_UNIX, SOCK_STREAM, Ucred};
use uapi::{Errno, Result};
use vfs::Files;
use zerocopy::IntoBytes;

/// Taking the error away, a hard one before a soft one.
pub(super) fn error(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let err = match call.common.take_err() {
        Some(err) => err.raw(),
        None => call.common.take_err_soft(),
    };
    out.int(err)
}

pub(super) fn set_priority(call: &Call<'_, '_>, value: i32, _: &[u8]) -> Result<()> {
    if value as u32 > PRIO_INTERACTIVE && !call.net_raw() && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    call.common.set_priority(value as u32);
    Ok(())
}

pub(super) fn set_mark(call: &Call<'_, '_>, value: i32, _: &[u8]) -> Result<()> {
    if !call.net_raw() && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    if call.common.mark() != value as u32 {
        call.common.set_mark(value as u32);
        call.sk.so_hook(call.cx, SoHook::DstReset);
    }
    Ok(())
}

/// `SO_ZEROCOPY`. Only TCP numbers its calls; to others the option is not there.
pub(super) fn set_zerocopy(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    if !call.is_tcp() {
        return Err(Errno::EOPNOTSUPP);
    }
    if !(0..=1).contains(&on) {
        return Err(Errno::EINVAL);
    }
    call.common.set_flag(SockFlag::ZeroCopy, on != 0);
    Ok(())
}

/// Who may receive credentials (`sk_may_scm_recv`).
fn may_scm(call: &Call<'_, '_>) -> Result<()> {
    let family = i32::from(call.common.family());
    if family == AF_UNIX || family == AF_NETLINK { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
}

fn is_unix(call: &Call<'_, '_>) -> Result<()> {
    if i32::from(call.common.family()) == AF_UNIX { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
}

fn put_flag(call: &Call<'_, '_>, flag: SockFlag, out: &mut GetOpt<'_>) -> Result<()> {
    out.int(i32::from(call.common.flag(flag)))
}

pub(super) fn set_scm(call: &Call<'_, '_>, flag: SockFlag, on: i32) -> Result<()> {
    may_scm(call).map(|()| call.common.set_flag(flag, on != 0))
}

pub(super) fn get_scm(call: &Call<'_, '_>, flag: SockFlag, out: &mut GetOpt<'_>) -> Result<()> {
    may_scm(call).and_then(|()| put_flag(call, flag, out))
}

pub(super) fn set_unix(call: &Call<'_, '_>, flag: SockFlag, on: i32) -> Result<()> {
    is_unix(call).map(|()| call.common.set_flag(flag, on != 0))
}

pub(super) fn get_unix(call: &Call<'_, '_>, flag: SockFlag, out: &mut GetOpt<'_>) -> Result<()> {
    is_unix(call).and_then(|()| put_flag(call, flag, out))
}

fn peer(call: &Call<'_, '_>) -> Option<PeerCred> {
    call.sock.ops().peer_cred.and_then(|peer| peer(call.sock))
}

/// Who made no connection on this host has no peer.
pub(super) fn peercred(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let ucred = match peer(call) {
        Some(peer) => Ucred { pid: peer.pid as i32, uid: peer.uid, gid: peer.gid },
        None => Ucred { pid: 0, uid: u32::MAX, gid: u32::MAX },
    };
    out.bytes(ucred.as_bytes())
}

/// All groups or, with `ERANGE`, how long they are.
pub(super) fn peergroups(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let groups = peer(call).ok_or(Errno::ENODATA)?.groups;
    let bytes = groups.as_bytes();
    if (out.len as usize) < bytes.len() {
        out.len = bytes.len() as i32;
        return Err(Errno::ERANGE);
    }
    out.bytes(bytes)
}

/// A descriptor of the peer's process, for callers who have descriptors.
pub(super) fn peerpidfd(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let peer = peer(call).ok_or(Errno::ENODATA)?;
    let files = call.cx.process.files::<Files>().ok_or(Errno::EMFILE)?;
    let fd = vfs::pidfd::pidfd_open(call.cx.process, files, peer.pid)?;
    out.int(fd)
}

/// `SO_INQ`: streams of AF_UNIX tell what is left with each message.
pub(super) fn set_inq(call: &Call<'_, '_>, on: i32, value: &[u8]) -> Result<()> {
    if (i32::from(call.common.family()), i32::from(call.common.kind())) != (AF_UNIX, SOCK_STREAM) {
        return Err(Errno::ENOPROTOOPT);
    }
    if value.len() != size_of::<i32>() || !(0..=1).contains(&on) {
        return Err(Errno::EINVAL);
    }
    call.common.set_flag(SockFlag::Inq, on != 0);
    Ok(())
}

pub(super) fn peername(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let mut name = [0; SOCKADDR_STORAGE_LEN];
    let len = (call.sock.ops().getname)(call.sock, call.cx, &mut name, Whose::LastPeer)
        .map_err(|_| Errno::ENOTCONN)?;
    if (len as i32) < out.len {
        return Err(Errno::EINVAL);
    }
    out.bytes(&name)
}

pub(super) fn set_rcvlowat(call: &Call<'_, '_>, value: i32, _: &[u8]) -> Result<()> {
    let value = if value < 0 { i32::MAX } else { value };
    match call.sock.ops().set_rcvlowat {
        Some(set) => set(call.sock, call.cx, value),
        None => {
            call.common.set_rcvlowat(value.max(1));
            Ok(())
        }
    }
}

pub(super) fn set_peek_off(call: &Call<'_, '_>, value: i32, _: &[u8]) -> Result<()> {
    let set = call.sock.ops().set_peek_off.ok_or(Errno::EOPNOTSUPP)?;
    set(call.sock, value)
}

pub(super) fn get_peek_off(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    call.sock.ops().set_peek_off.ok_or(Errno::EOPNOTSUPP)?;
    out.int(call.common.peek_off())
}

/// No device here can be polled, so the time is never spent; on `lo` neither.
pub(super) fn set_busy_poll(call: &Call<'_, '_>, usec: i32, _: &[u8]) -> Result<()> {
    call.common.set_busy_poll(u32::try_from(usec).map_err(|_| Errno::EINVAL)?);
    Ok(())
}

pub(super) fn set_busy_poll_budget(call: &Call<'_, '_>, packets: i32, _: &[u8]) -> Result<()> {
    if packets > i32::from(call.common.busy_poll_budget()) && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    call.common.set_busy_poll_budget(u16::try_from(packets).map_err(|_| Errno::EINVAL)?);
    Ok(())
}

/// Bytes per second: 8 bytes of value, or 4, of which all ones are no limit.
pub(super) fn set_max_pacing_rate(call: &Call<'_, '_>, value: i32, bytes: &[u8]) -> Result<()> {
    let rate = match bytes.first_chunk::<8>() {
        Some(wide) => u64::from_ne_bytes(*wide),
        None if value == -1 => u64::MAX,
        None => u64::from(value as u32),
    };
    let sk = call.common;
    if rate != u64::MAX && sk.pacing_status() == PACING_NONE {
        sk.set_pacing_status(PACING_NEEDED);
    }
    // A higher limit does not raise the rate: the protocol does, when it next computes it.
    sk.set_max_pacing_rate(rate);
    sk.set_pacing_rate(sk.pacing_rate().min(rate));
    Ok(())
}

pub(super) fn get_max_pacing_rate(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let rate = call.common.max_pacing_rate();
    if out.len >= 8 { out.bytes(&rate.to_ne_bytes()) } else { out.int(rate.min(u64::from(u32::MAX)) as i32) }
}

/// `sk_get_meminfo`: `SK_MEMINFO_RMEM_ALLOC` and so on, in their order.
pub(super) fn meminfo(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let sk = call.common;
    let rmem = sk.rmem_alloc.load(Relaxed) as u32;
    let queued = sk.wmem_queued.load(Relaxed) as u32;
    let omem = sk.omem_alloc.load(Relaxed) as u32;
    let info = [
        rmem,
        sk.rcvbuf() as u32,
        call.wmem_alloc() as u32,
        sk.sndbuf() as u32,
        sk.forward_alloc() as u32,
        queued,
        omem,
        // It is empty when nobody else is in a call on the sock.
        0,
        sk.drops.load(Relaxed),
    ];
    out.bytes(info.as_bytes())
}

pub(super) fn cookie(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if out.len < 8 {
        return Err(Errno::EINVAL);
    }
    out.bytes(&call.common.cookie(call.cx.net).to_ne_bytes())
}

pub(super) fn netns_cookie(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    if out.len != 8 {
        return Err(Errno::EINVAL);
    }
    out.bytes(&call.cx.net.id.to_ne_bytes())
}
