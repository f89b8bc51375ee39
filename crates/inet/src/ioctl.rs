//! `ioctl()` (`inet_ioctl`, `inet6_ioctl`): what is not of the family is the protocol's.

use ip::InetProto;
use net::{Socket, UserCx};
use uapi::Result;

/// Errors: `ENOIOCTLCMD` for what neither family nor protocol knows.
pub fn inet_ioctl<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    P::ioctl(sock.sock::<P>()?, cx, cmd, arg)
}
