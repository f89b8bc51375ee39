//! Control messages of `SOL_SOCKET` that all families have (`__sock_cmsg_send`, `sock_recv_cmsgs`).

use super::{SockCommon, SockFlag, stamp};
use crate::cx::{Cx, UserCx};
use crate::msg::RecvMsg;
use crate::skb::SkBuff;
use kern::time::Time;
use uapi::cmsg::Cmsg;
use uapi::*;
use zerocopy::IntoBytes;

/// What a sender asks for by control messages of `SOL_SOCKET` (`struct sockcm_cookie`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SockCmsg {
    /// `SO_MARK`.
    pub mark: Option<u32>,
    /// `SO_PRIORITY`.
    pub priority: Option<u32>,
    /// `SO_TIMESTAMPING`: the socket's flags, with what of this packet is to be told.
    pub tsflags: Option<u32>,
    /// `SCM_TS_OPT_ID`: the number of this packet's times.
    pub ts_opt_id: Option<u32>,
    /// `SCM_TXTIME`: when to send it, nanoseconds of the clock that `SO_TXTIME` named.
    pub transmit_time: Option<u64>,
}

fn word(cmsg: &Cmsg<'_>) -> Result<u32> {
    cmsg.data.try_into().map(u32::from_ne_bytes).map_err(|_| Errno::EINVAL)
}

/// One control message of `SOL_SOCKET` (`__sock_cmsg_send`).
///
/// # Errors
/// `EINVAL` for another length, or what is unknown or not switched on; `EPERM`.
pub fn sock_cmsg_send(cx: &UserCx<'_>, sk: &SockCommon, cmsg: &Cmsg<'_>, sockc: &mut SockCmsg) -> Result<()> {
    let may_forge = || cx.process.capable(CAP_NET_RAW) || cx.process.capable(CAP_NET_ADMIN);
    match cmsg.kind {
        SO_MARK => {
            if !may_forge() {
                return Err(Errno::EPERM);
            }
            sockc.mark = Some(word(cmsg)?);
        }
        SO_PRIORITY => {
            let priority = word(cmsg)?;
            if priority > super::options::PRIO_INTERACTIVE && !may_forge() {
                return Err(Errno::EPERM);
            }
            sockc.priority = Some(priority);
        }
        SO_TIMESTAMPING_OLD | SO_TIMESTAMPING_NEW => {
            let flags = word(cmsg)?;
            if flags & !SOF_TIMESTAMPING_TX_RECORD_MASK != 0 {
                return Err(Errno::EINVAL);
            }
            sockc.tsflags = Some(sk.tsflags() & !SOF_TIMESTAMPING_TX_RECORD_MASK | flags);
        }
        SCM_TS_OPT_ID => {
            // The numbers of a stream are its bytes'.
            let stream = i32::from(sk.protocol()) == IPPROTO_TCP && i32::from(sk.kind()) == SOCK_STREAM;
            if stream || sk.tsflags() & SOF_TIMESTAMPING_OPT_ID == 0 {
                return Err(Errno::EINVAL);
            }
            sockc.ts_opt_id = Some(word(cmsg)?);
        }
        SCM_TXTIME => {
            if !sk.flag(SockFlag::Txtime) {
                return Err(Errno::EINVAL);
            }
            let bytes = cmsg.data.try_into().map_err(|_| Errno::EINVAL)?;
            sockc.transmit_time = Some(u64::from_ne_bytes(bytes));
        }
        // They belong to AF_UNIX, and are passed over elsewhere.
        SCM_RIGHTS | SCM_CREDENTIALS => {}
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

/// Flags that make a receiver's control messages worth a look.
const WANTED: u64 = 1 << SockFlag::RcvTstamp as u8
    | 1 << SockFlag::Rxqueue as u8
    | 1 << SockFlag::RcvMark as u8
    | 1 << SockFlag::RcvPriority as u8;

/// Tells a receiver when a packet came, what was dropped before it, its mark and its priority, as far
/// as it asked (`sock_recv_cmsgs`).
#[inline]
pub fn sock_recv_cmsgs(cx: &Cx<'_>, sk: &SockCommon, skb: &SkBuff, msg: &mut RecvMsg<'_>) {
    // Once a first packet was noted, nothing is left to do for most.
    if sk.flags() & (WANTED | STAMP | STAMPED) != STAMPED || sk.tsflags() != 0 {
        recv_wanted(cx, sk, skb, msg);
    }
}

#[cold]
fn recv_wanted(cx: &Cx<'_>, sk: &SockCommon, skb: &SkBuff, msg: &mut RecvMsg<'_>) {
    if sk.flags() & WANTED == 0 && sk.tsflags() == 0 {
        let stamp = skb.tstamp.filter(|_| sk.flag(SockFlag::Timestamp));
        if stamp.is_some() || !sk.flag(SockFlag::Stamped) {
            stamp::note(sk, stamp);
        }
        return;
    }
    if !sk.flag(SockFlag::RcvTstamp) {
        stamp::note(sk, skb.tstamp);
    }
    sock_recv_timestamp(cx, sk, skb, false, msg);
    if sk.flag(SockFlag::Rxqueue) && skb.dropcount != 0 {
        msg.control.put(SOL_SOCKET, SO_RXQ_OVFL, &skb.dropcount.to_ne_bytes());
    }
    if sk.flag(SockFlag::RcvMark) {
        msg.control.put(SOL_SOCKET, SO_MARK, &skb.mark.to_ne_bytes());
    }
    if sk.flag(SockFlag::RcvPriority) {
        msg.control.put(SOL_SOCKET, SO_PRIORITY, &skb.priority.to_ne_bytes());
    }
}

/// `SIOCGSTAMP` wants to know when each came, and something came already.
const STAMP: u64 = 1 << SockFlag::Timestamp as u8;
const STAMPED: u64 = 1 << SockFlag::Stamped as u8;

const NS_PER_SEC: u64 = 1_000_000_000;

/// Tells when a packet came, in the forms the socket asked for (`__sock_recv_timestamp`).
/// `err_queue` for a message of the error queue, whose time `SO_TIMESTAMPING` always reports.
pub fn sock_recv_timestamp(
    cx: &Cx<'_>,
    sk: &SockCommon,
    skb: &SkBuff,
    err_queue: bool,
    msg: &mut RecvMsg<'_>,
) {
    // A packet that came before anybody asked for times has the time it is read at.
    let stamp = skb.tstamp.unwrap_or_else(|| Time::from_ns(cx.net.clock.realtime_ns()));
    if sk.flag(SockFlag::RcvTstamp) {
        put_timestamp(sk, stamp, msg);
    }
    if let Some(time) = skb.tstamp {
        put_timestamping(sk, time, err_queue, msg);
    }
}

/// Tells when the last of the bytes that a stream's reader got came (`tcp_recv_timestamp`).
#[cold]
pub fn stream_recv_timestamp(sk: &SockCommon, time: Time, msg: &mut RecvMsg<'_>) {
    if sk.flag(SockFlag::RcvTstamp) {
        put_timestamp(sk, time, msg);
    }
    put_timestamping(sk, time, false, msg);
}

/// The socket asked for times of what it receives, in whichever form.
#[inline]
pub fn wants_timestamps(sk: &SockCommon) -> bool {
    sk.flag(SockFlag::RcvTstamp) || sk.tsflags() != 0
}

/// `SO_TIMESTAMP`, `SO_TIMESTAMPNS`.
fn put_timestamp(sk: &SockCommon, time: Time, msg: &mut RecvMsg<'_>) {
    let new = sk.flag(SockFlag::TstampNew);
    let ns = time.ns();
    let (kind, unit) = match (sk.flag(SockFlag::RcvTstampNs), new) {
        (false, false) => (SO_TIMESTAMP_OLD, 1000),
        (false, true) => (SO_TIMESTAMP_NEW, 1000),
        (true, false) => (SO_TIMESTAMPNS_OLD, 1),
        (true, true) => (SO_TIMESTAMPNS_NEW, 1),
    };
    msg.control.put(SOL_SOCKET, kind, [ns / NS_PER_SEC, ns % NS_PER_SEC / unit].as_bytes());
}

/// `SO_TIMESTAMPING`, as far as its flags ask for the time of a packet received.
fn put_timestamping(sk: &SockCommon, time: Time, err_queue: bool, msg: &mut RecvMsg<'_>) {
    let new = sk.flag(SockFlag::TstampNew);
    let flags = sk.tsflags();
    let reported = flags & SOF_TIMESTAMPING_SOFTWARE != 0
        && (flags & SOF_TIMESTAMPING_RX_SOFTWARE != 0
            || err_queue
            || flags & SOF_TIMESTAMPING_OPT_RX_FILTER == 0);
    if reported {
        let ns = time.ns();
        let kind = if new { SO_TIMESTAMPING_NEW } else { SO_TIMESTAMPING_OLD };
        // Three times: by the kernel, unused, by the device.
        msg.control.put(SOL_SOCKET, kind, [ns / NS_PER_SEC, ns % NS_PER_SEC, 0, 0, 0, 0].as_bytes());
    }
}
