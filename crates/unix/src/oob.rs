//! Urgent data of a stream: `manage_oob`, `unix_stream_recv_urg`.
//!
//! The urgent byte lies in the queue as a message of its own. Reading it with `MSG_OOB` leaves an
//! empty message behind, the mark, at which ordinary reads end once.

use crate::scm::Message;
use crate::sock::{Inner, Unix};
use net::msg::RecvMsg;
use net::sock::SockFlag;
use net::{Sock, UserCx};
use uapi::{Errno, MSG_OOB, MSG_PEEK, Result};

/// Messages that a look at the mark took out of the queue.
pub(crate) type Freed = [Option<Message>; 2];

/// What an ordinary read that stands before message `i` goes on with: another message if `i` is a
/// mark to pass or an urgent byte to leave out, none if the read ends here.
#[inline]
pub(crate) fn manage(
    inner: &mut Inner,
    sk: &Sock<Unix>,
    i: usize,
    how: (bool, bool),
    freed: &mut Freed,
) -> Option<usize> {
    let message = &inner.messages[i];
    if message.left() > 0 && inner.oob != Some(message.id) {
        return Some(i);
    }
    let at = manage_mark(inner, sk, i, how, freed);
    inner.publish(&sk.shared);
    at
}

#[cold]
fn manage_mark(
    inner: &mut Inner,
    sk: &Sock<Unix>,
    mut i: usize,
    (peek, has_copied): (bool, bool),
    freed: &mut Freed,
) -> Option<usize> {
    let is_oob = |inner: &Inner, i: usize| inner.messages.get(i).map(|m| m.id) == inner.oob;
    if inner.messages[i].left() == 0 {
        if has_copied && (inner.oob.is_none() || is_oob(inner, i)) {
            return None;
        }
        if peek {
            i += 1;
        } else {
            freed[0] = inner.messages.remove(i);
        }
        if i >= inner.messages.len() {
            return None;
        }
    }
    if inner.oob.is_none() || !is_oob(inner, i) {
        return Some(i);
    }
    if has_copied {
        return None;
    }
    let inline = sk.flag(SockFlag::UrgInline);
    if !peek {
        inner.oob = None;
        if !inline {
            // SIOCINQ counts the byte ever after: so does Linux.
            freed[1] = inner.messages.remove(i);
            i = 0;
        }
    } else if !inline {
        i += 1;
    }
    (i < inner.messages.len()).then_some(i)
}

/// The urgent byte itself.
pub(crate) fn recv_urgent(sk: &Sock<Unix>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    let peek = msg.flags & MSG_PEEK != 0;
    let _iolock = sk.lock_sock(cx);
    let mut inner = sk.shared.lock();
    let oob = inner.oob.filter(|_| !sk.flag(SockFlag::UrgInline)).ok_or(Errno::EINVAL)?;
    let Ok(mut at) = inner.messages.binary_search_by_key(&oob, |message| message.id) else {
        return Err(Errno::EINVAL);
    };
    let mut read = None;
    if !peek {
        inner.oob = None;
        inner.inq -= 1;
        // Two marks in a row are one.
        if at > 0 && inner.messages[at - 1].left() == 0 {
            read = inner.messages.remove(at - 1);
            at -= 1;
        }
    }
    // Without room for it the byte is lost, and reported all the same.
    inner.messages[at].skb.copy_to(0, &mut msg.iov, 1);
    if !peek {
        inner.messages[at].consumed += 1;
    }
    inner.publish(&sk.shared);
    drop(inner);
    if let Some(read) = read {
        read.free(cx, sk);
    }
    msg.out_flags |= MSG_OOB;
    Ok(1)
}

/// `SIOCATMARK`: the next byte to be read is the urgent one, or was.
pub(crate) fn is_at_mark(sk: &Sock<Unix>, cx: &UserCx<'_>) -> bool {
    let _iolock = sk.lock_sock(cx);
    let inner = sk.shared.lock();
    let Some(first) = inner.messages.front() else { return false };
    let next = inner.messages.get(1).map(|message| message.id);
    inner.oob == Some(first.id) || first.left() == 0 && (inner.oob.is_none() || inner.oob == next)
}
