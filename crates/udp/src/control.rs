//! Control messages of a send (`udp_cmsg_send`): those of `SOL_UDP` here, all others are IP's.

use crate::Udp;
use ip::output::Ipcm;
use net::msg::MsgHdr;
use net::{Sock, UserCx};
use uapi::{Errno, Result, SOL_UDP, UDP_SEGMENT};

/// What the call asks for, and the size of the datagrams it is cut into (0 for one). `v4` for a
/// datagram of IPv4, whatever the socket's family.
#[cold]
pub(crate) fn parse(
    sk: &Sock<Udp>,
    cx: &UserCx<'_>,
    msg: &MsgHdr<'_>,
    gso_size: u16,
    v4: bool,
) -> Result<(Ipcm, u16)> {
    let mut gso_size = gso_size;
    let mut others = false;
    for cmsg in msg.cmsgs() {
        let cmsg = cmsg?;
        if cmsg.level != SOL_UDP {
            others = true;
            continue;
        }
        match cmsg.kind {
            UDP_SEGMENT => {
                let size: [u8; 2] = cmsg.data.try_into().map_err(|_| Errno::EINVAL)?;
                gso_size = u16::from_ne_bytes(size);
            }
            _ => return Err(Errno::EINVAL),
        }
    }
    let ipc = if others { crate::glue::cmsg_send(cx, sk, msg, v4)? } else { Ipcm::default() };
    Ok((ipc, gso_size))
}
