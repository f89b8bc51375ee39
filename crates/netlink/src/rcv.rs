//! The kernel's side: requests in a message, one by one (`netlink_rcv_skb`), with their answers,
//! errors and acknowledgements (`netlink_ack`).

use crate::diag;
use crate::dump::{self, Dump};
use crate::message;
use crate::route;
use crate::sock::{Netlink, flag};
use net::{Sock, UserCx};
use std::sync::atomic::Ordering::Relaxed;
use uapi::*;
use zerocopy::{FromBytes, IntoBytes};

/// One request.
pub(crate) struct Request<'a, 'c> {
    pub(crate) cx: &'a UserCx<'c>,
    pub(crate) hdr: NlMsgHdr,
    pub(crate) body: &'a [u8],
    /// The asker's port.
    pub(crate) portid: u32,
    /// What the asker may filter a dump by is checked and obeyed (`NETLINK_GET_STRICT_CHK`).
    pub(crate) strict: bool,
}

impl Request<'_, '_> {
    /// A message of the answer.
    pub(crate) fn message(&self, kind: u16, flags: u16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut buf = Vec::new();
        put_msg(&mut buf, NlMsgHdr { len: 0, kind, flags, seq: self.hdr.seq, pid: self.portid }, fill);
        buf
    }

    /// The fixed part of the body, and the attributes behind it; `EINVAL` when it is cut short.
    pub(crate) fn parse<T: FromBytes>(&self) -> Result<(T, Attrs<'_>)> {
        let (head, _) = T::read_from_prefix(self.body).map_err(|_| Errno::EINVAL)?;
        let at = nlmsg_align(size_of::<T>());
        Ok((head, Attrs::new(self.body.get(at..).unwrap_or(&[]))))
    }

    /// True if a flag of the request is set.
    pub(crate) fn flag(&self, flag: u16) -> bool {
        self.hdr.flags & flag == flag
    }
}

/// What a request led to.
pub(crate) enum Answer {
    /// Messages, perhaps none; then an acknowledgement, if one was asked for.
    Messages(Vec<Vec<u8>>),
    /// Messages that make a dump, or why there are none, which its end tells; see
    /// [`Dump::split_done`].
    Dump { messages: Result<Vec<Vec<u8>>>, split_done: bool },
}

/// Serves all requests of one message.
pub(crate) fn netlink_rcv(sk: &Sock<Netlink>, cx: &UserCx<'_>, mut bytes: &[u8]) {
    while bytes.len() >= NLMSG_HDRLEN {
        let Ok((hdr, _)) = NlMsgHdr::read_from_prefix(bytes) else { return };
        let len = hdr.len as usize;
        if len < NLMSG_HDRLEN || bytes.len() < len {
            return;
        }
        let message = &bytes[..len];
        let portid = sk.shared.portid.load(Relaxed);
        let body = &message[NLMSG_HDRLEN..];
        let request = Request { cx, hdr, body, portid, strict: Dump::is_strict(sk) };
        // Only requests are served; types below a protocol's own mean nothing.
        let served = if hdr.flags & NLM_F_REQUEST == 0 || hdr.kind < NLMSG_MIN_TYPE {
            Ok(true)
        } else {
            serve(sk, &request)
        };
        match served {
            Ok(true) if hdr.flags & NLM_F_ACK != 0 => ack(sk, cx, message, &hdr, 0),
            Ok(_) => {}
            Err(errno) => ack(sk, cx, message, &hdr, -errno.raw()),
        }
        bytes = bytes.get(nlmsg_align(len)..).unwrap_or(&[]);
    }
}

/// True when an acknowledgement may follow: dumps have none.
fn serve(sk: &Sock<Netlink>, request: &Request<'_, '_>) -> Result<bool> {
    let answer = match i32::from(sk.protocol()) {
        NETLINK_SOCK_DIAG => diag::sock_diag_rcv_msg(request)?,
        _ => route::rtnetlink_rcv_msg(request)?,
    };
    match answer {
        Answer::Messages(messages) => {
            for message in messages {
                message::deliver(request.cx, sk, &message, 0, 0);
            }
            Ok(true)
        }
        Answer::Dump { messages, split_done } => {
            let mut guard = sk.lock_sock(request.cx);
            let mut st = guard.sk_mut();
            if st.dump.is_some() {
                return Err(Errno::EBUSY);
            }
            let (messages, error) = match messages {
                Ok(messages) => (messages, 0),
                Err(errno) => (Vec::new(), -errno.raw()),
            };
            let seq = request.hdr.seq;
            st.dump = Some(Dump { messages: messages.into(), seq, error, split_done });
            dump::next(&mut st, request.cx);
            Ok(false)
        }
    }
}

/// Reports success or failure; a failure repeats the request, unless the asker does not want it.
fn ack(sk: &Sock<Netlink>, cx: &UserCx<'_>, message: &[u8], hdr: &NlMsgHdr, error: i32) {
    let whole = error != 0 && !sk.shared.flag(flag::CAP_ACK);
    let flags = if whole { 0 } else { NLM_F_CAPPED };
    let pid = sk.shared.portid.load(Relaxed);
    let mut buf = Vec::new();
    put_msg(&mut buf, NlMsgHdr { len: 0, kind: NLMSG_ERROR, flags, seq: hdr.seq, pid }, |buf| {
        buf.extend_from_slice(error.as_bytes());
        buf.extend_from_slice(if whole { message } else { hdr.as_bytes() });
        buf.resize(nlmsg_align(buf.len()), 0);
    });
    message::deliver(cx, sk, &buf, 0, 0);
}
