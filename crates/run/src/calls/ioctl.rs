//! `ioctl(2)`: what a queue holds, and the interface requests of `netdevice(7)`.

use crate::call::{Call, Handled, Outcome};
use crate::stack::{Cred, Sid};
use crate::supervisor::Supervisor;
use crate::usermem::User;
use uapi::Errno;
use uapi::ioctl::{SIOCGSTAMP_NEW, SIOCGSTAMP_OLD, SIOCGSTAMPNS_NEW, SIOCGSTAMPNS_OLD};

const SIOCOUTQ: u32 = 0x5411;
const SIOCATMARK: u32 = 0x8905;
const SIOCGIFCONF: u32 = 0x8912;
/// `sizeof(struct ifreq)`.
const IFREQ: usize = 40;
/// `sizeof(struct ifreq)` of a 32-bit program; the union within is the same but for pointers.
const IFREQ32: usize = 32;
/// Far more interfaces than a namespace has.
const IFCONF_MAX: usize = 64 * 1024;

/// Requests that end in an `int`; all others of the range take an `ifreq`.
fn is_int(request: u32) -> bool {
    matches!(request, SIOCOUTQ | SIOCATMARK)
}

/// Requests that every socket answers, whatever its family (`sock_do_ioctl`); addresses are the family's own.
fn of_any_socket(request: u32) -> bool {
    const ADDRESSES: [u32; 4] = [0x8915, 0x8917, 0x8919, 0x891b];
    !is_int(request) && !ADDRESSES.contains(&request)
}

impl Supervisor<'_> {
    pub(crate) fn sys_ioctl(&mut self, call: &mut Call) -> Handled {
        let request = call.args[1] as u32;
        let sid = match self.lookup(call, call.int(0)) {
            // The mark of a stream is the carrier's.
            Ok(held) if request == SIOCATMARK && self.flows_natively(&held) => return Ok(Outcome::Continue),
            Ok(held) => {
                self.pump_out(held.key);
                held.sid
            }
            // The C library asks for interfaces on whatever socket it can make, AF_UNIX first.
            Err(_) if of_any_socket(request) && self.is_host_socket(call) => self.control_socket()?,
            Err(other) => return Err(other),
        };
        let user = User::of(call);
        if matches!(request, SIOCGSTAMP_OLD | SIOCGSTAMPNS_OLD | SIOCGSTAMP_NEW | SIOCGSTAMPNS_NEW) {
            let mut time = [0; 16];
            let ret = self.permitted(call.tid, |stack, cred| stack.ioctl(cred, sid, request, &mut time))?;
            if call.compat && matches!(request, SIOCGSTAMP_OLD | SIOCGSTAMPNS_OLD) {
                // Both halves are of 4 bytes there.
                time.copy_within(8..12, 4);
                user.write(call.args[2], &time[..8])?;
            } else {
                user.write(call.args[2], &time)?;
            }
            return Ok(Outcome::Return(i64::from(ret)));
        }
        if request == SIOCGIFCONF {
            return self.ifconf(call, sid);
        }
        let mut arg = [0u8; IFREQ];
        let len = if is_int(request) {
            4
        } else if call.compat {
            IFREQ32
        } else {
            IFREQ
        };
        if request != SIOCOUTQ && request != SIOCATMARK {
            user.read(call.args[2], &mut arg[..len])?;
        }
        let ret = self.permitted(call.tid, |stack, cred| stack.ioctl(cred, sid, request, &mut arg[..len]))?;
        user.write(call.args[2], &arg[..len])?;
        Ok(Outcome::Return(i64::from(ret)))
    }

    fn is_host_socket(&mut self, call: &Call) -> bool {
        self.tasks
            .getfd(call.tid, call.int(0))
            .is_ok_and(|fd| crate::sys::sock::cookie(crate::sys::sock::as_fd(&fd)).is_ok())
    }

    fn control_socket(&mut self) -> uapi::Result<Sid> {
        if let Some(sid) = self.control {
            return Ok(sid);
        }
        let sid = self.stack.socket(&Cred::default(), libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        self.control = Some(sid);
        Ok(sid)
    }

    /// `struct ifconf` points to its buffer: the stack fills the buffer itself.
    fn ifconf(&mut self, call: &Call, sid: Sid) -> Handled {
        let user = User::of(call);
        let room = user.read_int(call.args[2])?;
        let at = if call.compat {
            let p = user.read_int(call.args[2] + 4)?;
            u64::from(p.cast_unsigned())
        } else {
            let mut p = [0u8; 8];
            user.read(call.args[2] + 8, &mut p)?;
            u64::from_ne_bytes(p)
        };
        let room = if at == 0 { 0 } else { usize::try_from(room).map_err(|_| Errno::EINVAL)? };
        let mut buf = vec![0u8; room.min(IFCONF_MAX)];
        let n = self.stack.ioctl(&Cred::default(), sid, SIOCGIFCONF, &mut buf)?;
        let used = usize::try_from(n).unwrap_or(0).min(buf.len());
        if at != 0 {
            user.write(at, &buf[..used])?;
        }
        user.write_int(call.args[2], n)?;
        Ok(Outcome::Return(0))
    }
}
