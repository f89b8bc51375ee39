//! `__sock_create`, `sock_alloc`: from three numbers to a socket in a file.

use super::Socket;
use super::file::sock_alloc_file;
use crate::cx::UserCx;
use crate::netns::Net;
use crate::trace::Event;
use kern::context::Process;
use std::sync::Arc;
use uapi::socket::{AF_INET, AF_PACKET, SOCK_MAX, SOCK_PACKET};
use uapi::{Errno, Result};
use vfs::file::{File, fput};

/// Makes a socket of the family and lets the family give it operations and sock (`__sock_create`).
/// `flags` are the file's: `O_NONBLOCK` or 0. Whoever gets the file installs it (`sock_map_fd`) or
/// closes it.
///
/// # Errors
/// `EAFNOSUPPORT` for a family that is not there, `EINVAL` for no type, and what the family says:
/// `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`, `EPERM`.
pub fn sock_create(
    p: &Process<'_>,
    net: &Arc<Net>,
    family: i32,
    kind: i32,
    protocol: i32,
    flags: u32,
) -> Result<Arc<File>> {
    if !(0..super::family::NPROTO as i32).contains(&family) {
        return Err(Errno::EAFNOSUPPORT);
    }
    if !(0..SOCK_MAX).contains(&kind) {
        return Err(Errno::EINVAL);
    }
    // The old way to ask for AF_PACKET.
    let family = if family == AF_INET && kind == SOCK_PACKET { AF_PACKET } else { family } as u16;
    let cx = UserCx::enter(net, p);
    let file = sock_alloc_file(&cx, net, flags);
    match file
        .downcast::<Socket>()
        .ok_or(Errno::EAFNOSUPPORT)
        .and_then(|sock| create_in(&cx, sock, family, kind, protocol))
    {
        Ok(()) => Ok(file),
        Err(errno) => {
            fput(file, p);
            Err(errno)
        }
    }
}

fn create_in(cx: &UserCx<'_>, sock: &Socket, family: u16, kind: i32, protocol: i32) -> Result<()> {
    sock.set_kind(kind as u16);
    let found =
        cx.net.families.find(cx.net, family).inspect_err(|_| cx.trace(|| Event::FamilyMissing { family }))?;
    cx.trace(|| Event::FamilyFound { family, name: found.name() });
    found.create(cx, sock, protocol, false)
}
