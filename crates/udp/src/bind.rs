//! Local ports: in and out of the table.

use crate::sock::key;
use crate::table::Claim;
use crate::{Udp, UdpNet};
use ip::{InetProto, ports};
use net::Cx;
use net::sock::SkMut;
use uapi::{Errno, Result};

/// Takes local port `port`, or any when 0, and enters the table (`udp_v4_get_port`,
/// `udp_v6_get_port`). `EADDRINUSE`.
pub(crate) fn get_port(sk: &mut SkMut<'_, Udp>, cx: &Cx<'_>, port: u16) -> Result<()> {
    let table = UdpNet::of(cx.net).table(sk.sk.protocol());
    let claim = Claim { sk: sk.sk, key: key(&sk.inet) };
    let taken = if port == 0 {
        let (range, _) = ports::of(cx).sk_range(sk.inet.local_port_range);
        table.take_any(cx.net, &range, &claim)
    } else {
        table.take(port, &claim).then_some(port)
    };
    sk.inet.num = taken.ok_or(Errno::EADDRINUSE)?;
    publish(sk);
    Ok(())
}

/// Leaves the table and gives the port back (`udp_lib_unhash`).
pub(crate) fn unhash(sk: &mut SkMut<'_, Udp>, cx: &Cx<'_>) {
    let port = sk.inet.num;
    if port == 0 {
        return;
    }
    let table = UdpNet::of(cx.net).table(sk.sk.protocol());
    let removed = table.remove(port, sk.sk, &key(&sk.inet));
    sk.inet.num = 0;
    publish(sk);
    if let Some(reference) = removed {
        cx.sock_put(reference);
    }
}

/// Changes the addresses of the socket with `change`, and what the table knows of them
/// (`udp_v4_rehash`, `udp_v6_rehash`).
pub(crate) fn rehash<R>(
    sk: &mut SkMut<'_, Udp>,
    cx: &Cx<'_>,
    change: impl FnOnce(&mut SkMut<'_, Udp>) -> R,
) -> R {
    let from = key(&sk.inet);
    let result = change(sk);
    let to = key(&sk.inet);
    if from != to && sk.inet.num != 0 {
        UdpNet::of(cx.net).table(sk.sk.protocol()).rehash(sk.inet.num, sk.sk, &from, to);
    }
    publish(sk);
    result
}

fn publish(sk: &SkMut<'_, Udp>) {
    Udp::inet_shared(&sk.sk.shared).publish(&sk.inet);
}
