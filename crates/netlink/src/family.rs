//! `socket(AF_NETLINK)`: `netlink_create`.

use crate::ops::NETLINK_OPS;
use crate::sock::Netlink;
use net::socket::SocketState;
use net::socket::family::NetProtoFamily;
use net::{Sock, Socket, UserCx};
use uapi::socket::{AF_NETLINK, SOCK_DGRAM, SOCK_RAW};
use uapi::{Errno, MAX_LINKS, NETLINK_ROUTE, NETLINK_SOCK_DIAG, Result};

/// Protocols that are there.
pub(crate) const PROTOCOLS: &[i32] = &[NETLINK_ROUTE, NETLINK_SOCK_DIAG];

/// The family.
pub(crate) struct NetlinkFamily;

impl NetProtoFamily for NetlinkFamily {
    fn family(&self) -> u16 {
        AF_NETLINK as u16
    }

    fn name(&self) -> &str {
        "AF_NETLINK"
    }

    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, _kern: bool) -> Result<()> {
        sock.set_state(cx, SocketState::Unconnected);
        if !matches!(i32::from(sock.kind()), SOCK_RAW | SOCK_DGRAM) {
            return Err(Errno::ESOCKTNOSUPPORT);
        }
        if !(0..MAX_LINKS).contains(&protocol) || !PROTOCOLS.contains(&protocol) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        sock.set_ops(&NETLINK_OPS);
        sock.graft(Sock::<Netlink>::alloc(cx, self.family(), sock.kind(), protocol as u16));
        Ok(())
    }
}
