//! A local port for `connect()`, and the place in the table of connections
//! (`__inet_hash_connect`, `__inet_check_established`).

use super::{Found, Key};
use crate::TcpCx;
use crate::mini::timewait;
use crate::sock::Sk;
use ip::ports::{self, ConnectOrder};
use net::Cx;
use uapi::{Errno, Result};

/// Enters the sock, whose addresses and remote port are set, in the table of connections, with a
/// local port chosen if it has none.
///
/// # Errors
/// `EADDRNOTAVAIL` when the same connection exists, or no port is left.
pub fn hash_connect(sk: &mut Sk<'_>, cx: &Cx<'_>) -> Result<()> {
    let hash = &cx.tcp().hash;
    if sk.inet.num != 0 {
        return if enter(sk, cx) { Ok(()) } else { Err(Errno::EADDRNOTAVAIL) };
    }
    // Keyed by what stays the same when the same destination is called again (RFC 6056).
    let offset = Key { lport: 0, ..Key::of(sk) }.hash(hash.bind.secret());
    let mut order = ConnectOrder::new(ports::of(cx), sk.inet.local_port_range, offset);
    while let Some(port) = order.next() {
        if hash.bind.take_for_connect(sk, port, |sk| enter(sk, cx)) {
            order.chosen(&cx.net.rng);
            return Ok(());
        }
    }
    Err(Errno::EADDRNOTAVAIL)
}

/// Takes the place of the connection, if nobody has it or one in TIME_WAIT gives it up.
fn enter(sk: &mut Sk<'_>, cx: &Cx<'_>) -> bool {
    let key = Key::of(sk);
    let (bound_dev, new) = (sk.sk.bound_dev_if(), Found::Sock(sk.sk.hold()));
    let taken = cx.tcp().hash.established.take_place(key, bound_dev, new, |found| match found {
        Found::TimeWait(tw) => timewait::may_reuse(tw, sk, cx),
        Found::Sock(_) | Found::Request(_) => false,
    });
    match taken {
        Ok(Some(Found::TimeWait(tw))) => {
            timewait::recycled(&tw, cx);
            true
        }
        Ok(_) => true,
        Err(_) => false,
    }
}
