//! The table: one row an option of `SOL_SOCKET`.

use super::{Call, GetOpt, bind, buffers, filter, info, time, tstamp};
use crate::sock::{SoHook, SockFlag};
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::*;
use uapi::{Errno, Result, TcpState};

/// Sets an option: the `int` at the front of the value, then the whole value.
type Set = fn(&Call<'_, '_>, i32, &[u8]) -> Result<()>;
/// Reads one.
type Get = fn(&Call<'_, '_>, &mut GetOpt<'_>) -> Result<()>;

pub(super) struct Row {
    name: i32,
    pub(super) set: Set,
    pub(super) get: Get,
}

/// Options by number; ascending.
pub(super) fn find(name: i32) -> Option<&'static Row> {
    ROWS.binary_search_by_key(&name, |row| row.name).ok().map(|i| &ROWS[i])
}

pub(super) fn numbers() -> impl Iterator<Item = i32> {
    ROWS.iter().map(|row| row.name)
}

/// What is no option in this direction.
macro_rules! none {
    (set) => {
        |_, _, _| Err(Errno::ENOPROTOOPT)
    };
    (get) => {
        |_, _| Err(Errno::ENOPROTOOPT)
    };
}

macro_rules! set {
    ($name:ident, $set:expr) => {
        Row { name: $name, set: $set, get: none!(get) }
    };
}

macro_rules! get {
    ($name:ident, $get:expr) => {
        Row { name: $name, set: none!(set), get: $get }
    };
}

macro_rules! both {
    ($name:ident, $set:expr, $get:expr) => {
        Row { name: $name, set: $set, get: $get }
    };
}

/// A switch that is one of the sock's flags (`sock_valbool_flag`).
macro_rules! flag {
    ($name:ident, $flag:ident) => {
        flag!($name, $flag, |call: &Call<'_, '_>, on| {
            call.common.set_flag(SockFlag::$flag, on);
            Ok(())
        })
    };
    ($name:ident, $flag:ident, $set:expr) => {
        Row {
            name: $name,
            set: |call, value, _| $set(call, value != 0),
            get: |call, out| out.int(i32::from(call.common.flag(SockFlag::$flag))),
        }
    };
}

static ROWS: &[Row] = &[
    flag!(SO_DEBUG, Dbg, |call: &Call<'_, '_>, on| {
        if on && !call.net_admin() {
            return Err(Errno::EACCES);
        }
        call.common.set_flag(SockFlag::Dbg, on);
        Ok(())
    }),
    both!(SO_REUSEADDR, bind::set_reuse, bind::get_reuse),
    get!(SO_TYPE, |call, out| out.int(i32::from(call.common.kind()))),
    get!(SO_ERROR, info::error),
    flag!(SO_DONTROUTE, LocalRoute, |call: &Call<'_, '_>, on| {
        call.common.set_flag(SockFlag::LocalRoute, on);
        call.sk.so_hook(call.cx, SoHook::DstReset);
        Ok(())
    }),
    flag!(SO_BROADCAST, Broadcast),
    both!(SO_SNDBUF, buffers::set_sndbuf, |call, out| out.int(call.common.sndbuf())),
    both!(SO_RCVBUF, buffers::set_rcvbuf, |call, out| out.int(call.common.rcvbuf())),
    flag!(SO_KEEPALIVE, KeepOpen, |call: &Call<'_, '_>, on| {
        // The protocol looks at the flag's old value to see whether its timer runs.
        call.sk.so_hook(call.cx, SoHook::KeepAlive(on));
        call.common.set_flag(SockFlag::KeepOpen, on);
        Ok(())
    }),
    flag!(SO_OOBINLINE, UrgInline),
    flag!(SO_NO_CHECK, NoCheckTx),
    both!(SO_PRIORITY, info::set_priority, |call, out| out.int(call.common.priority() as i32)),
    both!(SO_LINGER, time::set_linger, time::get_linger),
    // Accepted since 2.2 and without meaning, on Linux too.
    both!(SO_BSDCOMPAT, |_, _, _| Ok(()), |_, out| out.int(0)),
    flag!(SO_REUSEPORT, Reuseport, |call: &Call<'_, '_>, on| {
        if on && !call.is_inet() {
            return Err(Errno::EOPNOTSUPP);
        }
        call.common.set_flag(SockFlag::Reuseport, on);
        Ok(())
    }),
    both!(SO_PASSCRED, |call, on, _| info::set_scm(call, SockFlag::PassCred, on), |call, out| {
        info::get_scm(call, SockFlag::PassCred, out)
    }),
    get!(SO_PEERCRED, info::peercred),
    both!(SO_RCVLOWAT, info::set_rcvlowat, |call, out| out.int(call.common.rcvlowat())),
    get!(SO_SNDLOWAT, |_, out| out.int(1)),
    both!(SO_RCVTIMEO_OLD, time::set_rcvtimeo, time::get_rcvtimeo),
    both!(SO_SNDTIMEO_OLD, time::set_sndtimeo, time::get_sndtimeo),
    both!(SO_BINDTODEVICE, |call, _, value| bind::set_device(call, value), bind::get_device),
    both!(SO_ATTACH_FILTER, |call, _, value| filter::attach(call, value), filter::get),
    set!(SO_DETACH_FILTER, |call, _, _| call.common.detach_filter()),
    get!(SO_PEERNAME, info::peername),
    both!(SO_TIMESTAMP_OLD, tstamp::set_old_us, tstamp::get_old_us),
    get!(SO_ACCEPTCONN, |call, out| out.int(i32::from(call.common.state() == TcpState::Listen as u8))),
    set!(SO_SNDBUFFORCE, buffers::set_sndbuf_force),
    set!(SO_RCVBUFFORCE, buffers::set_rcvbuf_force),
    both!(SO_PASSSEC, |call, on, _| info::set_scm(call, SockFlag::PassSec, on), |call, out| {
        info::get_scm(call, SockFlag::PassSec, out)
    }),
    both!(SO_TIMESTAMPNS_OLD, tstamp::set_old_ns, tstamp::get_old_ns),
    both!(SO_MARK, info::set_mark, |call, out| out.int(call.common.mark() as i32)),
    both!(SO_TIMESTAMPING_OLD, tstamp::set_flags_old, tstamp::get_flags_old),
    get!(SO_PROTOCOL, |call, out| out.int(i32::from(call.common.protocol()))),
    get!(SO_DOMAIN, |call, out| out.int(i32::from(call.common.family()))),
    flag!(SO_RXQ_OVFL, Rxqueue),
    // Of wireless devices, which are not there; the switch is the kernel's all the same.
    flag!(SO_WIFI_STATUS, WifiStatus),
    both!(SO_PEEK_OFF, info::set_peek_off, info::get_peek_off),
    // Of devices that append a frame check sequence of their own.
    flag!(SO_NOFCS, NoFcs),
    flag!(SO_LOCK_FILTER, FilterLocked, |call: &Call<'_, '_>, on: bool| {
        if !on && call.common.flag(SockFlag::FilterLocked) {
            return Err(Errno::EPERM);
        }
        call.common.set_flag(SockFlag::FilterLocked, on);
        Ok(())
    }),
    flag!(SO_SELECT_ERR_QUEUE, SelectErrQueue),
    both!(SO_BUSY_POLL, info::set_busy_poll, |call, out| out.int(call.common.busy_poll() as i32)),
    both!(SO_MAX_PACING_RATE, info::set_max_pacing_rate, info::get_max_pacing_rate),
    get!(SO_BPF_EXTENSIONS, |_, out| out.int(uapi::filter::SKF_AD_MAX)),
    both!(
        SO_INCOMING_CPU,
        |call, cpu, _| {
            call.common.set_incoming_cpu(cpu);
            call.common.mark_reuseport();
            Ok(())
        },
        |call, out| out.int(call.common.incoming_cpu())
    ),
    set!(SO_ATTACH_BPF, filter::attach_ebpf),
    set!(SO_ATTACH_REUSEPORT_CBPF, |call, _, value| filter::attach_reuseport(call, value)),
    set!(SO_ATTACH_REUSEPORT_EBPF, filter::attach_ebpf),
    set!(SO_CNX_ADVICE, |call, value, _| {
        // ipv4_negative_advice keeps a route that is good.
        if value == 1 && i32::from(call.common.family()) != AF_INET {
            call.sk.so_hook(call.cx, SoHook::DstReset);
        }
        Ok(())
    }),
    get!(SO_MEMINFO, info::meminfo),
    // No device here polls.
    get!(SO_INCOMING_NAPI_ID, |_, out| out.int(0)),
    get!(SO_COOKIE, info::cookie),
    get!(SO_PEERGROUPS, info::peergroups),
    both!(SO_ZEROCOPY, info::set_zerocopy, |call, out| {
        out.int(i32::from(call.common.flag(SockFlag::ZeroCopy)))
    }),
    both!(SO_TXTIME, time::set_txtime, time::get_txtime),
    both!(SO_BINDTOIFINDEX, |call, ifindex, _| bind::set_ifindex(call, ifindex), |call, out| {
        out.int(call.common.bound_dev_if() as i32)
    }),
    both!(SO_TIMESTAMP_NEW, tstamp::set_new_us, tstamp::get_new_us),
    both!(SO_TIMESTAMPNS_NEW, tstamp::set_new_ns, tstamp::get_new_ns),
    both!(SO_TIMESTAMPING_NEW, tstamp::set_flags_new, tstamp::get_flags_new),
    both!(SO_RCVTIMEO_NEW, time::set_rcvtimeo, time::get_rcvtimeo),
    both!(SO_SNDTIMEO_NEW, time::set_sndtimeo, time::get_sndtimeo),
    set!(SO_DETACH_REUSEPORT_BPF, |call, _, _| call.common.detach_reuseport()),
    flag!(SO_PREFER_BUSY_POLL, PreferBusyPoll, |call: &Call<'_, '_>, on| {
        if on && !call.net_admin() {
            return Err(Errno::EPERM);
        }
        call.common.set_flag(SockFlag::PreferBusyPoll, on);
        Ok(())
    }),
    set!(SO_BUSY_POLL_BUDGET, info::set_busy_poll_budget),
    get!(SO_NETNS_COOKIE, info::netns_cookie),
    both!(SO_BUF_LOCK, buffers::set_lock, buffers::get_lock),
    // As a kernel whose task is in no memory cgroup.
    both!(
        SO_RESERVE_MEM,
        |_, bytes, _| Err(if bytes < 0 { Errno::EINVAL } else { Errno::EOPNOTSUPP }),
        |_, out| out.int(0)
    ),
    flag!(SO_RCVMARK, RcvMark),
    both!(SO_PASSPIDFD, |call, on, _| info::set_unix(call, SockFlag::PassPidfd, on), |call, out| {
        info::get_unix(call, SockFlag::PassPidfd, out)
    }),
    get!(SO_PEERPIDFD, info::peerpidfd),
    flag!(SO_RCVPRIORITY, RcvPriority),
    both!(SO_PASSRIGHTS, |call, on, _| info::set_unix(call, SockFlag::PassRights, on), |call, out| {
        info::get_unix(call, SockFlag::PassRights, out)
    }),
    set!(SO_INQ, info::set_inq),
];

impl Call<'_, '_> {
    /// Bytes that wait to be sent, in all (`sk_wmem_alloc_get`).
    pub(super) fn wmem_alloc(&self) -> i32 {
        self.common.wmem_alloc.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_in_order() {
        assert!(super::ROWS.is_sorted_by(|a, b| a.name < b.name));
    }
}
