//! `ioctl()` (`inet_ioctl`, `inet6_ioctl`): what is not of the family is the protocol's.

use ip::InetProto;
use ip::addr::devinet_ioctl;
use net::sock::gettstamp;
use net::{Socket, UserCx};
use uapi::Result;
use uapi::ioctl::{
    SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFCONF, SIOCGIFDSTADDR, SIOCGIFNETMASK, SIOCGSTAMP_NEW, SIOCGSTAMP_OLD,
    SIOCGSTAMPNS_NEW, SIOCGSTAMPNS_OLD,
};
use uapi::socket::AF_INET;

/// Errors: `ENOIOCTLCMD` for what neither family nor protocol knows.
pub fn inet_ioctl<P: InetProto>(sock: &Socket, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    let v4 = i32::from(sock.ops().family) == AF_INET;
    match cmd {
        SIOCGIFCONF => devinet_ioctl(cx, cmd, arg),
        SIOCGSTAMP_OLD | SIOCGSTAMP_NEW | SIOCGSTAMPNS_OLD | SIOCGSTAMPNS_NEW => {
            gettstamp(cx, sock.sock::<P>()?, cmd, arg)
        }
        SIOCGIFADDR | SIOCGIFDSTADDR | SIOCGIFBRDADDR | SIOCGIFNETMASK if v4 => devinet_ioctl(cx, cmd, arg),
        _ => P::ioctl(sock.sock::<P>()?, cx, cmd, arg),
    }
}
