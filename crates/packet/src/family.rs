//! `socket()`: `packet_create`.

use crate::ops::{PACKET_OPS, PACKET_OPS_SPKT};
use crate::sock::Packet;
use crate::state::PacketNet;
use net::socket::SocketState;
use net::socket::family::NetProtoFamily;
use net::{Sock, Socket, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::{AF_PACKET, SOCK_DGRAM, SOCK_PACKET, SOCK_RAW};
use uapi::{CAP_NET_RAW, Errno, Result};

/// The family.
pub(crate) struct PacketFamily;

impl NetProtoFamily for PacketFamily {
    fn family(&self) -> u16 {
        AF_PACKET as u16
    }

    fn name(&self) -> &str {
        "AF_PACKET"
    }

    /// `protocol` is an ethertype in network order; with one the socket receives from all devices at once. `EPERM`
    /// without `CAP_NET_RAW`, `ESOCKTNOSUPPORT`.
    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, kern: bool) -> Result<()> {
        if !kern && !cx.process.capable(CAP_NET_RAW) {
            return Err(Errno::EPERM);
        }
        let ops = match i32::from(sock.kind()) {
            SOCK_DGRAM | SOCK_RAW => &PACKET_OPS,
            SOCK_PACKET => &PACKET_OPS_SPKT,
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        sock.set_state(cx, SocketState::Unconnected);
        sock.set_ops(ops);
        let sk = Sock::<Packet>::alloc(cx, self.family(), sock.kind(), 0);
        let num = u16::from_be(protocol as u16);
        sk.shared.num.store(num, Relaxed);
        let here = PacketNet::of(cx.net);
        here.add(&sk);
        if num != 0 {
            here.hook(cx, &sk);
        }
        sock.graft(sk);
        Ok(())
    }
}
