//! `getsockopt(2)`, `setsockopt(2)`: the stack's, and the few that the carrier must know too.

use crate::call::{Call, Handled, Outcome};
use crate::carrier::Body;
use crate::supervisor::{Held, Supervisor};
use crate::sys::sock;
use crate::usermem::User;
use uapi::Errno;

/// Options that act on native reads and writes: the carrier gets them too.
const MIRRORED: &[i32] = &[
    libc::SO_RCVTIMEO,
    libc::SO_SNDTIMEO,
    SO_RCVTIMEO_NEW,
    SO_SNDTIMEO_NEW,
    libc::SO_RCVLOWAT,
    libc::SO_OOBINLINE,
    libc::SO_PEEK_OFF,
];
const SO_RCVTIMEO_NEW: i32 = 66;
const SO_SNDTIMEO_NEW: i32 = 67;

/// Longer values are not an option's (the kernel's own bound for a filter is far below).
const VALUE_MAX: usize = 64 * 1024;

/// `sizeof(struct sock_filter)`.
const INSN: usize = 8;
/// `BPF_MAXINSNS`
const MAX_INSNS: usize = 4096;

impl Supervisor<'_> {
    pub(crate) fn sys_setsockopt(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let (level, name) = (call.int(1), call.int(2));
        if (level, name) == (libc::SOL_TCP, libc::TCP_FASTOPEN_CONNECT) {
            // As MSG_FASTOPEN: the write that connects would be the carrier's.
            return Err(Errno::EOPNOTSUPP.into());
        }
        let len = usize::try_from(call.int(4)).map_err(|_| Errno::EINVAL)?;
        let user = User::of(call);
        let mut value = vec![0u8; len.min(VALUE_MAX)];
        if level == libc::SOL_SOCKET && name == libc::SO_ATTACH_FILTER {
            value = read_filter(call, &user, len)?;
        } else {
            user.read(call.args[3], &mut value)?;
        }
        // What was written before is sent under the old options (TCP_CORK, TCP_NODELAY).
        self.pump_out(held.key);
        self.permitted(call.tid, |stack, cred| stack.setsockopt(cred, held.sid, level, name, &value))?;
        if level == libc::SOL_SOCKET && MIRRORED.contains(&name) {
            let _ = sock::set_opt(held.fd(), name, &value);
        }
        Ok(Outcome::Return(0))
    }

    pub(crate) fn sys_getsockopt(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let (level, name) = (call.int(1), call.int(2));
        let user = User::of(call);
        let len = usize::try_from(user.read_int(call.args[4])?).map_err(|_| Errno::EINVAL)?;
        if level == libc::SOL_SOCKET && name == libc::SO_ATTACH_FILTER {
            return self.get_filter(call, &user, &held, len);
        }
        let mut value = vec![0u8; len.min(VALUE_MAX)];
        if level == libc::SOL_SOCKET && name == libc::SO_ERROR {
            self.pump_out(held.key);
        }
        // The value's first bytes are an argument of some options (TCP_ZEROCOPY_RECEIVE, IP_MSFILTER).
        if level != libc::SOL_SOCKET && !value.is_empty() {
            user.read(call.args[3], &mut value)?;
        }
        let n = self.stack.getsockopt(held.sid, level, name, &mut value)?.min(value.len());
        if level == libc::SOL_SOCKET && name == libc::SO_ERROR {
            self.add_own_error(&held, &mut value);
        }
        user.write_pair(call.args[3], &value[..n], call.args[4], i32::try_from(n).unwrap_or(i32::MAX))?;
        Ok(Outcome::Return(0))
    }

    /// `SO_GET_FILTER` counts instructions, not bytes; a length of 0 asks how many there are.
    fn get_filter(&mut self, call: &Call, user: &User, held: &Held, len: usize) -> Handled {
        let mut code = vec![0u8; len.min(MAX_INSNS) * INSN];
        let n = self.stack.getsockopt(held.sid, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &mut code)?;
        let bytes = match code.get(..n * INSN) {
            _ if len == 0 => &[],
            Some(bytes) => bytes,
            None => return Err(Errno::EINVAL.into()),
        };
        user.write_pair(call.args[3], bytes, call.args[4], i32::try_from(n).unwrap_or(i32::MAX))?;
        Ok(Outcome::Return(0))
    }

    /// An error that the pump took from the stack is the socket's, unless the program has met it in a native read.
    fn add_own_error(&mut self, held: &Held, value: &mut [u8]) {
        let Some(carrier) = self.table.get(held.key) else { return };
        let error = match carrier.body {
            Body::Datagram(_) => carrier.take_datagram_error(held.fd()),
            Body::Stream(_) => sock::take_error(held.fd()).and(carrier.error.take()),
        };
        if let Some(error) = error
            && let Some(word) = value.get_mut(..4)
            && word == [0; 4]
        {
            word.copy_from_slice(&error.raw().to_ne_bytes());
        }
    }
}

/// A `sock_fprog` points to its instructions: the stack gets the instructions themselves.
fn read_filter(call: &Call, user: &User, len: usize) -> Result<Vec<u8>, Errno> {
    let size = if call.compat { 8 } else { 16 };
    if len != size {
        return Err(Errno::EINVAL);
    }
    let mut prog = [0u8; 16];
    user.read(call.args[3], &mut prog[..size])?;
    let count = usize::from(u16::from_ne_bytes([prog[0], prog[1]]));
    let at = if call.compat {
        u64::from(u32::from_ne_bytes([prog[4], prog[5], prog[6], prog[7]]))
    } else {
        prog[8..16].try_into().map_or(0, u64::from_ne_bytes)
    };
    if at == 0 || count > MAX_INSNS {
        return Err(Errno::EINVAL);
    }
    let mut code = vec![0u8; count * INSN];
    user.read(at, &mut code)?;
    Ok(code)
}
