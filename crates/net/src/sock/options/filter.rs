//! `SO_ATTACH_FILTER`, and reading a filter back (`SO_GET_FILTER`).

use super::{Call, GetOpt};
use crate::filter::Program;
use uapi::filter::SockFilter;
use uapi::{Errno, Result};
use zerocopy::{FromBytes, IntoBytes};

/// `sk_attach_filter`. The option's structure has the length and the address of a program in the caller's
/// memory; here `value` is that memory: the instructions.
pub(super) fn attach(call: &Call<'_, '_>, value: &[u8]) -> Result<()> {
    // A filter that cuts segments can upset what TCP counts on.
    if call.is_tcp() && !call.net_admin() {
        return Err(Errno::EPERM);
    }
    if call.common.flag(crate::sock::SockFlag::FilterLocked) {
        return Err(Errno::EPERM);
    }
    let insns = <[SockFilter]>::ref_from_bytes(value);
    let program = match insns {
        Ok(insns) => Program::new(insns)?,
        // Not aligned, or no whole number of instructions.
        Err(_) if value.len().is_multiple_of(size_of::<SockFilter>()) => {
            let insns = value.chunks_exact(size_of::<SockFilter>());
            let insns: Vec<SockFilter> = insns.filter_map(|i| SockFilter::read_from_bytes(i).ok()).collect();
            Program::new(&insns)?
        }
        Err(_) => return Err(Errno::EINVAL),
    };
    call.common.attach_filter(call.cx, program)
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
