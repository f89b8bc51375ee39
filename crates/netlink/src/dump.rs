//! Dumps: answers of many messages, handed out in pieces that fit the reader (`netlink_dump`).

use crate::message;
use crate::sock::{Netlink, flag};
use net::sock::SkMut;
use net::{Cx, UserCx};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{NLM_F_MULTI, NLMSG_DONE, NlMsgHdr, put_msg};

/// Bytes of a piece for readers with small buffers (`NLMSG_GOODSIZE`).
const GOODSIZE: usize = 3776;
/// The most a piece grows to.
const LARGEST: usize = 32768;

/// A dump under way.
pub(crate) struct Dump {
    /// What is left.
    pub(crate) messages: VecDeque<Vec<u8>>,
    /// The request's sequence number.
    pub(crate) seq: u32,
    /// What went wrong, 0 or a negated errno.
    pub(crate) error: i32,
    /// The end goes into a piece of its own: readers of some kinds of dumps count on it.
    pub(crate) split_done: bool,
}

/// Queues the next piece.
pub(crate) fn next(sk: &mut SkMut<'_, Netlink>, cx: &Cx<'_>) {
    let size = sk.max_recvmsg_len.clamp(GOODSIZE, LARGEST);
    let portid = sk.sk.shared.portid.load(Relaxed);
    let Some(dump) = &mut sk.dump else { return };
    let mut piece = Vec::new();
    while let Some(message) = dump.messages.front() {
        if !piece.is_empty() && piece.len() + message.len() > size {
            break;
        }
        piece.extend_from_slice(message);
        dump.messages.pop_front();
    }
    if dump.messages.is_empty() && (piece.is_empty() || !dump.split_done) {
        let hdr = NlMsgHdr { len: 0, kind: NLMSG_DONE, flags: NLM_F_MULTI, seq: dump.seq, pid: portid };
        let error = dump.error;
        put_msg(&mut piece, hdr, |buf| buf.extend_from_slice(&error.to_ne_bytes()));
        sk.dump = None;
    }
    message::deliver(cx, sk.sk, &piece, 0, 0);
}

/// After a read: more, if there is more and room (`netlink_recvmsg`).
pub(crate) fn resume(sk: &net::Sock<Netlink>, cx: &UserCx<'_>, room: usize) {
    let mut guard = sk.lock_sock(cx);
    let mut st = guard.sk_mut();
    st.max_recvmsg_len = st.max_recvmsg_len.max(room).min(LARGEST);
    if st.dump.is_some() && sk.rmem_alloc.load(Relaxed) <= sk.rcvbuf() / 2 {
        next(&mut st, cx);
    }
}

impl Dump {
    /// Whether requests of this socket are checked strictly (`NETLINK_GET_STRICT_CHK`).
    pub(crate) fn is_strict(sk: &net::Sock<Netlink>) -> bool {
        sk.shared.flag(flag::STRICT_CHK)
    }
}
