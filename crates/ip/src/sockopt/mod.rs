//! `SOL_IP` and `SOL_IPV6` options.

use crate::sock::InetProto;
use net::sock::GetOpt;
use net::{Sock, UserCx};
use uapi::{Errno, Result};

/// `setsockopt()` at `SOL_IP` or `SOL_IPV6`.
pub fn set<P: InetProto>(
    _sk: &Sock<P>,
    _cx: &UserCx<'_>,
    _level: i32,
    _name: i32,
    _value: &[u8],
) -> Result<()> {
    Err(Errno::ENOPROTOOPT)
}

/// `getsockopt()` at `SOL_IP` or `SOL_IPV6`.
pub fn get<P: InetProto>(
    _sk: &Sock<P>,
    _cx: &UserCx<'_>,
    _level: i32,
    _name: i32,
    _out: &mut GetOpt<'_>,
) -> Result<()> {
    Err(Errno::ENOPROTOOPT)
}
