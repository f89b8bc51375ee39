//! Where buffers come from: a pool for each thread, and a depot where pools trade by the batch, so
//! that a thread which only sends and one which only receives both stay off the allocator.

use super::{Frag, Skb};
use kern::sync::SpinLock;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Sizes of fragment buffers, in bytes.
const SIZES: [usize; 3] = [2048, 16 * 1024, 64 * 1024];
/// How many of each size a pool holds before it sends half to the depot.
const PAGES_MAX: [usize; 3] = [128, 16, 32];
const SKBS_MAX: usize = 256;
/// How many batches of a kind the depot holds before it lets memory go.
const DEPOT_MAX: usize = 16;

type Page = Arc<Vec<u8>>;

/// A thread's buffers.
#[derive(Default)]
pub struct Pool {
    skbs: RefCell<Vec<Skb>>,
    pages: [RefCell<Vec<Page>>; 3],
}

/// A namespace's buffers between pools.
#[derive(Default)]
pub struct Depot {
    pub(super) shares: Shares,
    skbs: SpinLock<Vec<Vec<Skb>>>,
    pages: [SpinLock<Vec<Vec<Page>>>; 3],
}

/// How often the buffer at each place was given back: a clone that noted the number knows whether its original is
/// still there, and nobody pays for a reference count. With more buffers than places some clones take their original
/// for gone too early; all that comes of it is that a stream's reader is charged a little less.
pub(super) struct Shares {
    given_back: Box<[AtomicU32]>,
    next: AtomicU32,
}

const PLACES: usize = 1024;

impl Default for Shares {
    fn default() -> Self {
        let given_back = (0..PLACES).map(|_| AtomicU32::new(0)).collect();
        Shares { given_back, next: AtomicU32::new(0) }
    }
}

impl Shares {
    #[inline]
    pub(super) fn now(&self, place: u16) -> u32 {
        self.given_back[usize::from(place) % PLACES].load(Relaxed)
    }

    #[inline]
    fn count(&self, place: u16) {
        let times = &self.given_back[usize::from(place) % PLACES];
        times.store(times.load(Relaxed).wrapping_add(1), Relaxed);
    }

    #[cold]
    fn fresh(&self) -> Skb {
        Skb::at((self.next.fetch_add(1, Relaxed) % PLACES as u32) as u16)
    }
}

impl Pool {
    #[inline]
    pub(crate) fn alloc(&self, depot: &Depot) -> Skb {
        let mut skbs = self.skbs.borrow_mut();
        match skbs.pop() {
            Some(skb) => skb,
            None => refill(&mut skbs, &depot.skbs).unwrap_or_else(|| depot.shares.fresh()),
        }
    }

    #[inline]
    pub(crate) fn free(&self, mut skb: Skb, depot: &Depot) {
        let s = &mut *skb;
        if !s.frags.is_empty() {
            self.free_frags(&mut s.frags, depot);
        }
        s.reset();
        depot.shares.count(s.place);
        let mut skbs = self.skbs.borrow_mut();
        skbs.push(skb);
        if skbs.len() > SKBS_MAX {
            spill(&mut skbs, &depot.skbs);
        }
    }

    fn free_frags(&self, frags: &mut Vec<Frag>, depot: &Depot) {
        for frag in frags.drain(..) {
            self.free_page(frag.buf, depot);
        }
    }

    /// An empty, unshared buffer for at least `want` bytes, or the largest there is.
    pub(crate) fn page(&self, depot: &Depot, want: usize) -> Page {
        let class = SIZES.iter().position(|&size| want <= size).unwrap_or(SIZES.len() - 1);
        let mut pages = self.pages[class].borrow_mut();
        let page = match pages.pop() {
            Some(page) => Some(page),
            None => refill(&mut pages, &depot.pages[class]),
        };
        page.unwrap_or_else(|| Arc::new(Vec::with_capacity(SIZES[class])))
    }

    /// Takes a buffer back, if this was the last handle on it.
    pub(crate) fn free_page(&self, mut page: Page, depot: &Depot) {
        let Some(bytes) = Arc::get_mut(&mut page) else { return };
        bytes.clear();
        let Some(class) = SIZES.iter().position(|&size| bytes.capacity() == size) else { return };
        let mut pages = self.pages[class].borrow_mut();
        pages.push(page);
        if pages.len() > PAGES_MAX[class] {
            spill(&mut pages, &depot.pages[class]);
        }
    }
}

#[cold]
fn refill<T>(pool: &mut Vec<T>, depot: &SpinLock<Vec<Vec<T>>>) -> Option<T> {
    let mut batch = depot.lock().pop()?;
    pool.append(&mut batch);
    pool.pop()
}

#[cold]
fn spill<T>(pool: &mut Vec<T>, depot: &SpinLock<Vec<Vec<T>>>) {
    let batch = pool.split_off(pool.len() / 2);
    let mut depot = depot.lock();
    if depot.len() < DEPOT_MAX {
        depot.push(batch);
    }
}
