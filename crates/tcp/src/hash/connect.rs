//! A local port for `connect()`, and the place in the table of connections
//! (`__inet_hash_connect`, `__inet_check_established`).

use super::{Found, Key};
use crate::TcpCx;
use crate::mini::timewait::{self, TimeWait};
use crate::sock::Sk;
use ip::ports::{self, ConnectOrder};
use net::Cx;
use std::sync::Arc;
use uapi::{Errno, Result};

/// Enters the sock, whose addresses and remote port are set, in the table of connections, with a
/// local port chosen if it has none.
///
/// # Errors
/// `EADDRNOTAVAIL` when the same connection exists, or no port is left.
pub fn hash_connect(sk: &mut Sk<'_>, cx: &Cx<'_>) -> Result<()> {
    let hash = &cx.tcp().hash;
    if sk.inet.num != 0 {
        let mut gone = None;
        let entered = enter(sk, cx, true, &mut gone);
        finish(gone, cx);
        return if entered { Ok(()) } else { Err(Errno::EADDRNOTAVAIL) };
    }
    // Keyed by what stays the same when the same destination is called again (RFC 6056).
    let offset = Key { lport: 0, ..Key::of(sk) }.hash(hash.bind.secret());
    let mut order = ConnectOrder::new(ports::of(cx), sk.inet.local_port_range, offset);
    while let Some(port) = order.next() {
        let mut gone = None;
        let taken = hash.bind.take_for_connect(sk, port, |sk| enter(sk, cx, false, &mut gone));
        finish(gone, cx);
        if taken {
            order.chosen(&cx.net.rng);
            return Ok(());
        }
    }
    Err(Errno::EADDRNOTAVAIL)
}

/// The minisock whose place was taken goes, outside of the lock of the port it had.
fn finish(gone: Option<Arc<TimeWait>>, cx: &Cx<'_>) {
    if let Some(tw) = gone {
        timewait::recycled(&tw, cx);
    }
}

/// Takes the place of the connection, if nobody has it or one in TIME_WAIT gives it up; `bound` if the port was
/// the sock's already.
fn enter(sk: &mut Sk<'_>, cx: &Cx<'_>, bound: bool, gone: &mut Option<Arc<TimeWait>>) -> bool {
    let key = Key::of(sk);
    let (bound_dev, new) = (sk.sk.bound_dev_if(), Found::Sock(sk.sk.hold()));
    let taken = cx.tcp().hash.established.take_place(key, bound_dev, new, |found| match found {
        Found::TimeWait(tw) => timewait::may_reuse(tw, sk, cx, bound),
        Found::Sock(_) | Found::Request(_) => false,
    });
    match taken {
        Ok(Some(Found::TimeWait(tw))) => {
            *gone = Some(tw);
            true
        }
        Ok(_) => true,
        Err(_) => false,
    }
}
