//! `SO_ATTACH_FILTER`, and reading a filter back (`SO_GET_FILTER`).

use super::{Call, GetOpt};
use crate::filter::Program;
use crate::sock::SockFlag;
use crate::socket::Whose;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::TcpState;
use uapi::filter::SockFilter;
use uapi::{Errno, Result, SOCK_DGRAM};
use zerocopy::{FromBytes, IntoBytes};

/// `sk_attach_filter`. The option's structure has the length and the address of a program in the caller's
/// memory; here `value` is that memory: the instructions.
pub(super) fn attach(call: &Call<'_, '_>, value: &[u8]) -> Result<()> {
    // A filter that cuts segments can upset what TCP counts on.
    if call.is_tcp() && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    if call.common.flag(SockFlag::FilterLocked) {
        return Err(Errno::EPERM);
    }
    let program = program(value)?;
    call.common.attach_filter(call.cx, program)
}

fn program(value: &[u8]) -> Result<Arc<Program>> {
    let insns = <[SockFilter]>::ref_from_bytes(value);
    match insns {
        Ok(insns) => Program::new(insns),
        // Not aligned, or no whole number of instructions.
        Err(_) if value.len().is_multiple_of(size_of::<SockFilter>()) => {
            let insns = value.chunks_exact(size_of::<SockFilter>());
            let insns: Vec<SockFilter> = insns.filter_map(|i| SockFilter::read_from_bytes(i).ok()).collect();
            Program::new(&insns)
        }
        Err(_) => Err(Errno::EINVAL),
    }
}

/// `SO_ATTACH_REUSEPORT_CBPF`: a classic program chooses among those that share the port
/// (`sk_reuseport_attach_filter`). `value` is the instructions.
pub(super) fn attach_reuseport(call: &Call<'_, '_>, value: &[u8]) -> Result<()> {
    if call.common.flag(SockFlag::FilterLocked) {
        return Err(Errno::EPERM);
    }
    let program = program(value)?;
    if program.size() > call.cx.net.core.optmem_max.load(Relaxed).unsigned_abs() {
        return Err(Errno::ENOMEM);
    }
    call.common.attach_reuseport(program, has_port(call))
}

/// Whether the socket is in its protocol's table (`sk_hashed`): a stream's is when it listens or is connected, another's
/// when it has a port or, a raw one, from the beginning.
fn has_port(call: &Call<'_, '_>) -> bool {
    if call.is_tcp() {
        return call.common.state() != TcpState::Close as u8;
    }
    let mut name = [0; 128];
    let len = (call.sock.ops().getname)(call.sock, call.cx, &mut name, Whose::Own);
    i32::from(call.common.kind()) != SOCK_DGRAM || len.is_ok_and(|len| len >= 4 && name[2..4] != [0, 0])
}

/// `SO_ATTACH_BPF`, `SO_ATTACH_REUSEPORT_EBPF`: a descriptor of a program of the extended kind, of which there is none.
pub(super) fn attach_ebpf(call: &Call<'_, '_>, fd: i32, value: &[u8]) -> Result<()> {
    if value.len() != 4 {
        return Err(Errno::EINVAL);
    }
    if call.common.flag(SockFlag::FilterLocked) {
        return Err(Errno::EPERM);
    }
    let open = call.cx.process.files::<vfs::Files>().is_some_and(|files| files.get(fd).is_ok());
    Err(if open { Errno::EINVAL } else { Errno::EBADF })
}

/// `sk_get_filter`: lengths are counted in instructions. With none the length is told alone.
pub(super) fn get(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let program = call.common.program();
    let insns = program.as_ref().map_or(&[][..], |program| program.insns());
    if out.len == 0 || insns.is_empty() {
        out.len = insns.len() as i32;
        return Ok(());
    }
    if (out.len as usize) < insns.len() {
        return Err(Errno::EINVAL);
    }
    let bytes = insns.as_bytes();
    out.buf().get_mut(..bytes.len()).ok_or(Errno::EFAULT)?.copy_from_slice(bytes);
    out.len = insns.len() as i32;
    Ok(())
}
