//! The error queue (`sk_error_queue`, `sock_queue_err_skb`): ICMP errors, timestamps and zero-copy
//! completions, each a packet with a `struct sock_extended_err`.

use super::SockCommon;
use crate::cx::Cx;
use crate::skb::Skb;
use std::sync::atomic::Ordering::Relaxed;

impl SockCommon {
    /// Queues a message for `MSG_ERRQUEUE` and reports an error (`sock_queue_err_skb`); gives it
    /// back when the receive buffer is full.
    pub fn queue_err_skb(&self, cx: &Cx<'_>, skb: Skb) -> Result<(), Skb> {
        let truesize = skb.truesize as i32;
        if self.rmem_alloc.load(Relaxed).saturating_add(truesize) >= self.rcvbuf() {
            return Err(skb);
        }
        self.rmem_alloc.fetch_add(truesize, Relaxed);
        self.error_queue.lock().push_back(skb);
        if !self.is_dead() {
            self.error_report(cx);
        }
        Ok(())
    }

    /// The next message, its charge taken back (`sock_dequeue_err_skb`).
    pub fn dequeue_err_skb(&self) -> Option<Skb> {
        let skb = self.error_queue.lock().pop_front()?;
        self.uncharge_rmem(skb.truesize);
        Some(skb)
    }

    /// True when a message waits; poll shows `EPOLLERR` then.
    pub fn has_err_skb(&self) -> bool {
        !self.error_queue.lock().is_empty()
    }
}
