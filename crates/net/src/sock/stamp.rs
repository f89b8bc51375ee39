//! `SIOCGSTAMP`: when the last packet came that a datagram socket read (`sk_stamp`, `sock_gettstamp`).

use super::{SockCommon, SockFlag};
use crate::cx::Cx;
use kern::time::Time;
use std::sync::atomic::Ordering::Relaxed;
use uapi::ioctl::{SIOCGSTAMP_NEW, SIOCGSTAMP_OLD, SIOCGSTAMPNS_NEW, SIOCGSTAMPNS_OLD};
use uapi::{Errno, Result};

/// A packet is read: when it came, if that was noted (`sock_write_timestamp`).
#[cold]
pub(super) fn note(sk: &SockCommon, time: Option<Time>) {
    match time {
        Some(time) => sk.rare().stamp.store(time.ns(), Relaxed),
        None => {
            if let Some(rare) = sk.known_rare() {
                rare.stamp.store(0, Relaxed);
            }
        }
    }
    if !sk.flag(SockFlag::Stamped) {
        sk.set_flag(SockFlag::Stamped, true);
    }
}

/// `SIOCGSTAMP` and `SIOCGSTAMPNS` in both forms, which here are the same: seconds and a fraction of 8 bytes each. From
/// the first question on packets are stamped.
///
/// # Errors
/// `ENOIOCTLCMD` for other commands, `ENOENT` before a packet was read, `EFAULT`.
pub fn gettstamp(cx: &Cx<'_>, sk: &SockCommon, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    const NS_PER_SEC: u64 = 1_000_000_000;
    let unit = match cmd {
        SIOCGSTAMP_OLD | SIOCGSTAMP_NEW => 1000,
        SIOCGSTAMPNS_OLD | SIOCGSTAMPNS_NEW => 1,
        _ => return Err(Errno::ENOIOCTLCMD),
    };
    if !sk.flag(SockFlag::Timestamp) {
        sk.set_flag(SockFlag::Timestamp, true);
        cx.net.enable_timestamps();
    }
    if !sk.flag(SockFlag::Stamped) {
        return Err(Errno::ENOENT);
    }
    let stamp = &sk.rare().stamp;
    if stamp.load(Relaxed) < NS_PER_SEC {
        // It was not noted: now will do, from here on.
        stamp.store(cx.net.clock.realtime_ns(), Relaxed);
    }
    let ns = stamp.load(Relaxed);
    let to = arg.get_mut(..16).ok_or(Errno::EFAULT)?;
    to[..8].copy_from_slice(&(ns / NS_PER_SEC).to_ne_bytes());
    to[8..].copy_from_slice(&(ns % NS_PER_SEC / unit).to_ne_bytes());
    Ok(0)
}
