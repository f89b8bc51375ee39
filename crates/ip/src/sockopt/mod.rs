//! Options of `SOL_IP` and `SOL_IPV6` (`do_ip_setsockopt`, `do_ipv6_setsockopt` and their readers), as
//! rows of tables.
//!
//! [`v4`] and [`v6`] hold the rows; [`mcast`] the requests about groups, which both levels know, and
//! [`sticky`] the extension headers that a socket puts into all its packets. What has no row answers
//! `ENOPROTOOPT`, as a kernel without the feature; nothing is accepted and ignored.

mod mcast;
mod sticky;
mod v4;
mod v6;

pub(crate) use sticky::{check_routing, slot};
pub(crate) use v4::tos_priority;

use crate::sock::{InetProto, InetShared, InetSock};
use net::sock::{GetOpt, SockCommon};
use net::{Sock, UserCx};
use uapi::{AF_INET6, CAP_NET_ADMIN, CAP_NET_RAW, Errno, Result, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_IPV6};

/// What the rows work on: one call, the sock locked.
struct Opt<'a, 'c> {
    sk: &'a SockCommon,
    inet: &'a mut InetSock,
    shared: &'a InetShared,
    cx: &'a UserCx<'c>,
}

impl Opt<'_, '_> {
    fn is_stream(&self) -> bool {
        i32::from(self.sk.kind()) == SOCK_STREAM
    }

    fn is_raw(&self) -> bool {
        i32::from(self.sk.kind()) == SOCK_RAW
    }

    /// May forge packets: either capability will do.
    fn may_forge(&self) -> bool {
        let process = self.cx.process;
        process.capable(CAP_NET_RAW) || process.capable(CAP_NET_ADMIN)
    }
}

/// An option's value as the caller gave it.
struct Value<'a> {
    /// The `int` it begins with, by the level's rule for shorter ones.
    int: i32,
    bytes: &'a [u8],
}

impl Value<'_> {
    fn on(&self) -> bool {
        self.int != 0
    }

    /// `EINVAL` when shorter.
    fn at_least(&self, len: usize) -> Result<()> {
        if self.bytes.len() < len { Err(Errno::EINVAL) } else { Ok(()) }
    }

    /// The number, if it has all its bytes and lies within.
    fn within(&self, len: usize, min: i32, max: i32) -> Result<i32> {
        self.at_least(len)?;
        if (min..=max).contains(&self.int) { Ok(self.int) } else { Err(Errno::EINVAL) }
    }
}

type Set = fn(&mut Opt<'_, '_>, &Value<'_>) -> Result<()>;
type Get = fn(&mut Opt<'_, '_>, &mut GetOpt<'_>) -> Result<()>;

/// One option.
struct Row {
    name: i32,
    set: Set,
    get: Get,
}

fn find(rows: &'static [Row], name: i32) -> Result<&'static Row> {
    let at = rows.binary_search_by_key(&name, |row| row.name).map_err(|_| Errno::ENOPROTOOPT)?;
    Ok(&rows[at])
}

/// What is no option in this direction.
macro_rules! none {
    (set) => {
        |_, _| Err(uapi::Errno::ENOPROTOOPT)
    };
    (get) => {
        |_, _| Err(uapi::Errno::ENOPROTOOPT)
    };
}
use none;

fn with<P: InetProto, R>(sk: &Sock<P>, cx: &UserCx<'_>, f: impl FnOnce(&mut Opt<'_, '_>) -> R) -> R {
    let mut guard = sk.lock_sock(cx);
    let mut locked = guard.sk_mut();
    let shared = P::inet_shared(&sk.shared);
    f(&mut Opt { sk, inet: P::inet_mut(&mut locked), shared, cx })
}

/// Which table a level means on this socket. An IPv6 socket that is not raw has IPv4's options too.
fn rows(sk: &SockCommon, level: i32) -> Option<&'static [Row]> {
    let v6 = i32::from(sk.family()) == AF_INET6;
    match level {
        SOL_IP if !v6 || i32::from(sk.kind()) != SOCK_RAW => Some(v4::ROWS),
        SOL_IPV6 if v6 => Some(v6::ROWS),
        _ => None,
    }
}

/// `setsockopt()` at `SOL_IP` or `SOL_IPV6` (`ip_setsockopt`, `ipv6_setsockopt`).
///
/// # Errors
/// `ENOPROTOOPT` for what is no option of the socket's family, `EINVAL`, `EPERM` and what the option's
/// own rules say.
pub fn set<P: InetProto>(sk: &Sock<P>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let row = find(rows(sk, level).ok_or(Errno::ENOPROTOOPT)?, name)?;
    let int = match *value {
        [a, b, c, d, ..] => i32::from_ne_bytes([a, b, c, d]),
        // Only IPv4 takes a number of one byte.
        [byte, ..] if level == SOL_IP => i32::from(byte),
        _ => 0,
    };
    with(sk, cx, |opt| (row.set)(opt, &Value { int, bytes: value }))
}

/// `getsockopt()` at `SOL_IP` or `SOL_IPV6` (`ip_getsockopt`, `ipv6_getsockopt`).
///
/// # Errors
/// As for [`set`]; `EOPNOTSUPP` for another level on an IPv4 socket.
pub fn get<P: InetProto>(
    sk: &Sock<P>,
    cx: &UserCx<'_>,
    level: i32,
    name: i32,
    out: &mut GetOpt<'_>,
) -> Result<()> {
    let unknown = if i32::from(sk.family()) == AF_INET6 { Errno::ENOPROTOOPT } else { Errno::EOPNOTSUPP };
    let rows = rows(sk, level).ok_or(unknown)?;
    if out.len < 0 {
        if level != SOL_IPV6 || name == uapi::MCAST_MSFILTER {
            return Err(Errno::EINVAL);
        }
        // do_ipv6_getsockopt takes the length of all others for an unsigned one.
        out.len = i32::MAX;
    }
    let row = find(rows, name)?;
    with(sk, cx, |opt| (row.get)(opt, out))
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_in_order() {
        for rows in [super::v4::ROWS, super::v6::ROWS] {
            assert!(rows.is_sorted_by(|a, b| a.name < b.name));
        }
    }
}
