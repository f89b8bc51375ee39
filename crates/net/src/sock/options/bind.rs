//! `SO_BINDTODEVICE`, `SO_BINDTOIFINDEX`: a socket that keeps to one interface; `SO_REUSEADDR`.

use super::{Call, GetOpt};
use crate::sock::{SoHook, SockFlag};
use uapi::{Errno, IFNAMSIZ, Result};

/// `sock_bindtoindex_locked`. Linux does not look whether there is such an interface.
pub(super) fn set_ifindex(call: &Call<'_, '_>, ifindex: i32) -> Result<()> {
    // A socket that is bound is kept there by those who may not forge packets.
    if call.common.bound_dev_if() != 0 && !call.net_raw() {
        return Err(Errno::EPERM);
    }
    let ifindex = u32::try_from(ifindex).map_err(|_| Errno::EINVAL)?;
    call.common.set_bound_dev_if(ifindex);
    call.sk.so_hook(call.cx, SoHook::Device);
    Ok(())
}

/// `sock_setbindtodevice`: a name, cut at 15 bytes or its first zero; an empty one unbinds.
pub(super) fn set_device(call: &Call<'_, '_>, value: &[u8]) -> Result<()> {
    let name = &value[..value.len().min(IFNAMSIZ - 1)];
    let name = name.split(|byte| *byte == 0).next().unwrap_or(&[]);
    if name.is_empty() {
        return set_ifindex(call, 0);
    }
    let dev = std::str::from_utf8(name).ok().and_then(|name| call.cx.net.dev.by_name(name));
    set_ifindex(call, dev.ok_or(Errno::ENODEV)?.ifindex as i32)
}

/// `sock_getbindtodevice`.
pub(super) fn get_device(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let ifindex = call.common.bound_dev_if();
    if ifindex == 0 {
        out.len = 0;
        return Ok(());
    }
    if out.len < IFNAMSIZ as i32 {
        return Err(Errno::EINVAL);
    }
    let dev = call.cx.net.dev.by_index(ifindex).ok_or(Errno::ENODEV)?;
    let mut name = dev.name.clone().into_bytes();
    name.push(0);
    out.bytes(&name)
}

/// `SO_REUSEADDR`; whoever was to take any port is not any more (`SK_CAN_REUSE`).
pub(super) fn set_reuse(call: &Call<'_, '_>, on: i32, _: &[u8]) -> Result<()> {
    call.common.set_flag(SockFlag::Reuse, on != 0);
    call.common.set_flag(SockFlag::ReuseForce, false);
    Ok(())
}

/// 2 for a socket that takes any port (`SK_FORCE_REUSE`).
pub(super) fn get_reuse(call: &Call<'_, '_>, out: &mut GetOpt<'_>) -> Result<()> {
    let flag = |flag| i32::from(call.common.flag(flag));
    out.int(flag(SockFlag::Reuse) + flag(SockFlag::ReuseForce))
}
