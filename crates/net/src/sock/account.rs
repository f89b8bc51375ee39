//! What all socks of a protocol may hold together: `tcp_mem`, `udp_mem` and the rules of pressure
//! (`__sk_mem_raise_allocated`, `__sk_mem_reduce_allocated`).
//!
//! A sock takes memory by the page and spends it by the byte (`sk_forward_alloc`), so that the
//! common account is touched once a page; and threads take pages from it by the batch, as Linux's
//! CPUs do (`per_cpu_fw_alloc`).

use super::SockCommon;
use super::mem::PAGE_SIZE;
use crate::counters::Counters;
use crate::cx::Cx;
use crate::mib::TcpExt;
use kern::context::CpuId;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering::Relaxed};
use uapi::socket::SOCK_STREAM;

const PAGE: i32 = PAGE_SIZE as i32;
const PAGE_SHIFT: u32 = PAGE_SIZE.trailing_zeros();
/// The most pages that a thread keeps to itself (`SK_MEMORY_PCPU_RESERVE`).
const RESERVE: i64 = 256;

/// In which direction memory is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemKind {
    /// To send (`SK_MEM_SEND`).
    Send,
    /// To receive (`SK_MEM_RECV`).
    Recv,
}

/// The account of a protocol in a namespace (`prot->memory_allocated`, `prot->sysctl_mem`).
#[derive(Default)]
pub struct MemAccount {
    /// Below the first there is no pressure; above the second there is; the third is the end. Pages.
    pub limits: [AtomicI32; 3],
    allocated: AtomicI64,
    reserved: Counters<1>,
    /// Since when there is pressure, ms of the clock and one; 0 for none (`prot->memory_pressure`).
    pressure: AtomicU64,
    /// There is a state of pressure (`sk_has_memory_pressure`).
    has_pressure: bool,
    /// How much of the machine's memory is below the second limit: a part in so many.
    part: u64,
}

/// Whom [`MemAccount::raise`] is asked for.
pub struct Wanted<'a> {
    /// Which direction.
    pub kind: MemKind,
    /// What a sock may have even under pressure, bytes (`sk_get_rmem0`, `sk_get_wmem0`).
    pub least: i32,
    /// How many socks share the account.
    pub socks: &'a dyn Fn() -> u64,
}

impl MemAccount {
    /// An account whose second limit is a part in `part` of the machine's memory. `pressure`: socks of
    /// this protocol restrain themselves before the end.
    #[must_use]
    pub fn new(part: u64, pressure: bool) -> Self {
        let account = MemAccount { has_pressure: pressure, part, ..MemAccount::default() };
        account.set_memory(DEFAULT_MEMORY);
        account
    }

    /// Sets the limits for a machine with `bytes` of memory (`tcp_init_mem`, `udp_init`).
    pub fn set_memory(&self, bytes: u64) {
        let limit = (bytes / u64::from(PAGE_SIZE) / self.part).max(128);
        let limits = [limit / 4 * 3, limit, limit / 4 * 3 * 2];
        for (to, pages) in self.limits.iter().zip(limits) {
            to.store(i32::try_from(pages).unwrap_or(i32::MAX), Relaxed);
        }
    }

    #[inline]
    fn limit(&self, i: usize) -> i64 {
        i64::from(self.limits[i].load(Relaxed))
    }

    /// Pages in use, as far as threads have told (`sk_memory_allocated`).
    #[inline]
    pub fn allocated(&self) -> i64 {
        self.allocated.load(Relaxed)
    }

    /// Pages in use, those counted by threads only included.
    pub fn total(&self) -> i64 {
        self.allocated() + self.reserved.sum(0) as i64
    }

    /// Counts pages; a thread tells of them when they are many, or many of what there may be.
    #[inline]
    fn add(&self, id: CpuId, pages: i64) {
        let block = self.reserved.block(id);
        let held = block.count(0, pages as u64) as i64;
        let reserve = RESERVE.min(self.limit(0) >> 6);
        if held.abs() > reserve {
            block.count(0, held.wrapping_neg() as u64);
            self.allocated.fetch_add(held, Relaxed);
        }
    }

    /// True while socks are to restrain themselves (`sk_under_memory_pressure`).
    #[inline]
    pub fn under_pressure(&self) -> bool {
        self.has_pressure && self.pressure.load(Relaxed) != 0
    }

    /// There is a state of pressure (`sk_has_memory_pressure`).
    pub fn has_pressure(&self) -> bool {
        self.has_pressure
    }

    /// The end is passed (`tcp_out_of_memory`, but for the sock's own part).
    pub fn is_over(&self) -> bool {
        self.allocated() > self.limit(2)
    }

    /// Above the first limit: buffers do not grow any more.
    #[inline]
    pub fn is_tight(&self) -> bool {
        self.allocated() >= self.limit(0)
    }

    /// `tcp_enter_memory_pressure`.
    fn enter_pressure(&self, cx: &Cx<'_>) {
        let now = cx.now().ms() + 1;
        if self.has_pressure && self.pressure.compare_exchange(0, now, Relaxed, Relaxed).is_ok() {
            cx.inc(TcpExt::TCPMemoryPressures);
        }
    }

    /// `tcp_leave_memory_pressure`.
    #[inline]
    fn leave_pressure(&self, cx: &Cx<'_>) {
        if self.pressure.load(Relaxed) != 0 {
            let since = self.pressure.swap(0, Relaxed);
            if since != 0 {
                cx.add(TcpExt::TCPMemoryPressuresChrono, (cx.now().ms() + 1).saturating_sub(since));
            }
        }
    }

    /// Takes `pages` for `sk`, which wants `size` bytes of them; false when there are none
    /// (`__sk_mem_raise_allocated`).
    fn raise(&self, cx: &Cx<'_>, sk: &SockCommon, size: i32, pages: i64, wanted: &Wanted<'_>) -> bool {
        self.add(cx.cpu.id, pages);
        let allocated = self.allocated();
        if allocated <= self.limit(0) {
            self.leave_pressure(cx);
            return true;
        }
        self.raise_tight(cx, sk, allocated, size, pages, wanted)
    }

    #[cold]
    fn raise_tight(
        &self,
        cx: &Cx<'_>,
        sk: &SockCommon,
        allocated: i64,
        size: i32,
        pages: i64,
        wanted: &Wanted<'_>,
    ) -> bool {
        if allocated > self.limit(1) {
            self.enter_pressure(cx);
        }
        let stream = i32::from(sk.kind()) == SOCK_STREAM;
        if allocated <= self.limit(2) {
            let held = match wanted.kind {
                MemKind::Recv => &sk.rmem_alloc,
                MemKind::Send if stream => &sk.wmem_queued,
                MemKind::Send => &sk.wmem_alloc,
            };
            if held.load(Relaxed) < wanted.least {
                return true;
            }
            if self.has_pressure {
                // Under pressure who has less than the average may have more.
                let all = sk.wmem_queued.load(Relaxed) + sk.rmem_alloc.load(Relaxed);
                let mine = (all + sk.forward_alloc()).max(0).unsigned_abs().div_ceil(PAGE_SIZE);
                if !self.under_pressure() || self.limit(2) as u64 > (wanted.socks)() * u64::from(mine) {
                    return true;
                }
            }
        }
        if wanted.kind == MemKind::Send && stream {
            sk.moderate_sndbuf();
            // Whoever has filled its buffer can wait; for others it would be in vain.
            if sk.wmem_queued.load(Relaxed) + size >= sk.sndbuf() {
                return true;
            }
        }
        self.add(cx.cpu.id, -pages);
        false
    }

    /// Gives `pages` back (`__sk_mem_reduce_allocated`).
    #[inline]
    pub fn reduce(&self, cx: &Cx<'_>, pages: i64) {
        self.add(cx.cpu.id, -pages);
        if self.under_pressure() && self.allocated() < self.limit(0) {
            self.leave_pressure(cx);
        }
    }
}

/// The machine's memory unless the embedder says otherwise, bytes.
const DEFAULT_MEMORY: u64 = 8 << 30;

impl SockCommon {
    /// Bytes that were taken from the account and not spent (`sk_forward_alloc`). Whoever changes it
    /// holds the lock of the queue that is charged: the sock's for streams, the queue's own for UDP.
    #[inline]
    pub fn forward_alloc(&self) -> i32 {
        self.forward_alloc.load(Relaxed)
    }

    #[inline]
    fn forward_add(&self, bytes: i32) -> i32 {
        let sum = self.forward_alloc().wrapping_add(bytes);
        self.forward_alloc.store(sum, Relaxed);
        sum
    }

    /// Makes sure that `size` bytes can be spent; false when there is no memory (`sk_wmem_schedule`,
    /// `sk_rmem_schedule`).
    #[inline]
    pub fn mem_schedule(&self, cx: &Cx<'_>, account: &MemAccount, size: i32, wanted: &Wanted<'_>) -> bool {
        let delta = size - self.forward_alloc();
        delta <= 0 || self.mem_schedule_pages(cx, account, delta, wanted)
    }

    /// `__sk_mem_schedule`
    fn mem_schedule_pages(&self, cx: &Cx<'_>, account: &MemAccount, delta: i32, wanted: &Wanted<'_>) -> bool {
        let pages = (delta + PAGE - 1) >> PAGE_SHIFT;
        self.forward_add(pages << PAGE_SHIFT);
        let taken = account.raise(cx, self, delta, i64::from(pages), wanted);
        if !taken {
            self.forward_add(-(pages << PAGE_SHIFT));
        }
        taken
    }

    /// The same for what must not fail (`sk_forced_mem_schedule`).
    pub fn mem_schedule_forced(&self, cx: &Cx<'_>, account: &MemAccount, size: i32) {
        let delta = size - self.forward_alloc();
        if delta > 0 {
            let pages = (delta + PAGE - 1) >> PAGE_SHIFT;
            self.forward_add(pages << PAGE_SHIFT);
            account.add(cx.cpu.id, i64::from(pages));
        }
    }

    /// Spends bytes (`sk_mem_charge`).
    #[inline]
    pub fn mem_charge(&self, bytes: i32) {
        self.forward_add(-bytes);
    }

    /// Has them again; whole pages go back to the account (`sk_mem_uncharge`, `sk_mem_reclaim`).
    #[inline]
    pub fn mem_uncharge(&self, cx: &Cx<'_>, account: &MemAccount, bytes: i32) {
        let held = self.forward_add(bytes);
        if held >= PAGE {
            let pages = held >> PAGE_SHIFT;
            self.forward_add(-(pages << PAGE_SHIFT));
            account.reduce(cx, i64::from(pages));
        }
    }

    /// Has bytes again, and gives whole pages back but for what makes `keep` bytes less than a page
    /// (`udp_rmem_release`).
    #[inline]
    pub fn mem_release(&self, cx: &Cx<'_>, account: &MemAccount, bytes: i32, keep: bool) {
        let held = self.forward_add(bytes);
        let pages = (held - i32::from(keep)) >> PAGE_SHIFT;
        if pages > 0 {
            self.forward_add(-(pages << PAGE_SHIFT));
            account.reduce(cx, i64::from(pages));
        }
    }

    /// The send buffer becomes as small as what is in it (`sk_stream_moderate_sndbuf`).
    fn moderate_sndbuf(&self) {
        if !self.flag(super::SockFlag::SndbufLock) {
            let half = self.wmem_queued.load(Relaxed) >> 1;
            self.set_sndbuf(self.sndbuf().min(half).max(super::mem::SOCK_MIN_SNDBUF));
        }
    }
}
