//! The receive queue of datagram sockets and how calls take from it (`net/core/datagram.c`).
//!
//! A datagram is queued and taken under the queue's own lock; the socket lock is not involved, so a
//! reader and the softirq never wait for a sender.

use super::{MemAccount, MemKind, SockCommon, SockFlag, Timeo, Wanted};
use crate::cx::{Cx, UserCx};
use crate::drop::DropReason;
use crate::skb::{Skb, SkbQueue};
use kern::sync::SpinLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use uapi::poll::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRBAND, EPOLLWRNORM,
};
use uapi::socket::{MSG_DONTWAIT, MSG_PEEK, RCV_SHUTDOWN, SHUTDOWN_MASK};
use uapi::{Errno, Result};

/// Datagrams that wait to be read (`sk_receive_queue` with its lock).
#[derive(Default)]
pub struct RecvQueue {
    queue: SpinLock<Queue>,
    /// How many there are, for looks without the lock.
    len: AtomicU32,
}

#[derive(Default)]
struct Queue {
    skbs: SkbQueue,
    /// How many of the first are the reader's own already (`up->reader_queue`).
    readers: usize,
    /// Bytes read and not yet given back (`up->forward_deficit`).
    deficit: i32,
}

/// Where the memory of UDP's queues comes from.
#[derive(Clone, Copy)]
pub struct Scheduled<'a> {
    /// `udp_mem`
    pub account: &'a MemAccount,
    /// `udp_rmem_min`, bytes.
    pub least: i32,
}

impl Queue {
    /// Takes the first. What was read is given back by the quarter of the buffer, or when the reader
    /// has no more of its own (`udp_rmem_release`).
    #[inline]
    fn pop(&mut self, cx: &Cx<'_>, sk: &SockCommon, memory: Option<Scheduled<'_>>) -> Option<Skb> {
        if self.readers == 0 {
            self.readers = self.skbs.len();
        }
        let skb = self.skbs.pop_front()?;
        self.readers -= 1;
        if let Some(memory) = memory {
            self.deficit += skb.truesize as i32;
            if self.deficit >= sk.rcvbuf() >> 2 || self.readers == 0 {
                self.release(cx, sk, memory, true);
            }
        }
        Some(skb)
    }

    /// Gives back what was read. All that is there becomes the reader's.
    #[inline]
    fn release(&mut self, cx: &Cx<'_>, sk: &SockCommon, memory: Scheduled<'_>, partial: bool) {
        let bytes = std::mem::take(&mut self.deficit);
        sk.mem_release(cx, memory.account, bytes, partial);
        sk.uncharge_rmem(bytes as u32);
        self.readers = self.skbs.len();
    }
}

impl RecvQueue {
    /// True when nothing waits. Who is about to sleep asks after he joined the wait queue: what was
    /// queued before is seen here, and whoever queues later sees him ([`RecvQueue::enqueue_quietly`]).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len.load(Relaxed) == 0 && self.queue.lock().skbs.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.len.load(Relaxed) as usize
    }

    /// Appends; the caller charged it.
    #[inline]
    pub fn push(&self, skb: Skb) {
        let mut queue = self.queue.lock();
        queue.skbs.push_back(skb);
        self.len.store(queue.skbs.len() as u32, Relaxed);
    }

    #[inline]
    fn pop(&self, cx: &Cx<'_>, sk: &SockCommon, memory: Option<Scheduled<'_>>) -> Option<Skb> {
        let mut queue = self.queue.lock();
        let skb = queue.pop(cx, sk, memory);
        self.len.store(queue.skbs.len() as u32, Relaxed);
        skb
    }

    /// Bytes of the first datagram, behind `header` bytes of it; `None` when nothing waits
    /// (`first_packet_length`).
    pub fn first_len(&self) -> Option<usize> {
        let mut queue = self.queue.lock();
        if queue.readers == 0 {
            queue.readers = queue.skbs.len();
        }
        queue.skbs.front().map(|skb| skb.len())
    }

    /// A handle on the datagram that `*off` bytes of peeked data lie before; what is left of
    /// `*off` is the place inside it (`__skb_try_recv_from_queue`). Negative: the first.
    fn peek(&self, cx: &Cx<'_>, off: &mut i32) -> Option<Skb> {
        let mut queue = self.queue.lock();
        let len = queue.skbs.len();
        for i in 0..len {
            if i == queue.readers {
                queue.readers = len;
            }
            let skb = queue.skbs.get_mut(i)?;
            if *off >= 0 {
                let len = skb.len() as i32;
                if *off >= len && (*off != 0 || skb.peeked) {
                    *off -= len;
                    continue;
                }
            }
            // An empty datagram is passed over by the offset only after it was seen once.
            skb.peeked = true;
            return Some(skb.clone_in(cx));
        }
        None
    }

    /// Takes the next datagram, or with `MSG_PEEK` a handle on it, and waits for one if the call may
    /// (`__skb_recv_udp`, `skb_recv_datagram`). `None` when the receive direction is shut down and
    /// the call would have waited. With `MSG_PEEK`, `off` is where in the queue (negative for its
    /// head), and on return where in the datagram.
    ///
    /// # Errors
    /// The pending error; `EAGAIN`; `EINTR`, `ERESTARTSYS`.
    #[inline]
    pub fn recv(&self, cx: &UserCx<'_>, sk: &SockCommon, flags: u32, off: &mut i32) -> Result<Option<Skb>> {
        self.recv_from((cx, sk, None), flags, off)
    }

    /// The same, of a queue whose memory is scheduled: the charge of what is taken is done with.
    ///
    /// # Errors
    /// As [`RecvQueue::recv`].
    #[inline]
    pub fn recv_scheduled(
        &self,
        cx: &UserCx<'_>,
        sk: &SockCommon,
        memory: Scheduled<'_>,
        flags: u32,
        off: &mut i32,
    ) -> Result<Option<Skb>> {
        self.recv_from((cx, sk, Some(memory)), flags, off)
    }

    #[inline]
    fn recv_from(&self, of: Of<'_, '_>, flags: u32, off: &mut i32) -> Result<Option<Skb>> {
        if let Some(errno) = of.1.take_err() {
            return Err(errno);
        }
        if let Some(skb) = self.try_recv(of, flags, off) {
            return Ok(Some(skb));
        }
        if flags & MSG_DONTWAIT != 0 {
            return Err(Errno::EAGAIN);
        }
        self.recv_wait(of, flags, off)
    }

    #[inline]
    fn try_recv(&self, (cx, sk, memory): Of<'_, '_>, flags: u32, off: &mut i32) -> Option<Skb> {
        if flags & MSG_PEEK != 0 { self.peek(cx, off) } else { self.pop(cx, sk, memory) }
    }

    /// `__skb_wait_for_more_packets`, as long as nothing comes.
    #[cold]
    fn recv_wait(&self, of: Of<'_, '_>, flags: u32, off: &mut i32) -> Result<Option<Skb>> {
        let (cx, sk, _) = of;
        let timeo = Timeo::new(cx, false, sk.rcvtimeo());
        let parker = cx.process.cpu.parker().clone();
        let start = *off;
        let mut key = None;
        let result = loop {
            // What this call's own thread sent to itself may be what it waits for.
            cx.do_softirq();
            parker.prepare();
            // One datagram wakes one reader: sleepers are exclusive.
            key.get_or_insert_with(|| sk.wq.add(parker.clone(), true));
            if let Some(errno) = sk.take_err() {
                break Err(errno);
            }
            *off = start;
            if let Some(skb) = self.try_recv(of, flags, off) {
                break Ok(Some(skb));
            }
            if sk.shutdown() & RCV_SHUTDOWN != 0 {
                break Ok(None);
            }
            if cx.process.signal_pending() {
                break Err(timeo.intr_errno());
            }
            if timeo.has_passed(cx) {
                break Err(Errno::EAGAIN);
            }
            cx.trace(|| crate::trace::Event::Sleep { cookie: sk.cookie(cx.net) });
            cx.process.sleep(timeo.deadline());
            cx.refresh_now();
        };
        if let Some(key) = key {
            if result.is_err() {
                sk.wq.finish_wait(key, &parker, EPOLLIN | EPOLLRDNORM);
            } else {
                sk.wq.remove(key);
            }
        }
        result
    }

    /// Queues a received datagram, charged to the sock, for who holds a lock: true when somebody is to
    /// be told ([`SockCommon::data_ready`]) afterwards. Gives it back when the receive buffer is full,
    /// or there is no memory (`__udp_enqueue_schedule_skb`). The first one always fits.
    #[inline]
    pub fn enqueue_scheduled(
        &self,
        cx: &Cx<'_>,
        sk: &SockCommon,
        memory: Scheduled<'_>,
        mut skb: Skb,
    ) -> core::result::Result<bool, (Skb, DropReason)> {
        let size = skb.truesize as i32;
        let used = sk.rmem_alloc.load(Relaxed);
        if used != 0 && used.saturating_add(size) > sk.rcvbuf() {
            sk.drops.fetch_add(1, Relaxed);
            return Err((skb, DropReason::SocketRcvbuff));
        }
        sk.rmem_alloc.fetch_add(size, Relaxed);
        skb.peeked = false;
        let mut queue = self.queue.lock();
        let wanted = Wanted { kind: MemKind::Recv, least: memory.least, socks: &|| 1 };
        if !sk.mem_schedule(cx, memory.account, size, &wanted) {
            drop(queue);
            sk.uncharge_rmem(size as u32);
            sk.drops.fetch_add(1, Relaxed);
            return Err((skb, DropReason::ProtoMem));
        }
        sk.mem_charge(size);
        if sk.flag(SockFlag::Rxqueue) {
            skb.dropcount = sk.drops.load(Relaxed);
        }
        queue.skbs.push_back(skb);
        self.len.store(queue.skbs.len() as u32, Relaxed);
        // Under the queue's lock, which who sleeps took after he had joined: no barrier is needed.
        let listened = sk.wq.is_active() || sk.wants_sigio() || cx.net.tracer.is_on();
        drop(queue);
        Ok(listened && !sk.flag(SockFlag::Dead))
    }

    /// Queues a received datagram by the rule of all but UDP, and wakes a reader: the one that crosses
    /// the limit fits, whatever its size (`sock_queue_rcv_skb`).
    pub fn enqueue_within(
        &self,
        cx: &Cx<'_>,
        sk: &SockCommon,
        mut skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)> {
        if !sk.charge_rmem(skb.truesize) {
            sk.drops.fetch_add(1, Relaxed);
            return Err((skb, DropReason::SocketRcvbuff));
        }
        skb.peeked = false;
        if sk.flag(SockFlag::Rxqueue) {
            skb.dropcount = sk.drops.load(Relaxed);
        }
        self.push(skb);
        if !sk.flag(SockFlag::Dead) {
            sk.data_ready(cx);
        }
        Ok(())
    }

    /// The same by netlink's rule: the first always fits, others if the buffer has room for all of them.
    /// Who does not fit is not counted (`netlink_attachskb`).
    pub fn enqueue_fitting(
        &self,
        cx: &Cx<'_>,
        sk: &SockCommon,
        mut skb: Skb,
    ) -> core::result::Result<(), Skb> {
        let size = skb.truesize as i32;
        let used = sk.rmem_alloc.fetch_add(size, Relaxed);
        if used != 0 && used.saturating_add(size) > sk.rcvbuf() {
            sk.rmem_alloc.fetch_sub(size, Relaxed);
            return Err(skb);
        }
        skb.peeked = false;
        self.push(skb);
        if !sk.flag(SockFlag::Dead) {
            sk.data_ready(cx);
        }
        Ok(())
    }

    /// `SIOCINQ` and `SIOCOUTQ` (`udp_ioctl`, `raw_ioctl`): the length of the first datagram, and the
    /// bytes on their way out, into `arg`. `ENOIOCTLCMD` for other commands.
    pub fn ioctl(&self, sk: &SockCommon, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        let answer = match cmd {
            uapi::SIOCINQ => self.first_len().unwrap_or(0) as i32,
            uapi::SIOCOUTQ => sk.wmem_alloc.load(Relaxed),
            _ => return Err(Errno::ENOIOCTLCMD),
        };
        arg.get_mut(..4).ok_or(Errno::EFAULT)?.copy_from_slice(&answer.to_ne_bytes());
        Ok(0)
    }

    /// Ends a datagram that was received or peeked at (`skb_free_datagram`, `skb_consume_udp`).
    #[inline]
    pub fn done(&self, cx: &Cx<'_>, sk: &SockCommon, skb: Skb, flags: u32) {
        if flags & MSG_PEEK == 0 {
            sk.uncharge_rmem(skb.truesize);
        }
        cx.consume_skb(skb);
    }

    /// Gives everything back (`skb_queue_purge`).
    pub fn purge(&self, cx: &Cx<'_>, sk: &SockCommon) {
        while self.len.load(Relaxed) != 0
            && let Some(skb) = self.pop(cx, sk, None)
        {
            sk.uncharge_rmem(skb.truesize);
            cx.consume_skb(skb);
        }
    }

    /// Gives everything back, of a queue whose memory is scheduled (`udp_destruct_common`).
    pub fn purge_scheduled(&self, cx: &Cx<'_>, sk: &SockCommon, memory: Scheduled<'_>) {
        if self.len.load(Relaxed) == 0 && sk.forward_alloc() == 0 {
            return;
        }
        let mut queue = self.queue.lock();
        while let Some(skb) = queue.skbs.pop_front() {
            queue.deficit += skb.truesize as i32;
            cx.consume_skb(skb);
        }
        queue.release(cx, sk, memory, false);
        self.len.store(0, Relaxed);
    }
}

/// A call on a queue: who calls, whose it is, where its memory comes from.
type Of<'a, 'c> = (&'a UserCx<'c>, &'a SockCommon, Option<Scheduled<'a>>);

impl SockCommon {
    /// Where `MSG_PEEK` begins (`sk_peek_offset`): 0 for another call, negative when not set.
    #[inline]
    pub fn peek_offset(&self, flags: u32) -> i32 {
        if flags & MSG_PEEK != 0 { self.peek_off() } else { 0 }
    }

    /// After a call took or peeked at `n` bytes (`sk_peek_offset_fwd`, `sk_peek_offset_bwd`).
    #[inline]
    pub fn peek_offset_moved(&self, flags: u32, n: i32) {
        let off = self.peek_off();
        if off >= 0 {
            self.set_peek_off(if flags & MSG_PEEK != 0 { off.saturating_add(n) } else { (off - n).max(0) });
        }
    }

    /// What poll sees of a datagram socket with this receive queue (`datagram_poll`).
    pub fn datagram_poll(&self, queue: &RecvQueue) -> u32 {
        let mut mask = 0;
        if self.err() != 0 || self.has_err_skb() {
            mask |= EPOLLERR | if self.flag(SockFlag::SelectErrQueue) { EPOLLPRI } else { 0 };
        }
        let shutdown = self.shutdown();
        if shutdown & RCV_SHUTDOWN != 0 {
            mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
        }
        if shutdown == SHUTDOWN_MASK {
            mask |= EPOLLHUP;
        }
        if !queue.is_empty() {
            mask |= EPOLLIN | EPOLLRDNORM;
        }
        if self.is_writeable() {
            mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
        }
        mask
    }
}
