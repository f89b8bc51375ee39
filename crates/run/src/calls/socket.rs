//! `socket(2)`: a socket of the stack, and the carrier that stands for it.

use crate::call::{Call, Handled, Outcome};
use crate::carrier::datagram::{DATAGRAM_EVENTS, Datagram};
use crate::carrier::stream::{State, Stream};
use crate::carrier::{Body, Carrier};
use crate::observe::Made;
use crate::stack::Sid;
use crate::supervisor::Supervisor;
use crate::sys::sock;
use crate::table::Key;
use std::os::fd::{AsFd, OwnedFd};
use uapi::{Errno, Result};

/// Netlink protocols of the stack; the others (audit, udev, generic) concern the host and stay its own.
const NETLINK_SERVED: &[i32] = &[libc::NETLINK_ROUTE, libc::NETLINK_SOCK_DIAG];

fn served(family: i32, protocol: i32) -> bool {
    match family {
        libc::AF_INET | libc::AF_INET6 | libc::AF_PACKET => true,
        libc::AF_NETLINK => NETLINK_SERVED.contains(&protocol),
        _ => false,
    }
}

impl Supervisor<'_> {
    pub(crate) fn sys_socket(&mut self, call: &mut Call) -> Handled {
        let (family, ty, protocol) = (call.int(0), call.int(1), call.int(2));
        if !served(family, protocol) {
            return Ok(Outcome::Foreign);
        }
        let kind = ty & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
        let sid = self.permitted(call.tid, |stack, cred| stack.socket(cred, family, kind, protocol))?;
        let nonblock = ty & libc::SOCK_NONBLOCK != 0;
        let (key, program) = self.new_carrier(sid, family, kind, nonblock).inspect_err(|_| {
            self.stack.close(sid, false);
        })?;
        match self.listener.add_fd_and_send(call.id, program.as_fd(), ty & libc::SOCK_CLOEXEC != 0) {
            Ok(fd) => {
                self.made = Some(Made { fd, ..Made::default() });
                if let Some(c) = self.table.get(key) {
                    c.hint = (call.tid, fd);
                }
                Ok(Outcome::Answered)
            }
            Err(e) => {
                self.finish_close(key, false);
                Err(e.into())
            }
        }
    }

    fn new_carrier(&mut self, sid: Sid, family: i32, kind: i32, nonblock: bool) -> Result<(Key, OwnedFd)> {
        if kind == libc::SOCK_STREAM {
            let flag = if nonblock { libc::SOCK_NONBLOCK } else { 0 };
            let program = sock::unix_socket(libc::SOCK_STREAM | flag)?;
            let cookie = sock::cookie(program.as_fd())?;
            let body = Body::Stream(Stream::new(State::Fresh));
            let key = self.table.insert(Carrier::new(sid, cookie, family, body));
            self.ensure_watch(key, program.as_fd());
            return Ok((key, program));
        }
        let pair = sock::pair(libc::SOCK_DGRAM, nonblock)?;
        if let Some(limit) = longest_udp(family, kind) {
            sock::set_int(pair.program.as_fd(), libc::SO_SNDBUF, limit)?;
        }
        let cookie = sock::cookie(pair.program.as_fd())?;
        let body = Body::Datagram(Box::new(Datagram::new(pair.ours)));
        let key = self.table.insert(Carrier::new(sid, cookie, family, body));
        let d = self.table.get(key).and_then(Carrier::datagram).ok_or(Errno::EBADF)?;
        self.epoll.add(d.as_fd(), DATAGRAM_EVENTS, key.to_word())?;
        self.ensure_watch(key, pair.program.as_fd());
        Ok((key, pair.program))
    }
}

/// The send buffer under which a record longer than any UDP datagram is EMSGSIZE to the carrier too.
///
/// The kernel doubles what it is given, and allows a record of the doubled value less 32 bytes: one byte more than the
/// 65,507 (IPv6: 65,527) of UDP.
fn longest_udp(family: i32, kind: i32) -> Option<i32> {
    match (family, kind) {
        (libc::AF_INET, libc::SOCK_DGRAM) => Some(32_770),
        (libc::AF_INET6, libc::SOCK_DGRAM) => Some(32_780),
        _ => None,
    }
}
