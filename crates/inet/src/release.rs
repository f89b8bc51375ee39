//! The last close (`inet_release`, `inet6_release`).

use ip::InetProto;
use kern::time::Time;
use net::sock::{SockFlag, Timeo};
use net::{Socket, UserCx};

/// Leaves the groups and gives the sock to its protocol to end, waiting for that as long as
/// `SO_LINGER` says.
pub fn inet_release<P: InetProto>(sock: &Socket, cx: &UserCx<'_>) {
    let Ok(sk) = sock.sock::<P>() else { return };
    ip::mcast::leave_all(cx, P::inet_shared(&sk.shared));
    let linger = match sk.lingertime() {
        _ if !sk.flag(SockFlag::Linger) => Timeo::Never,
        0 => Timeo::Never,
        seconds => Timeo::Until(Time::from_ns(cx.now().ns() + u64::from(seconds) * 1_000_000_000)),
    };
    P::close(sk, cx, linger);
}
