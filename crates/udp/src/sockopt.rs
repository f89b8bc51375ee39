//! Options of `SOL_UDP` and `SOL_UDPLITE` (`udp_lib_setsockopt`, `udp_lib_getsockopt`); all other
//! levels are IP's.

use crate::Udp;
use crate::sock::flag;
use net::sock::GetOpt;
use net::sock::options::int_value;
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::{Errno, IPPROTO_UDPLITE, Result, SOL_UDP, SOL_UDPLITE};
use uapi::{UDP_CORK, UDP_ENCAP, UDP_GRO, UDP_NO_CHECK6_RX, UDP_NO_CHECK6_TX, UDP_SEGMENT};

/// Checksum coverage of datagrams sent, UDP-Lite only (`UDPLITE_SEND_CSCOV`).
const UDPLITE_SEND_CSCOV: i32 = 10;
/// Least coverage of datagrams received, UDP-Lite only (`UDPLITE_RECV_CSCOV`).
const UDPLITE_RECV_CSCOV: i32 = 11;

fn is_lite(sk: &Sock<Udp>) -> bool {
    i32::from(sk.protocol()) == IPPROTO_UDPLITE
}

/// `setsockopt()`.
pub(crate) fn set(sk: &Sock<Udp>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
    if level != SOL_UDP && level != SOL_UDPLITE {
        return ip::sockopt::set(sk, cx, level, name, value);
    }
    let value = int_value(value)?;
    let on = value != 0;
    match name {
        UDP_CORK => {
            let mut guard = sk.lock_sock(cx);
            let mut st = guard.sk_mut();
            st.corkflag = on;
            if !on {
                // What becomes of it is not this call's.
                let _ = crate::cork::push_pending(&mut st, cx);
            }
        }
        UDP_ENCAP => match value {
            0 => sk.shared.encap_type.store(0, Relaxed),
            _ => return Err(Errno::ENOPROTOOPT),
        },
        UDP_NO_CHECK6_TX => sk.shared.set_flag(flag::NO_CHECK6_TX, on),
        UDP_NO_CHECK6_RX => sk.shared.set_flag(flag::NO_CHECK6_RX, on),
        UDP_SEGMENT => {
            let size = u16::try_from(value).map_err(|_| Errno::EINVAL)?;
            sk.lock_sock(cx).gso_size = size;
        }
        UDP_GRO => sk.shared.set_flag(flag::GRO, on),
        UDPLITE_SEND_CSCOV if !is_lite(sk) => return Err(Errno::ENOPROTOOPT),
        UDPLITE_RECV_CSCOV if !is_lite(sk) => return Err(Errno::ENOPROTOOPT),
        UDPLITE_SEND_CSCOV => {
            sk.shared.lite_send.store(coverage(value), Relaxed);
            sk.shared.set_flag(flag::LITE_SEND, true);
        }
        UDPLITE_RECV_CSCOV => {
            sk.shared.lite_recv.store(coverage(value), Relaxed);
            sk.shared.set_flag(flag::LITE_RECV, true);
        }
        _ => return Err(Errno::ENOPROTOOPT),
    }
    Ok(())
}

/// Less than a header is a header; 0 is everything (RFC 3828 section 3.1).
fn coverage(value: i32) -> u16 {
    match value {
        0 => 0,
        value if value < 8 => 8,
        value => value.min(i32::from(u16::MAX)) as u16,
    }
}

/// `getsockopt()`.
pub(crate) fn get(
    sk: &Sock<Udp>,
    cx: &UserCx<'_>,
    level: i32,
    name: i32,
    out: &mut GetOpt<'_>,
) -> Result<()> {
    if level != SOL_UDP && level != SOL_UDPLITE {
        return ip::sockopt::get(sk, cx, level, name, out);
    }
    if out.len < 0 {
        return Err(Errno::EINVAL);
    }
    let shared = &sk.shared;
    let value = match name {
        UDP_CORK => i32::from(sk.lock_sock(cx).corkflag),
        UDP_ENCAP => i32::from(shared.encap_type.load(Relaxed)),
        UDP_NO_CHECK6_TX => i32::from(shared.flag(flag::NO_CHECK6_TX)),
        UDP_NO_CHECK6_RX => i32::from(shared.flag(flag::NO_CHECK6_RX)),
        UDP_SEGMENT => i32::from(sk.lock_sock(cx).gso_size),
        UDP_GRO => i32::from(shared.flag(flag::GRO)),
        UDPLITE_SEND_CSCOV => i32::from(shared.lite_send.load(Relaxed)),
        UDPLITE_RECV_CSCOV => i32::from(shared.lite_recv.load(Relaxed)),
        _ => return Err(Errno::ENOPROTOOPT),
    };
    out.int(value)
}
