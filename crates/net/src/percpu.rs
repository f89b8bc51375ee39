//! What Linux keeps per CPU and Sockeye keeps per thread: buffers, routes and sockets at hand. Counters
//! are kept by the namespaces, in blocks found by [`PerCpu::id`].

use crate::dst::DstCache;
use crate::skb::Pool;
use kern::context::{Cpu, CpuId};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use vfs::File;

/// A thread's share of the stack's memory; lives in the [`Cpu`] the thread brings.
pub struct PerCpu {
    /// Which shard of caches and counters is this thread's.
    pub id: CpuId,
    /// Buffers at hand.
    pub pool: Pool,
    /// Routes used lately.
    pub routes: DstCache,
    /// Closed files with their sockets, for the next ones.
    pub(crate) sockets: RefCell<Vec<Arc<File>>>,
    /// Inode numbers at hand, and of which namespace they are.
    pub(crate) inos: Cell<(u64, u64, u64)>,
}

impl PerCpu {
    /// The part of `cpu` that belongs to this crate, made on first use.
    #[inline]
    pub fn of(cpu: &Cpu) -> &PerCpu {
        cpu.ext_or_init(|| PerCpu {
            id: cpu.id,
            pool: Pool::default(),
            routes: DstCache::default(),
            sockets: RefCell::default(),
            inos: Cell::default(),
        })
    }
}
