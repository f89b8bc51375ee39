//! The error queue (`sk_error_queue`, `sock_queue_err_skb`): ICMP errors, errors of this host,
//! timestamps and zero-copy completions, each a packet with a `struct sock_extended_err`.

use super::SockCommon;
use crate::cx::Cx;
use crate::skb::Skb;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use uapi::{
    Errno, InetAddr, SO_EE_CODE_ZEROCOPY_COPIED, SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6,
    SO_EE_ORIGIN_ZEROCOPY, SockExtendedErr,
};

/// One message of the error queue (`struct sock_exterr_skb` with its packet).
pub struct ErrMsg {
    /// What went wrong.
    pub ee: SockExtendedErr,
    /// Whom the packet was for: address, port, and flow information in host order.
    pub dest: (InetAddr, u16, u32),
    /// The ICMP message, with its network header set; empty for errors of this host.
    pub skb: Skb,
    /// Where in `skb` the payload begins that is given back to the sender.
    pub payload: usize,
    /// The payload is statistics that go with a time (`opt_stats`).
    pub stats: bool,
}

impl ErrMsg {
    fn is_icmp(&self) -> bool {
        matches!(self.ee.origin, SO_EE_ORIGIN_ICMP | SO_EE_ORIGIN_ICMP6)
    }
}

/// Messages for `MSG_ERRQUEUE`, in order.
#[derive(Default)]
pub struct ErrQueue(VecDeque<ErrMsg>);

impl SockCommon {
    /// Queues a message for `MSG_ERRQUEUE` and reports an error (`sock_queue_err_skb`); drops it when
    /// the receive buffer is full.
    pub fn queue_err(&self, cx: &Cx<'_>, msg: ErrMsg) {
        let truesize = msg.skb.truesize as i32;
        if self.rmem_alloc.load(Relaxed).saturating_add(truesize) >= self.rcvbuf() {
            return cx.consume_skb(msg.skb);
        }
        self.rmem_alloc.fetch_add(truesize, Relaxed);
        self.rare().error_queue.lock().0.push_back(msg);
        if !self.is_dead() {
            self.error_report(cx);
        }
    }

    /// Tells that the data of the zero-copy call number `key` was copied and is delivered: a message of
    /// its own, or one more number in the last (`skb_zerocopy_notify_extend`).
    pub fn queue_zerocopy(&self, cx: &Cx<'_>, key: u32) {
        if self.is_dead() {
            return;
        }
        let mut queue = self.rare().error_queue.lock();
        let last = queue.0.back_mut().filter(|last| last.ee.origin == SO_EE_ORIGIN_ZEROCOPY);
        match last {
            Some(last) if last.ee.data.wrapping_add(1) == key => last.ee.data = key,
            _ => {
                let ee = SockExtendedErr {
                    origin: SO_EE_ORIGIN_ZEROCOPY,
                    code: SO_EE_CODE_ZEROCOPY_COPIED,
                    info: key,
                    data: key,
                    ..SockExtendedErr::default()
                };
                // It is charged to the options' memory, not to the receive buffer.
                let mut skb = cx.alloc_skb();
                skb.truesize = 0;
                let dest = (InetAddr::UNSPECIFIED_V4, 0, 0);
                queue.0.push_back(ErrMsg { ee, dest, skb, payload: 0, stats: false });
            }
        }
        drop(queue);
        self.error_report(cx);
    }

    /// The next message, its charge taken back (`sock_dequeue_err_skb`). The pending error becomes the
    /// next ICMP error's, or none.
    pub fn dequeue_err(&self, cx: &Cx<'_>) -> Option<ErrMsg> {
        let mut queue = self.known_rare()?.error_queue.lock();
        let msg = queue.0.pop_front()?;
        let next = queue.0.front();
        let next_icmp =
            next.filter(|next| next.is_icmp()).and_then(|next| Errno::from_raw(next.ee.errno as i32));
        let more = next.is_some();
        drop(queue);
        self.uncharge_rmem(msg.skb.truesize);
        match next_icmp {
            Some(errno) => self.set_err(errno),
            None if msg.is_icmp() => drop(self.take_err()),
            None => {}
        }
        if more {
            self.error_report(cx);
        }
        Some(msg)
    }

    /// True when a message waits; poll shows `EPOLLERR` then.
    pub fn has_err_skb(&self) -> bool {
        self.known_rare().is_some_and(|rare| !rare.error_queue.lock().0.is_empty())
    }

    /// Throws all messages away (`skb_errqueue_purge`), as switching `IP_RECVERR` off does.
    pub fn purge_err_queue(&self) {
        let Some(rare) = self.known_rare() else { return };
        let queue = std::mem::take(&mut *rare.error_queue.lock());
        for msg in queue.0 {
            self.uncharge_rmem(msg.skb.truesize);
        }
    }
}
