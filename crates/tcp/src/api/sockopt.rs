//! `SOL_TCP` options as rows of a table (`do_tcp_setsockopt`, `do_tcp_getsockopt`). An option without
//! a row is answered as by a kernel without that feature: `ENOPROTOOPT` (docs/DIVERGENCES.md lists
//! which).

use super::{info, listen, repair};
use crate::fastopen::keys::Keys;
use crate::fastopen::{self, client};
use crate::input::delack;
use crate::sock::Sk;
use crate::{Tcp, TcpCx, cong, output, state, timer};
use net::sock::{GetOpt, SockFlag, options::int_value};
use net::{Sock, UserCx};
use std::sync::Arc;
use uapi::socket::SOL_TCP;
use uapi::tcp as t;
use uapi::tcp::TcpState;
use uapi::{CAP_NET_ADMIN, Errno, Result};
use zerocopy::IntoBytes;

/// An option whose value is one `int`.
struct Row {
    name: i32,
    get: fn(&Sk<'_>, &UserCx<'_>) -> i32,
    set: fn(&mut Sk<'_>, &UserCx<'_>, i32) -> Result<()>,
}

/// Longest keepalive idle time and interval, s (`MAX_TCP_KEEPIDLE`, `MAX_TCP_KEEPINTVL`).
const KEEP_MAX: i32 = 32767;
/// Most keepalives and SYNs (`MAX_TCP_KEEPCNT`, `MAX_TCP_SYNCNT`).
const COUNT_MAX: i32 = 127;
/// Longest FIN_WAIT2, s (`TCP_FIN_TIMEOUT_MAX`).
const FIN_TIMEOUT_MAX: i32 = 120;

fn within(value: i32, range: std::ops::RangeInclusive<i32>) -> Result<i32> {
    if range.contains(&value) { Ok(value) } else { Err(Errno::EINVAL) }
}

fn read_only(_: &mut Sk<'_>, _: &UserCx<'_>, _: i32) -> Result<()> {
    Err(Errno::ENOPROTOOPT)
}

static ROWS: &[Row] = &[
    Row {
        name: t::TCP_NODELAY,
        get: |sk, _| i32::from(sk.nonagle & crate::sock::TCP_NAGLE_OFF != 0),
        set: |sk, cx, v| {
            output::write_xmit::set_nodelay(sk, cx, v != 0);
            Ok(())
        },
    },
    Row {
        name: t::TCP_MAXSEG,
        get: |sk, _| {
            let unconnected = matches!(state::state(sk), TcpState::Close | TcpState::Listen);
            if sk.repair {
                sk.rx_opt.mss_clamp.into()
            } else if sk.rx_opt.user_mss != 0 && unconnected {
                sk.rx_opt.user_mss.into()
            } else {
                sk.mss_cache as i32
            }
        },
        set: |sk, _, v| {
            // 88 and 32767: TCP_MIN_MSS and MAX_TCP_WINDOW; 0 takes the wish back.
            if v != 0 {
                within(v, 88..=32767)?;
            }
            sk.rx_opt.user_mss = v as u16;
            Ok(())
        },
    },
    Row {
        name: t::TCP_CORK,
        get: |sk, _| i32::from(sk.nonagle & crate::sock::TCP_NAGLE_CORK != 0),
        set: |sk, cx, v| {
            output::write_xmit::set_cork(sk, cx, v != 0);
            Ok(())
        },
    },
    Row {
        name: t::TCP_KEEPIDLE,
        get: |sk, cx| or_sysctl(sk.keepalive_time, cx.tcp().sysctl.keepalive_time()),
        set: |sk, cx, v| {
            sk.keepalive_time = within(v, 1..=KEEP_MAX)? as u32;
            keepidle_changed(sk, cx);
            Ok(())
        },
    },
    Row {
        name: t::TCP_KEEPINTVL,
        get: |sk, cx| or_sysctl(sk.keepalive_intvl, cx.tcp().sysctl.keepalive_intvl()),
        set: |sk, _, v| {
            sk.keepalive_intvl = within(v, 1..=KEEP_MAX)? as u32;
            Ok(())
        },
    },
    Row {
        name: t::TCP_KEEPCNT,
        get: |sk, cx| or_sysctl(sk.keepalive_probes.into(), cx.tcp().sysctl.keepalive_probes()),
        set: |sk, _, v| {
            sk.keepalive_probes = within(v, 1..=COUNT_MAX)? as u8;
            Ok(())
        },
    },
    Row {
        name: t::TCP_SYNCNT,
        get: |sk, cx| or_sysctl(sk.syn_retries.into(), cx.tcp().sysctl.syn_retries()),
        set: |sk, _, v| {
            sk.syn_retries = within(v, 1..=COUNT_MAX)? as u8;
            Ok(())
        },
    },
    Row {
        name: t::TCP_LINGER2,
        get: |sk, cx| match sk.linger2 {
            0 => cx.tcp().sysctl.fin_timeout(),
            ms if ms > 0 => ms / 1000,
            _ => -1,
        },
        set: |sk, _, v| {
            sk.linger2 = if v < 0 { -1 } else { v.min(FIN_TIMEOUT_MAX) * 1000 };
            Ok(())
        },
    },
    Row {
        name: t::TCP_DEFER_ACCEPT,
        get: |sk, _| retrans_to_secs(sk.defer_accept),
        set: |sk, _, v| {
            sk.defer_accept = secs_to_retrans(v);
            Ok(())
        },
    },
    Row { name: t::TCP_WINDOW_CLAMP, get: |sk, _| sk.window_clamp as i32, set: set_window_clamp },
    Row {
        name: t::TCP_QUICKACK,
        get: |sk, cx| i32::from(!delack::in_pingpong_mode(sk, cx)),
        set: |sk, cx, v| {
            delack::set_quickack(sk, cx, v);
            Ok(())
        },
    },
    Row {
        name: t::TCP_THIN_LINEAR_TIMEOUTS,
        get: |sk, _| sk.thin_lto.into(),
        set: |sk, _, v| {
            sk.thin_lto = within(v, 0..=1)? != 0;
            Ok(())
        },
    },
    // No effect since 4.12, and read back as 0.
    Row { name: t::TCP_THIN_DUPACK, get: |_, _| 0, set: |_, _, v| within(v, 0..=1).map(drop) },
    Row {
        name: t::TCP_USER_TIMEOUT,
        get: |sk, _| sk.user_timeout as i32,
        set: |sk, _, v| {
            sk.user_timeout = within(v, 0..=i32::MAX)? as u32;
            Ok(())
        },
    },
    Row {
        name: t::TCP_NOTSENT_LOWAT,
        get: |sk, _| sk.notsent_lowat as i32,
        set: |sk, cx, v| {
            sk.notsent_lowat = v as u32;
            sk.sk.write_space(cx);
            Ok(())
        },
    },
    Row {
        name: t::TCP_INQ,
        get: |sk, _| sk.recvmsg_inq.into(),
        set: |sk, _, v| {
            sk.recvmsg_inq = within(v, 0..=1)? != 0;
            Ok(())
        },
    },
    Row {
        name: t::TCP_SAVE_SYN,
        get: |sk, _| sk.save_syn.into(),
        set: |sk, _, v| {
            sk.save_syn = within(v, 0..=2)? as u8;
            Ok(())
        },
    },
    Row {
        name: t::TCP_RTO_MAX_MS,
        get: |sk, _| sk.rto_max as i32,
        set: |sk, _, v| {
            sk.rto_max = within(v, 1000..=120_000)? as u32;
            Ok(())
        },
    },
    Row {
        name: t::TCP_RTO_MIN_US,
        get: |sk, _| (sk.rto_min * 1000) as i32,
        set: |sk, _, v| {
            // In ticks; between one and the default maximum.
            sk.rto_min = (within(v, 1000..=i32::MAX)? as u32 / 1000).min(120_000);
            Ok(())
        },
    },
    Row {
        name: t::TCP_DELACK_MAX_US,
        get: |sk, _| (sk.delack_max * 1000) as i32,
        set: |sk, _, v| {
            sk.delack_max = (within(v, 1000..=200_000)? as u32) / 1000;
            Ok(())
        },
    },
    Row {
        name: t::TCP_FASTOPEN,
        get: |sk, _| sk.fastopen_qlen() as i32,
        set: |sk, cx, v| {
            if v < 0 || !matches!(state::state(sk), TcpState::Close | TcpState::Listen) {
                return Err(Errno::EINVAL);
            }
            listen::fastopen_tune(sk, cx, v as u32);
            Ok(())
        },
    },
    Row {
        name: t::TCP_FASTOPEN_NO_COOKIE,
        get: |sk, _| sk.fastopen_no_cookie().into(),
        set: |sk, _, v| {
            within(v, 0..=1)?;
            if !matches!(state::state(sk), TcpState::Close | TcpState::Listen) {
                return Err(Errno::EINVAL);
            }
            sk.fastopen_mut().no_cookie = v != 0;
            Ok(())
        },
    },
    Row {
        name: t::TCP_FASTOPEN_CONNECT,
        get: |sk, _| client::of(sk).connect.into(),
        set: |sk, cx, v| {
            within(v, 0..=1)?;
            if cx.tcp().sysctl.fastopen() & fastopen::CLIENT == 0 {
                return Err(Errno::EOPNOTSUPP);
            }
            if state::state(sk) != TcpState::Close {
                return Err(Errno::EINVAL);
            }
            sk.rare_mut().client.connect = v != 0;
            Ok(())
        },
    },
    Row { name: t::TCP_REPAIR, get: |sk, _| sk.repair.into(), set: repair::set },
    Row {
        name: t::TCP_REPAIR_QUEUE,
        get: |sk, _| repair::queue(sk),
        set: |sk, _, v| repair::set_queue(sk, v),
    },
    Row {
        name: t::TCP_QUEUE_SEQ,
        get: |sk, _| repair::queue_seq(sk).unwrap_or(0) as i32,
        set: |sk, _, v| repair::set_queue_seq(sk, v as u32),
    },
    Row {
        // Milliseconds; the lowest bit would say that they are microseconds.
        name: t::TCP_TIMESTAMP,
        get: |sk, cx| output::clock_ms(cx).wrapping_add(sk.tsoffset) as i32 & !1,
        set: |sk, cx, v| {
            if !sk.repair {
                return Err(Errno::EPERM);
            }
            sk.tsoffset = (v as u32).wrapping_sub(output::clock_ms(cx));
            Ok(())
        },
    },
    Row { name: t::TCP_IS_MPTCP, get: |_, _| 0, set: read_only },
];

/// A running keepalive timer goes by the new time (`tcp_sock_set_keepidle_locked`).
fn keepidle_changed(sk: &mut Sk<'_>, cx: &UserCx<'_>) {
    if sk.sk.flag(SockFlag::KeepOpen) && !matches!(state::state(sk), TcpState::Close | TcpState::Listen) {
        let now = sk.jiffies32();
        let elapsed = now.wrapping_sub(sk.ack_lrcvtime).min(now.wrapping_sub(sk.rcv_tstamp));
        let left = (u64::from(sk.keepalive_time) * 1000).saturating_sub(elapsed.into());
        timer::reset_keepalive(sk, cx, left);
    }
}

fn or_sysctl(own: u32, sysctl: i32) -> i32 {
    if own == 0 { sysctl } else { own as i32 }
}

/// How many SYN-ACKs fit into so many seconds (`secs_to_retrans`).
fn secs_to_retrans(seconds: i32) -> u8 {
    let (mut retrans, mut timeout, mut period) = (0u8, 1, 1);
    if seconds > 0 {
        retrans = 1;
        while seconds > period && retrans < 255 {
            retrans += 1;
            timeout = (timeout << 1).min(120);
            period += timeout;
        }
    }
    retrans
}

/// How many seconds so many SYN-ACKs take (`retrans_to_secs`).
fn retrans_to_secs(retrans: u8) -> i32 {
    let (mut period, mut timeout) = (0, 1);
    for _ in 0..retrans {
        period += timeout;
        timeout = (timeout << 1).min(120);
    }
    period
}

/// `tcp_set_window_clamp`.
fn set_window_clamp(sk: &mut Sk<'_>, _: &UserCx<'_>, value: i32) -> Result<()> {
    if value == 0 {
        if state::state(sk) != TcpState::Close {
            return Err(Errno::EINVAL);
        }
        sk.window_clamp = 0;
        return Ok(());
    }
    let old = sk.window_clamp;
    sk.window_clamp = value.max(net::sock::mem::SOCK_MIN_RCVBUF / 2) as u32;
    if sk.window_clamp == old {
        return Ok(());
    }
    // A new clamp shrinks the threshold at once; it grows again by itself.
    if sk.window_clamp < old {
        sk.rcv_ssthresh = sk.rcv_ssthresh.min(sk.window_clamp);
    } else {
        sk.rcv_ssthresh = sk.rcv_ssthresh.max(sk.rcv_wnd.min(sk.window_clamp));
    }
    Ok(())
}

/// Options that make headers longer, and segments shorter.
const LENGTHENING: [(i32, i32); 6] = [
    (uapi::SOL_IP, uapi::IP_OPTIONS),
    (uapi::SOL_IPV6, uapi::IPV6_2292PKTOPTIONS),
    (uapi::SOL_IPV6, uapi::IPV6_HOPOPTS),
    (uapi::SOL_IPV6, uapi::IPV6_RTHDRDSTOPTS),
    (uapi::SOL_IPV6, uapi::IPV6_RTHDR),
    (uapi::SOL_IPV6, uapi::IPV6_DSTOPTS),
];

/// `setsockopt()` of any level but `SOL_SOCKET`.
pub fn set(sk: &Sock<Tcp>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    match level {
        SOL_TCP => {}
        _ => {
            ip::sockopt::set::<Tcp>(sk, cx, level, name, value)?;
            if LENGTHENING.contains(&(level, name)) {
                output::update_ext_hdr_len(&mut sk.lock_sock(cx).sk_mut(), cx);
            }
            return Ok(());
        }
    }
    if name == t::TCP_CONGESTION {
        return set_congestion(sk, cx, value);
    }
    if name == t::TCP_FASTOPEN_KEY {
        return set_fastopen_key(sk, cx, value);
    }
    if matches!(name, t::TCP_REPAIR_OPTIONS | t::TCP_REPAIR_WINDOW) {
        // An int is asked for as of all others; they are longer.
        int_value(value)?;
        let mut guard = sk.lock_sock(cx);
        let sk = &mut guard.sk_mut();
        return match name {
            t::TCP_REPAIR_OPTIONS => repair::set_options(sk, cx, value),
            _ => repair::set_window(sk, value),
        };
    }
    let row = ROWS.iter().find(|row| row.name == name);
    // As Linux: the length is looked at before the name.
    let int = int_value(value)?;
    let row = row.ok_or(Errno::ENOPROTOOPT)?;
    let mut guard = sk.lock_sock(cx);
    let mut sk = guard.sk_mut();
    output::mstamp_refresh(&mut sk, cx);
    (row.set)(&mut sk, cx, int)?;
    if state::state(&sk) == TcpState::Listen {
        listen::refresh(&mut sk);
    }
    Ok(())
}

fn set_fastopen_key(sk: &Sock<Tcp>, cx: &UserCx<'_>, value: &[u8]) -> Result<()> {
    let keys = Keys::from_bytes(value)?;
    let mut guard = sk.lock_sock(cx);
    let mut sk = guard.sk_mut();
    sk.fastopen_mut().keys = Some(Arc::new(keys));
    if state::state(&sk) == TcpState::Listen {
        listen::refresh(&mut sk);
    }
    Ok(())
}

fn set_congestion(sk: &Sock<Tcp>, cx: &UserCx<'_>, value: &[u8]) -> Result<()> {
    if value.is_empty() {
        return Err(Errno::EINVAL);
    }
    // At most 15 bytes, up to a NUL.
    let name = &value[..value.len().min(15)];
    let name = name.split(|&b| b == 0).next().unwrap_or_default();
    let net_admin = cx.process.capable(CAP_NET_ADMIN);
    let mut guard = sk.lock_sock(cx);
    let mut sk = guard.sk_mut();
    output::mstamp_refresh(&mut sk, cx);
    cong::set_by_name(&mut sk, cx, name, net_admin)?;
    if state::state(&sk) == TcpState::Listen {
        listen::refresh(&mut sk);
    }
    Ok(())
}

/// `getsockopt()` of any level but `SOL_SOCKET`.
pub fn get(sk: &Sock<Tcp>, cx: &UserCx<'_>, level: i32, name: i32, out: &mut GetOpt<'_>) -> Result<()> {
    match level {
        SOL_TCP => {}
        _ => return ip::sockopt::get::<Tcp>(sk, cx, level, name, out),
    }
    if out.len < 0 {
        return Err(Errno::EINVAL);
    }
    let mut guard = sk.lock_sock(cx);
    let mut sk = guard.sk_mut();
    match name {
        t::TCP_INFO => {
            output::mstamp_refresh(&mut sk, cx);
            out.bytes(info::tcp_info(&sk).as_bytes())
        }
        t::TCP_CONGESTION => {
            let mut name = [0; 16];
            let known = cong::name(&sk).as_bytes();
            name[..known.len().min(15)].copy_from_slice(&known[..known.len().min(15)]);
            out.bytes(&name)
        }
        t::TCP_CC_INFO => {
            let info = cong::info(&sk);
            out.bytes(info.as_ref().map_or(&[], |info| &info.bytes[..info.len]))
        }
        t::TCP_FASTOPEN_KEY => {
            let keys = sk.fastopen_keys().map_or_else(Vec::new, |keys| keys.to_bytes());
            out.bytes(&keys)
        }
        t::TCP_SAVED_SYN => saved_syn(&mut sk, out),
        t::TCP_REPAIR_WINDOW => repair::window(&sk, out),
        t::TCP_REPAIR_QUEUE if !sk.repair => Err(Errno::EINVAL),
        t::TCP_QUEUE_SEQ => out.int(repair::queue_seq(&sk)? as i32),
        _ => {
            let row = ROWS.iter().find(|row| row.name == name).ok_or(Errno::ENOPROTOOPT)?;
            let value = (row.get)(&sk, cx);
            out.int(value)
        }
    }
}

/// The SYN, once; a buffer that is too short learns its length and leaves it.
fn saved_syn(sk: &mut Sk<'_>, out: &mut GetOpt<'_>) -> Result<()> {
    let Some(syn) = sk.rare.as_ref().and_then(|rare| rare.saved_syn.clone()) else {
        out.len = 0;
        return Ok(());
    };
    if (out.len as usize) < syn.len() {
        out.len = syn.len() as i32;
        return Err(Errno::EINVAL);
    }
    out.bytes(&syn)?;
    sk.rare_mut().saved_syn = None;
    Ok(())
}
