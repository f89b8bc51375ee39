//! The fields of `struct sock` that every protocol has, readable without the socket lock.
//!
//! Each names the kernel's field. Plain settings are relaxed atomics: a reader may see the value of
//! before or after a concurrent `setsockopt`, as on Linux.

use super::errqueue::ErrQueue;
use super::mem;
use crate::cx::Cx;
use crate::filter::Program;
use crate::netns::Net;
use kern::sync::SpinLock;
use kern::wait::WaitQueue;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use uapi::Errno;
use uapi::poll::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDBAND, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRBAND,
    EPOLLWRNORM,
};
use vfs::fasync::{Band, FOwn, FasyncList, SIGIO};

/// The receive direction is shut down.
pub const RCV_SHUTDOWN: u8 = 1;
/// The send direction is shut down.
pub const SEND_SHUTDOWN: u8 = 2;
/// Both are.
pub const SHUTDOWN_MASK: u8 = 3;

/// `SOCK_*` flags (`enum sock_flags`): one bit each in `sk_flags`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are Linux's")]
pub enum SockFlag {
    Dead,
    Done,
    UrgInline,
    KeepOpen,
    Linger,
    Destroy,
    Broadcast,
    Timestamp,
    ZapPed,
    UseWriteQueue,
    Dbg,
    RcvTstamp,
    RcvTstampNs,
    LocalRoute,
    FilterLocked,
    NoFcs,
    Memalloc,
    TimestampingRxSoftware,
    FastReuse,
    Rxqueue,
    WifiStatus,
    NoCheckTx,
    NoCheckRx,
    SelectErrQueue,
    RcuFree,
    Txtime,
    Xdp,
    TstampNew,
    RcvMark,
    RcvPriority,
    Timestamping,
    PassCred,
    PassSec,
    PassPidfd,
    PassRights,
    ZeroCopy,
    Reuseport,
    Reuse,
    BindToIfindex,
    BusyPoll,
    ReuseForce,
    Ipv6Only,
    RcvbufLock,
    SndbufLock,
    NoSpace,
    PreferBusyPoll,
    TxtimeDeadline,
    TxtimeReport,
    BindAddrLock,
    BindPortLock,
    Inq,
    HasFilter,
    Stamped,
}

macro_rules! relaxed {
    ($($(#[$doc:meta])* $get:ident, $set:ident: $field:ident: $ty:ty;)*) => {
        $(
            $(#[$doc])*
            #[inline]
            pub fn $get(&self) -> $ty { self.$field.load(Relaxed) }
            $(#[$doc])*
            #[inline]
            pub fn $set(&self, value: $ty) { self.$field.store(value, Relaxed); }
        )*
    };
}

/// What readers wait for, and writers.
const READABLE: u32 = EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND;
const WRITABLE: u32 = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;

/// Nobody spaces its packets (`SK_PACING_NONE`).
pub const PACING_NONE: u8 = 0;
/// Its protocol does (`SK_PACING_NEEDED`).
pub const PACING_NEEDED: u8 = 1;
/// The device's queue does (`SK_PACING_FQ`).
pub const PACING_FQ: u8 = 2;

/// What few socks have; made on first use, and kept with the object.
#[derive(Default)]
pub(super) struct Rare {
    /// Messages about errors, timestamps and completions (`sk_error_queue`).
    pub(super) error_queue: SpinLock<ErrQueue>,
    /// Who wants `SIGIO` (`sk_wq->fasync_list`).
    fasync: FasyncList,
    /// Whom `F_SETOWN` named, for `SIGURG` (`file->f_owner`).
    owner: SpinLock<Option<Arc<FOwn>>>,
    /// What packets are shown to (`sk_filter`).
    filter: SpinLock<Option<Arc<Program>>>,
    /// The group of those that share its port (`sk_reuseport_cb`).
    pub(super) reuseport: SpinLock<Option<Arc<super::reuseport::Group>>>,
    /// When the last packet came, nanoseconds of real time; 0 if that was not noted (`sk_stamp`).
    pub(super) stamp: AtomicU64,
}

/// `struct sock`, the common part.
#[derive(Default)]
pub struct SockCommon {
    /// Where those sleep who wait for news (`sk_wq`).
    pub wq: WaitQueue,
    /// Bytes of received buffers charged to the sock (`sk_rmem_alloc`).
    pub rmem_alloc: AtomicI32,
    /// Bytes of buffers on their way out (`sk_wmem_alloc`).
    pub wmem_alloc: AtomicI32,
    /// Bytes of a stream's send queue (`sk_wmem_queued`).
    pub wmem_queued: AtomicI32,
    pub(super) forward_alloc: AtomicI32,
    /// Bytes of options and filters (`sk_omem_alloc`).
    pub omem_alloc: AtomicI32,
    /// Packets dropped for want of room (`sk_drops`).
    pub drops: AtomicU32,
    /// Connections that wait to be accepted (`sk_ack_backlog`).
    pub ack_backlog: AtomicU32,
    rare: OnceLock<Box<Rare>>,
    flags: AtomicU64,
    cookie: AtomicU64,
    ino: AtomicU64,
    rcvtimeo: AtomicU64,
    sndtimeo: AtomicU64,
    pacing_rate: AtomicU64,
    max_pacing_rate: AtomicU64,
    rcvbuf: AtomicI32,
    sndbuf: AtomicI32,
    rcvlowat: AtomicI32,
    err: AtomicI32,
    err_soft: AtomicI32,
    max_ack_backlog: AtomicU32,
    priority: AtomicU32,
    mark: AtomicU32,
    bound_dev_if: AtomicU32,
    lingertime: AtomicU32,
    uid: AtomicU32,
    txhash: AtomicU32,
    peek_off: AtomicI32,
    busy_poll: AtomicU32,
    tsflags: AtomicU32,
    tskey: AtomicU32,
    incoming_cpu: AtomicI32,
    txtime_clockid: AtomicI32,
    busy_poll_budget: AtomicU16,
    disconnects: AtomicU8,
    family: AtomicU16,
    kind: AtomicU16,
    protocol: AtomicU16,
    state: AtomicU8,
    shutdown: AtomicU8,
    pacing_status: AtomicU8,
}

impl SockCommon {
    /// Defaults in all fields (`sock_init_data`).
    pub(crate) fn init(&self, net: &Net, family: u16, kind: u16, protocol: u16, flags: u64) {
        self.family.store(family, Relaxed);
        self.kind.store(kind, Relaxed);
        self.protocol.store(protocol, Relaxed);
        self.rcvbuf.store(net.core.rmem_default.load(Relaxed), Relaxed);
        self.sndbuf.store(net.core.wmem_default.load(Relaxed), Relaxed);
        self.state.store(uapi::tcp::TcpState::Close as u8, Relaxed);
        self.flags.store(1 << SockFlag::ZapPed as u8 | flags, Relaxed);
        self.rcvtimeo.store(u64::MAX, Relaxed);
        self.sndtimeo.store(u64::MAX, Relaxed);
        self.rcvlowat.store(1, Relaxed);
        self.pacing_rate.store(u64::MAX, Relaxed);
        self.max_pacing_rate.store(u64::MAX, Relaxed);
        self.pacing_status.store(PACING_NONE, Relaxed);
        self.peek_off.store(-1, Relaxed);
        self.incoming_cpu.store(-1, Relaxed);
        self.shutdown.store(0, Relaxed);
        self.txtime_clockid.store(0, Relaxed);
        self.busy_poll_budget.store(0, Relaxed);
        self.cookie.store(0, Relaxed);
        self.ino.store(0, Relaxed);
        self.drops.store(0, Relaxed);
        for zero in [&self.err, &self.err_soft, &self.rmem_alloc, &self.wmem_alloc, &self.omem_alloc] {
            zero.store(0, Relaxed);
        }
        for zero in [&self.wmem_queued, &self.forward_alloc] {
            zero.store(0, Relaxed);
        }
        for zero in [
            &self.max_ack_backlog,
            &self.ack_backlog,
            &self.priority,
            &self.mark,
            &self.bound_dev_if,
            &self.lingertime,
            &self.uid,
            &self.txhash,
            &self.busy_poll,
            &self.tsflags,
            &self.tskey,
        ] {
            zero.store(0, Relaxed);
        }
    }

    /// A child takes what `accept()` inherits from its listener (`sk_clone_lock`).
    pub fn inherit(&self, from: &SockCommon) {
        const OWN: u64 = 1 << SockFlag::Dead as u8
            | 1 << SockFlag::Done as u8
            | 1 << SockFlag::Destroy as u8
            | 1 << SockFlag::BindPortLock as u8
            | 1 << SockFlag::Dbg as u8;
        self.flags.store(from.flags.load(Relaxed) & !OWN, Relaxed);
        self.rcvtimeo.store(from.rcvtimeo.load(Relaxed), Relaxed);
        self.sndtimeo.store(from.sndtimeo.load(Relaxed), Relaxed);
        self.pacing_rate.store(from.pacing_rate.load(Relaxed), Relaxed);
        self.max_pacing_rate.store(from.max_pacing_rate.load(Relaxed), Relaxed);
        self.pacing_status.store(from.pacing_status.load(Relaxed), Relaxed);
        self.rcvbuf.store(from.rcvbuf.load(Relaxed), Relaxed);
        self.sndbuf.store(from.sndbuf.load(Relaxed), Relaxed);
        self.rcvlowat.store(from.rcvlowat.load(Relaxed), Relaxed);
        self.priority.store(from.priority.load(Relaxed), Relaxed);
        self.mark.store(from.mark.load(Relaxed), Relaxed);
        self.bound_dev_if.store(from.bound_dev_if.load(Relaxed), Relaxed);
        self.lingertime.store(from.lingertime.load(Relaxed), Relaxed);
        self.uid.store(from.uid.load(Relaxed), Relaxed);
        self.busy_poll.store(from.busy_poll.load(Relaxed), Relaxed);
        self.tsflags.store(from.tsflags.load(Relaxed), Relaxed);
        self.txtime_clockid.store(from.txtime_clockid.load(Relaxed), Relaxed);
        self.busy_poll_budget.store(from.busy_poll_budget.load(Relaxed), Relaxed);
        self.peek_off.store(from.peek_off.load(Relaxed), Relaxed);
    }

    /// Empties what only a dying sock still holds.
    pub(crate) fn purge(&self) {
        if let Some(rare) = self.known_rare() {
            self.purge_err_queue();
            drop(rare.owner.lock().take());
            drop(rare.filter.lock().take());
            drop(rare.reuseport.lock().take());
            rare.stamp.store(0, Relaxed);
        }
    }

    relaxed! {
        /// Address family (`sk_family`).
        family, set_family: family: u16;
        /// `SOCK_STREAM` and its kin (`sk_type`).
        kind, set_kind: kind: u16;
        /// `IPPROTO_*` (`sk_protocol`).
        protocol, set_protocol: protocol: u16;
        /// `RCV_SHUTDOWN`, `SEND_SHUTDOWN` (`sk_shutdown`).
        shutdown, set_shutdown: shutdown: u8;
        /// Receive buffer, bytes of truesize (`sk_rcvbuf`).
        rcvbuf, set_rcvbuf: rcvbuf: i32;
        /// Send buffer, bytes of truesize (`sk_sndbuf`).
        sndbuf, set_sndbuf: sndbuf: i32;
        /// `SO_RCVLOWAT`, bytes (`sk_rcvlowat`).
        rcvlowat, set_rcvlowat: rcvlowat: i32;
        /// `SO_RCVTIMEO`, nanoseconds; `u64::MAX` for none (`sk_rcvtimeo`).
        rcvtimeo, set_rcvtimeo: rcvtimeo: u64;
        /// `SO_SNDTIMEO`, nanoseconds; `u64::MAX` for none (`sk_sndtimeo`).
        sndtimeo, set_sndtimeo: sndtimeo: u64;
        /// What it is paced at, bytes per second; `u64::MAX` for no limit (`sk_pacing_rate`).
        pacing_rate, set_pacing_rate: pacing_rate: u64;
        /// Who spaces its packets: [`PACING_NONE`] and its kin (`sk_pacing_status`).
        pacing_status, set_pacing_status: pacing_status: u8;
        /// `SO_MAX_PACING_RATE`, bytes per second (`sk_max_pacing_rate`).
        max_pacing_rate, set_max_pacing_rate: max_pacing_rate: u64;
        /// An error that is not to end anything unless the sock fails (`sk_err_soft`).
        err_soft, set_err_soft: err_soft: i32;
        /// `listen()`'s backlog (`sk_max_ack_backlog`).
        max_ack_backlog, set_max_ack_backlog: max_ack_backlog: u32;
        /// `SO_PRIORITY` (`sk_priority`).
        priority, set_priority: priority: u32;
        /// `SO_MARK` (`sk_mark`).
        mark, set_mark: mark: u32;
        /// `SO_BINDTODEVICE`: an interface index, 0 for none (`sk_bound_dev_if`).
        bound_dev_if, set_bound_dev_if: bound_dev_if: u32;
        /// `SO_LINGER`, seconds (`sk_lingertime`).
        lingertime, set_lingertime: lingertime: u32;
        /// The socket's owner, for those who list sockets (`sk_uid`).
        uid, set_uid: uid: u32;
        /// The socket's inode number, 0 when orphaned (`sock_i_ino`).
        ino, set_ino: ino: u64;
        /// Hash of the flow for multipath and queue choice (`sk_txhash`).
        txhash, set_txhash: txhash: u32;
        /// `SO_PEEK_OFF`, -1 when off (`sk_peek_off`).
        peek_off, set_peek_off: peek_off: i32;
        /// `SO_BUSY_POLL`, microseconds (`sk_ll_usec`).
        busy_poll, set_busy_poll: busy_poll: u32;
        /// `SO_TIMESTAMPING` flags (`sk_tsflags`).
        tsflags, set_tsflags: tsflags: u32;
        /// The next timestamp's key (`sk_tskey`).
        tskey, set_tskey: tskey: u32;
        /// How often a connection was given up while the sock lived on (`sk_disconnects`).
        disconnects, set_disconnects: disconnects: u8;
        /// `SO_INCOMING_CPU` (`sk_incoming_cpu`).
        incoming_cpu, set_incoming_cpu: incoming_cpu: i32;
        /// `SO_TXTIME`: which clock the times are of (`sk_clockid`).
        txtime_clockid, set_txtime_clockid: txtime_clockid: i32;
        /// `SO_BUSY_POLL_BUDGET`, packets (`sk_busy_poll_budget`).
        busy_poll_budget, set_busy_poll_budget: busy_poll_budget: u16;
    }

    /// Takes the key of the next timestamp.
    pub fn next_tskey(&self) -> u32 {
        self.tskey.fetch_add(1, Relaxed)
    }

    /// The protocol state, numbered as TCP's (`sk_state`).
    #[inline]
    pub fn state(&self) -> u8 {
        self.state.load(Relaxed)
    }

    /// Sets the state and tells who traces (`inet_sk_set_state`). TCP's own is set by its `state.rs`
    /// only.
    pub fn set_state(&self, cx: &Cx<'_>, prot: &'static str, to: u8) {
        let from = self.state.swap(to, Relaxed);
        cx.trace(|| crate::trace::Event::SockState { prot, cookie: self.cookie(cx.net), from, to });
    }

    /// True when the flag is set (`sock_flag`).
    #[inline]
    pub fn flag(&self, flag: SockFlag) -> bool {
        self.flags.load(Relaxed) >> flag as u8 & 1 != 0
    }

    /// All flags, for who lists them.
    pub fn flags(&self) -> u64 {
        self.flags.load(Relaxed)
    }

    /// Sets or clears a flag (`sock_valbool_flag`).
    pub fn set_flag(&self, flag: SockFlag, on: bool) {
        let bit = 1 << flag as u8;
        if on {
            self.flags.fetch_or(bit, Relaxed);
        } else {
            self.flags.fetch_and(!bit, Relaxed);
        }
    }

    /// `SO_COOKIE`: drawn on first use (`sock_gen_cookie`).
    pub fn cookie(&self, net: &Net) -> u64 {
        match self.cookie.load(Relaxed) {
            0 => {
                let fresh = net.next_cookie();
                self.cookie.compare_exchange(0, fresh, Relaxed, Relaxed).err().unwrap_or(fresh)
            }
            cookie => cookie,
        }
    }

    /// The pending error, an errno or 0 (`sk_err`).
    #[inline]
    pub fn err(&self) -> i32 {
        self.err.load(Relaxed)
    }

    /// Makes an error pending.
    pub fn set_err(&self, err: Errno) {
        self.err.store(err.raw(), Relaxed);
    }

    /// Takes the pending error (`sock_error`).
    #[inline]
    pub fn take_err(&self) -> Option<Errno> {
        if self.err.load(Relaxed) == 0 {
            return None;
        }
        Errno::from_raw(self.err.swap(0, Relaxed))
    }

    /// Takes the soft error, an errno or 0.
    pub fn take_err_soft(&self) -> i32 {
        self.err_soft.swap(0, Relaxed)
    }

    /// True when no file holds the sock any more.
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.flag(SockFlag::Dead)
    }

    /// Where it is, to know it by.
    #[inline]
    pub(crate) fn addr(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Wakes who sleeps, now or when the softirq lets go of the lock.
    #[inline]
    fn wake(&self, cx: &Cx<'_>, events: u32) {
        if self.wq.has_sleepers() && !cx.wake_later(self.addr(), events) {
            self.wq.wake(events);
        }
    }

    /// Wakes for what was kept: readers and writers each on their own account, for of those who sleep exclusively one is
    /// woken at a time.
    pub(crate) fn wake_kept(&self, events: u32) {
        for kind in [READABLE, WRITABLE] {
            if events & kind != 0 {
                self.wq.wake(kind);
            }
        }
    }

    /// News for readers (`sk_data_ready`, `sock_def_readable`).
    #[inline]
    pub fn data_ready(&self, cx: &Cx<'_>) {
        cx.trace(|| crate::trace::Event::Wake { cookie: self.cookie(cx.net), callback: "data_ready" });
        self.wake(cx, READABLE);
        self.wake_async(Band::In);
    }

    /// Room for writers (`sk_write_space`, `sock_def_write_space`): the protocol decides when.
    pub fn write_space(&self, cx: &Cx<'_>) {
        cx.trace(|| crate::trace::Event::Wake { cookie: self.cookie(cx.net), callback: "write_space" });
        self.wake(cx, WRITABLE);
        self.wake_async(Band::Out);
    }

    /// The state changed (`sk_state_change`, `sock_def_wakeup`): everybody is woken.
    pub fn state_change(&self, cx: &Cx<'_>) {
        cx.trace(|| crate::trace::Event::Wake { cookie: self.cookie(cx.net), callback: "state_change" });
        if self.wq.has_sleepers() {
            self.wq
                .wake_all(EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLHUP | EPOLLRDHUP | EPOLLERR);
        }
    }

    /// An error is pending (`sk_error_report`, `sock_def_error_report`).
    pub fn error_report(&self, cx: &Cx<'_>) {
        cx.trace(|| crate::trace::Event::Wake { cookie: self.cookie(cx.net), callback: "error_report" });
        if self.wq.has_sleepers() {
            self.wq.wake(EPOLLERR);
        }
        self.wake_async(Band::Err);
    }

    /// `SIGIO` to those who asked for it (`sk_wake_async`).
    #[inline]
    pub fn wake_async(&self, band: Band) {
        if let Some(rare) = self.known_rare() {
            rare.fasync.kill(SIGIO, band);
        }
    }

    /// Somebody wants `SIGIO`.
    #[inline]
    pub fn wants_sigio(&self) -> bool {
        self.known_rare().is_some_and(|rare| rare.fasync.is_active())
    }

    /// Who wants `SIGIO` (`sk_wq->fasync_list`).
    pub fn fasync(&self) -> &FasyncList {
        &self.rare().fasync
    }

    /// The filter, if there is one (`sk_filter`).
    pub(crate) fn program(&self) -> Option<Arc<Program>> {
        self.known_rare()?.filter.lock().clone()
    }

    /// Another filter, or none; returns the one before.
    pub(crate) fn set_program(&self, program: Option<Arc<Program>>) -> Option<Arc<Program>> {
        match (self.known_rare(), &program) {
            (None, None) => None,
            _ => std::mem::replace(&mut *self.rare().filter.lock(), program),
        }
    }

    #[inline]
    pub(super) fn known_rare(&self) -> Option<&Rare> {
        self.rare.get().map(|rare| &**rare)
    }

    #[cold]
    pub(super) fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// Whom `F_SETOWN` names gets `SIGURG`.
    pub(crate) fn set_owner(&self, own: &Arc<FOwn>) {
        *self.rare().owner.lock() = Some(own.clone());
    }

    /// `SIGURG` to the file's owner (`sk_send_sigurg`).
    pub fn send_sigurg(&self) {
        let owner = self.known_rare().and_then(|rare| rare.owner.lock().clone());
        if owner.is_some_and(|owner| owner.send_sigurg()) {
            self.wake_async(Band::Pri);
        }
    }

    /// True while a datagram may be sent: what is on its way leaves room (`sock_writeable` is for
    /// poll, this for senders: `sk_wmem_alloc < sk_sndbuf`).
    #[inline]
    pub fn may_send(&self) -> bool {
        self.wmem_alloc.load(Relaxed) < self.sndbuf()
    }

    /// Poll's view: half of the send buffer is free (`sock_writeable`).
    #[inline]
    pub fn is_writeable(&self) -> bool {
        self.wmem_alloc.load(Relaxed) < self.sndbuf() >> 1
    }

    /// Charges memory of options and filters (`sock_kmalloc`): `ENOBUFS` beyond `net.core.optmem_max`.
    pub fn charge_omem(&self, net: &crate::Net, bytes: u32) -> uapi::Result<()> {
        let max = net.core.optmem_max.load(Relaxed);
        let bytes = i32::try_from(bytes).map_err(|_| Errno::ENOBUFS)?;
        if bytes > max || self.omem_alloc.load(Relaxed).saturating_add(bytes) >= max && bytes != 0 {
            return Err(Errno::ENOBUFS);
        }
        self.omem_alloc.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Takes such a charge back (`sock_kfree_s`).
    pub fn uncharge_omem(&self, bytes: u32) {
        self.omem_alloc.fetch_sub(bytes as i32, Relaxed);
    }

    /// Charges a received buffer, unless the receive buffer is full (`sock_queue_rcv_skb`); Linux
    /// lets the one that crosses the limit in.
    #[inline]
    pub fn charge_rmem(&self, truesize: u32) -> bool {
        let fits = self.rmem_alloc.load(Relaxed) < self.rcvbuf();
        if fits {
            self.rmem_alloc.fetch_add(truesize as i32, Relaxed);
        }
        fits
    }

    /// Takes a charge back (`sock_rfree`).
    #[inline]
    pub fn uncharge_rmem(&self, truesize: u32) {
        self.rmem_alloc.fetch_sub(truesize as i32, Relaxed);
    }

    /// `SO_SNDBUF`: the doubled value within the bounds Linux keeps.
    pub fn set_sndbuf_doubled(&self, bytes: i32) {
        self.set_sndbuf(bytes.saturating_mul(2).max(mem::SOCK_MIN_SNDBUF));
    }

    /// `SO_RCVBUF`: the doubled value within the bounds Linux keeps.
    pub fn set_rcvbuf_doubled(&self, bytes: i32) {
        self.set_rcvbuf(bytes.saturating_mul(2).max(mem::SOCK_MIN_RCVBUF));
    }
}
