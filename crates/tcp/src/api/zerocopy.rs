//! `MSG_ZEROCOPY`: calls are numbered, and the error queue tells which ones' data the peer has
//! (`msg_zerocopy_realloc`, `__msg_zerocopy_callback`).
//!
//! Data is always copied here, as Linux does for a receiver on the same host, and every notice says
//! so (`SO_EE_CODE_ZEROCOPY_COPIED`).

use crate::seq::after;
use crate::sock::Sk;
use crate::sock::TcpSock;
use net::sock::SockFlag;
use net::{Cx, MsgHdr, Sock};
use std::sync::atomic::Ordering::Relaxed;
use uapi::socket::MSG_ZEROCOPY;
use uapi::{Errno, Result};

/// A call whose data is not all acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// One past its last byte.
    end_seq: u32,
    /// Its number.
    key: u32,
}

/// What a notice costs of `net.core.optmem_max` until it is read (`SKB_TRUESIZE(0)`).
const COST: i32 = 768;

/// True when this call is to be numbered.
///
/// # Errors
/// `ENOBUFS` when more wait than `optmem_max` allows.
#[inline]
pub fn wanted<P>(sk: &Sock<P>, cx: &Cx<'_>, tp: &TcpSock, msg: &MsgHdr<'_>) -> Result<bool>
where
    P: net::Proto,
{
    if msg.flags & MSG_ZEROCOPY == 0 || msg.iov.remaining() == 0 || !sk.flag(SockFlag::ZeroCopy) {
        return Ok(false);
    }
    let waiting = tp.rare.as_ref().map_or(0, |rare| rare.zerocopy.len()) as i32;
    let most = cx.net.core.optmem_max.load(Relaxed);
    if waiting.saturating_add(1).saturating_mul(COST) > most { Err(Errno::ENOBUFS) } else { Ok(true) }
}

/// The call took bytes: it has a number now.
pub fn sent(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let end_seq = sk.write_seq;
    let rare = sk.rare_mut();
    let key = rare.zerocopy_key;
    rare.zerocopy_key = key.wrapping_add(1);
    rare.zerocopy.push_back(Pending { end_seq, key });
    sk.zerocopy_pending = true;
    complete(sk, cx);
}

/// Tells of the calls whose data was acknowledged.
#[cold]
pub fn complete(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let snd_una = sk.snd_una;
    finish(sk, cx, |pending| !after(pending.end_seq, snd_una));
}

/// Tells of all calls: their data is thrown away.
#[cold]
pub fn purge(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    finish(sk, cx, |_| true);
}

fn finish(sk: &mut Sk<'_>, cx: &Cx<'_>, done: impl Fn(&Pending) -> bool) {
    loop {
        let rare = sk.rare_mut();
        match rare.zerocopy.front() {
            Some(first) if done(first) => {
                let key = first.key;
                rare.zerocopy.pop_front();
                sk.sk.queue_zerocopy(cx, key);
            }
            first => {
                sk.zerocopy_pending = first.is_some();
                return;
            }
        }
    }
}
