//! Structures in a program's memory: addresses, `msghdr`, `iovec`, for 64-bit and 32-bit programs.

use crate::call::Call;
use crate::sys::mem::{self, Remote};
use uapi::{Errno, Result};

/// The kernel refuses more than this many buffers a message (`UIO_MAXIOV`).
pub(crate) const UIO_MAXIOV: usize = 1024;
/// `sizeof(struct sockaddr_storage)`.
const ADDR_MAX: usize = 128;
/// Never hold more of one message than this; what is beyond is sent by the next round.
pub(crate) const MESSAGE_MAX: usize = 1 << 20;

/// The caller's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    tid: i32,
    compat: bool,
}

/// A decoded `msghdr`.
#[derive(Debug, Default)]
pub(crate) struct MsgHdr {
    /// Where it stands, for the fields that are written back.
    pub at: u64,
    /// Address buffer; 0 is none.
    pub name: u64,
    /// Its length.
    pub name_len: i32,
    /// Data buffers.
    pub iov: Vec<Remote>,
    /// Control buffer; 0 is none.
    pub control: u64,
    /// Its length.
    pub control_len: usize,
    /// `msg_flags`, which no call reads.
    pub flags: u32,
}

/// Bytes in all ranges.
pub(crate) fn total(iov: &[Remote]) -> usize {
    iov.iter().fold(0usize, |n, r| n.saturating_add(r.len))
}

/// The ranges without their first `n` bytes.
pub(crate) fn skip(iov: &[Remote], mut n: usize) -> Vec<Remote> {
    let mut out = Vec::with_capacity(iov.len());
    for r in iov {
        let cut = n.min(r.len);
        n -= cut;
        if r.len > cut {
            out.push(Remote { addr: r.addr.wrapping_add(cut as u64), len: r.len - cut });
        }
    }
    out
}

fn word32(b: &[u8], at: usize) -> u32 {
    b.get(at..at + 4).and_then(|s| s.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn word64(b: &[u8], at: usize) -> u64 {
    b.get(at..at + 8).and_then(|s| s.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

impl User {
    /// The memory of a call's caller.
    pub(crate) fn of(call: &Call) -> Self {
        Self { tid: call.tid, compat: call.compat }
    }

    /// Read `buf.len()` bytes.
    pub(crate) fn read(&self, addr: u64, buf: &mut [u8]) -> Result<()> {
        mem::read_exact(self.tid, buf, addr).map_err(fault)
    }

    /// Write all of `buf`.
    pub(crate) fn write(&self, addr: u64, buf: &[u8]) -> Result<()> {
        mem::write_exact(self.tid, buf, addr).map_err(fault)
    }

    /// Read a string without its 0, of no more than `N` bytes; `None` for a longer one.
    pub(crate) fn read_str<const N: usize>(&self, addr: u64) -> Option<Vec<u8>> {
        const PAGE: u64 = 4096;
        let mut buf = [0; N];
        // What follows the string may not be there: a page is read whole or not at all.
        let first = (PAGE - addr % PAGE).min(N as u64) as usize;
        let ranges =
            [Remote { addr, len: first }, Remote { addr: addr.wrapping_add(first as u64), len: N - first }];
        let n = mem::read(self.tid, &mut buf, &ranges[..if first == N { 1 } else { 2 }]).ok()?;
        let end = buf[..n].iter().position(|byte| *byte == 0)?;
        Some(buf[..end].to_vec())
    }

    /// Read an `int`.
    pub(crate) fn read_int(&self, addr: u64) -> Result<i32> {
        let mut b = [0; 4];
        self.read(addr, &mut b)?;
        Ok(i32::from_ne_bytes(b))
    }

    /// Write an `int`.
    pub(crate) fn write_int(&self, addr: u64, value: i32) -> Result<()> {
        self.write(addr, &value.to_ne_bytes())
    }

    /// An address argument, as `move_addr_to_kernel` takes it.
    pub(crate) fn read_addr(&self, addr: u64, len: i32) -> Result<Vec<u8>> {
        let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
        if len > ADDR_MAX {
            return Err(Errno::EINVAL);
        }
        let mut buf = vec![0; len];
        self.read(addr, &mut buf)?;
        Ok(buf)
    }

    /// An address result with its value-result length, as `move_addr_to_user` gives it.
    pub(crate) fn write_addr(&self, addr: u64, len_at: u64, name: &[u8]) -> Result<()> {
        let room = self.read_int(len_at)?;
        let room = usize::try_from(room).map_err(|_| Errno::EINVAL)?;
        let n = room.min(name.len());
        let len = i32::try_from(name.len()).unwrap_or(i32::MAX);
        self.write_pair(addr, &name[..n], len_at, len)
    }

    /// A value and its length, in one call of the host: each costs as much as the rest of a trap.
    pub(crate) fn write_pair(&self, addr: u64, value: &[u8], len_at: u64, len: i32) -> Result<()> {
        if value.is_empty() {
            return self.write_int(len_at, len);
        }
        let mut local = [0u8; 256 + 4];
        let n = value.len();
        let Some(whole) = local.get_mut(..n + 4) else {
            self.write(addr, value)?;
            return self.write_int(len_at, len);
        };
        whole[..n].copy_from_slice(value);
        whole[n..].copy_from_slice(&len.to_ne_bytes());
        let ranges = [Remote { addr, len: n }, Remote { addr: len_at, len: 4 }];
        self.scatter(&ranges, whole).map(drop)
    }

    /// Gather data: at most `max` bytes of the ranges.
    pub(crate) fn gather(&self, iov: &[Remote], max: usize) -> Result<Vec<u8>> {
        let want = total(iov).min(max);
        let mut buf = vec![0; want];
        let n = mem::read(self.tid, &mut buf, iov).map_err(fault)?;
        if n == 0 && want > 0 {
            return Err(Errno::EFAULT);
        }
        buf.truncate(n);
        Ok(buf)
    }

    /// Scatter data over the ranges.
    pub(crate) fn scatter(&self, iov: &[Remote], data: &[u8]) -> Result<usize> {
        let want = total(iov).min(data.len());
        let n = mem::write(self.tid, &data[..want], iov).map_err(fault)?;
        if n < want { Err(Errno::EFAULT) } else { Ok(n) }
    }

    /// Decode a `msghdr`, with the checks of `copy_msghdr_from_user`.
    pub(crate) fn read_msghdr(&self, at: u64) -> Result<MsgHdr> {
        let mut hdr;
        let iov_at;
        let iov_n;
        if self.compat {
            let mut b = [0u8; 28];
            self.read(at, &mut b)?;
            hdr = MsgHdr {
                at,
                name: u64::from(word32(&b, 0)),
                name_len: word32(&b, 4).cast_signed(),
                control: u64::from(word32(&b, 16)),
                control_len: word32(&b, 20) as usize,
                flags: word32(&b, 24),
                iov: Vec::new(),
            };
            (iov_at, iov_n) = (u64::from(word32(&b, 8)), word32(&b, 12) as usize);
        } else {
            let mut b = [0u8; 56];
            self.read(at, &mut b)?;
            hdr = MsgHdr {
                at,
                name: word64(&b, 0),
                name_len: word32(&b, 8).cast_signed(),
                control: word64(&b, 32),
                control_len: usize::try_from(word64(&b, 40)).unwrap_or(usize::MAX),
                flags: word32(&b, 48),
                iov: Vec::new(),
            };
            (iov_at, iov_n) = (word64(&b, 16), usize::try_from(word64(&b, 24)).unwrap_or(usize::MAX));
        }
        if hdr.name == 0 {
            hdr.name_len = 0;
        }
        if hdr.name_len < 0 {
            return Err(Errno::EINVAL);
        }
        if iov_n > UIO_MAXIOV {
            return Err(Errno::EMSGSIZE);
        }
        hdr.iov = self.read_iov(iov_at, iov_n)?;
        Ok(hdr)
    }

    /// Decode a vector of buffers, with the checks of `import_iovec`.
    pub(crate) fn read_iov(&self, at: u64, n: usize) -> Result<Vec<Remote>> {
        let step = if self.compat { 8 } else { 16 };
        let mut raw = vec![0u8; n * step];
        if n > 0 {
            self.read(at, &mut raw)?;
        }
        raw.chunks_exact(step)
            .map(|c| {
                let (addr, len) = if self.compat {
                    (u64::from(word32(c, 0)), i64::from(word32(c, 4).cast_signed()))
                } else {
                    (word64(c, 0), word64(c, 8).cast_signed())
                };
                let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
                Ok(Remote { addr, len })
            })
            .collect()
    }

    /// The address and the flags that `recvmsg` writes back, and the control messages (kept in the 64-bit layout for
    /// 64-bit programs, repacked for 32-bit ones).
    pub(crate) fn write_msghdr(
        &self,
        hdr: &MsgHdr,
        name: &[u8],
        control: &[u8],
        mut flags: i32,
    ) -> Result<()> {
        let (len_off, ctl_len_off, flags_off) = if self.compat { (4, 20, 24) } else { (8, 40, 48) };
        if hdr.name != 0 {
            let n = usize::try_from(hdr.name_len).unwrap_or(0).min(name.len());
            if n > 0 {
                self.write(hdr.name, &name[..n])?;
            }
            self.write_int(hdr.at + len_off, i32::try_from(name.len()).unwrap_or(0))?;
        }
        let packed;
        let control = if self.compat {
            packed = repack_control(control);
            &packed[..]
        } else {
            control
        };
        let room = if hdr.control == 0 { 0 } else { hdr.control_len };
        let n = control.len().min(room);
        if n < control.len() {
            flags |= libc::MSG_CTRUNC;
        }
        if n > 0 {
            self.write(hdr.control, &control[..n])?;
        }
        if self.compat {
            self.write(hdr.at + ctl_len_off, &u32::try_from(n).unwrap_or(0).to_ne_bytes())?;
        } else {
            self.write(hdr.at + ctl_len_off, &(n as u64).to_ne_bytes())?;
        }
        self.write_int(hdr.at + flags_off, flags)
    }

    /// The control messages of a `sendmsg`, in this machine's layout.
    pub(crate) fn read_control(&self, hdr: &MsgHdr) -> Result<Vec<u8>> {
        if hdr.control == 0 || hdr.control_len == 0 {
            return Ok(Vec::new());
        }
        // The kernel's bound is optmem_max; more is ENOBUFS there.
        if hdr.control_len > 128 * 1024 {
            return Err(Errno::ENOBUFS);
        }
        let mut raw = vec![0u8; hdr.control_len];
        self.read(hdr.control, &mut raw)?;
        Ok(if self.compat { unpack_control(&raw) } else { raw })
    }
}

/// Memory that went away with its process is a fault to the call, which nobody will see.
fn fault(e: Errno) -> Errno {
    if e == Errno::ESRCH { Errno::EFAULT } else { e }
}

const CMSG64: usize = 16;
const CMSG32: usize = 12;

fn align(n: usize, to: usize) -> usize {
    n.div_ceil(to) * to
}

fn repack(raw: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 16);
    let mut rest = raw;
    while rest.len() >= from.0 {
        let len = if from.1 == 8 {
            usize::try_from(word64(rest, 0)).unwrap_or(0)
        } else {
            word32(rest, 0) as usize
        };
        if len < from.0 || len > rest.len() {
            break;
        }
        let body = &rest[from.0..len];
        let new_len = to.0 + body.len();
        if to.1 == 8 {
            out.extend_from_slice(&(new_len as u64).to_ne_bytes());
        } else {
            out.extend_from_slice(&u32::try_from(new_len).unwrap_or(0).to_ne_bytes());
        }
        out.extend_from_slice(&rest[from.0 - 8..from.0]);
        out.extend_from_slice(body);
        out.resize(align(out.len(), to.1), 0);
        rest = rest.get(align(len, from.1)..).unwrap_or(&[]);
    }
    out
}

fn repack_control(raw: &[u8]) -> Vec<u8> {
    repack(raw, (CMSG64, 8), (CMSG32, 4))
}

fn unpack_control(raw: &[u8]) -> Vec<u8> {
    repack(raw, (CMSG32, 4), (CMSG64, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_between_layouts() {
        let mut raw = Vec::new();
        raw.extend_from_slice(&20u64.to_ne_bytes());
        raw.extend_from_slice(&0i32.to_ne_bytes());
        raw.extend_from_slice(&8i32.to_ne_bytes());
        raw.extend_from_slice(&[1, 2, 3, 4, 0, 0, 0, 0]);
        let small = repack_control(&raw);
        assert_eq!(word32(&small, 0), 16);
        assert_eq!(small.len(), 16);
        assert_eq!(unpack_control(&small), raw);
        assert!(repack_control(&[0xff; 40]).is_empty(), "a wild length ends the list");
    }

    #[test]
    fn skipping_bytes() {
        let iov = [Remote { addr: 100, len: 4 }, Remote { addr: 200, len: 0 }, Remote { addr: 300, len: 6 }];
        assert_eq!(skip(&iov, 5), [Remote { addr: 301, len: 5 }]);
        assert_eq!(total(&skip(&iov, 100)), 0);
    }
}
