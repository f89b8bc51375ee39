//! `connect()` of a datagram socket: a peer is remembered, nothing is sent (`udp_connect`,
//! `udpv6_connect`, `udp_disconnect`).

use crate::bind::rehash;
use crate::sock::Udp;
use net::UserCx;
use net::sock::SkMut;
use uapi::Result;

/// Names the peer. Errors as [`ip::datagram::connect`].
pub(crate) fn connect(sk: &mut SkMut<'_, Udp>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
    rehash(sk, cx, |sk| ip::datagram::connect(cx, sk.sk, &mut sk.inet, "UDP", addr))?;
    sk.led = None;
    Ok(())
}

/// Forgets the peer, and the address and port that were not asked for.
pub(crate) fn disconnect(sk: &mut SkMut<'_, Udp>, cx: &UserCx<'_>) -> Result<()> {
    let keep_port = rehash(sk, cx, |sk| ip::datagram::disconnect(cx, sk.sk, &mut sk.inet, "UDP"));
    if !keep_port {
        crate::bind::unhash(sk, cx);
    }
    Ok(())
}
