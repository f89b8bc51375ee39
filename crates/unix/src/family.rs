//! `socket(AF_UNIX)`: `unix_create`.

use crate::ops::{DGRAM_OPS, SEQPACKET_OPS, STREAM_OPS};
use crate::sock::Unix;
use net::socket::SocketState;
use net::socket::family::NetProtoFamily;
use net::{Socket, UserCx};
use uapi::socket::{AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM};
use uapi::{Errno, Result};

/// The family.
pub(crate) struct UnixFamily;

impl NetProtoFamily for UnixFamily {
    fn family(&self) -> u16 {
        AF_UNIX as u16
    }

    fn name(&self) -> &str {
        "AF_UNIX"
    }

    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, _kern: bool) -> Result<()> {
        if protocol != 0 && protocol != AF_UNIX {
            return Err(Errno::EPROTONOSUPPORT);
        }
        sock.set_state(cx, SocketState::Unconnected);
        let ops = match i32::from(sock.kind()) {
            SOCK_STREAM => &STREAM_OPS,
            // BSD's raw sockets of this family were datagrams.
            SOCK_RAW | SOCK_DGRAM => {
                sock.set_kind(SOCK_DGRAM as u16);
                &DGRAM_OPS
            }
            SOCK_SEQPACKET => &SEQPACKET_OPS,
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        sock.set_ops(ops);
        sock.graft(Unix::create(cx, sock.kind()));
        Ok(())
    }
}
