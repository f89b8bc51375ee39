//! What AF_UNIX keeps with a namespace, and how it joins one.

use crate::family::UnixFamily;
use crate::gc::{Doomed, Graph};
use crate::names::{MemoryNames, NameStore};
use crate::sock::Unix;
use crate::table::Table;
use kern::context::Process;
use kern::slab::{Cache, CacheStats};
use kern::sync::SpinLock;
use net::netns::{Pernet, Slot};
use net::sysctl::{IntRow, register_ints};
use net::{Net, Sock, UserCx};
use std::slice::from_ref;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use uapi::Result;
use uapi::socket::SOCK_STREAM;

/// AF_UNIX's part of a namespace.
pub struct UnixNet {
    /// Where files are.
    pub names: Arc<dyn NameStore>,
    /// Who is bound to what.
    pub(crate) table: Table,
    pub(crate) slab: Cache<Arc<Sock<Unix>>>,
    /// Descriptors in flight.
    pub(crate) graph: SpinLock<Graph>,
    /// How many of them are sockets of this family (`unix_tot_inflight`).
    pub(crate) inflight: AtomicUsize,
    /// Files that a queue held last.
    pub(crate) doomed: SpinLock<Doomed>,
    /// Every sock there ever was and still is, for who lists them.
    pub(crate) all: SpinLock<Vec<Weak<Sock<Unix>>>>,
    /// How many datagrams wait in a queue (`net.unix.max_dgram_qlen`).
    pub(crate) max_dgram_qlen: AtomicI32,
}

impl Pernet for UnixNet {
    const SLOT: Slot = Slot::Unix;
}

static SYSCTLS: &[IntRow] =
    &[IntRow::new("net/unix/max_dgram_qlen", |net| from_ref(&UnixNet::of(net).max_dgram_qlen))];

/// Gives a namespace AF_UNIX, with names in memory (`af_unix_init`); `EEXIST` the second time.
pub fn init(net: &Arc<Net>) -> Result<()> {
    init_with(net, Arc::new(MemoryNames::default()))
}

/// The same with the embedder's files.
pub fn init_with(net: &Arc<Net>, names: Arc<dyn NameStore>) -> Result<()> {
    net.set_generic(UnixNet {
        names,
        table: Table::default(),
        slab: Cache::new("UNIX", 1024).with_object_size(size_of::<Sock<Unix>>()),
        graph: SpinLock::default(),
        inflight: AtomicUsize::new(0),
        doomed: SpinLock::default(),
        all: SpinLock::default(),
        max_dgram_qlen: AtomicI32::new(10),
    })?;
    register_ints(net, SYSCTLS)?;
    net.families.register(UnixFamily)
}

/// Lets go of sockets that only each other's queues hold, and would hold the namespace. For its last user.
pub fn exit(net: &Net, p: &Process<'_>) {
    if let Some(unix) = net.try_generic::<UnixNet>() {
        unix.collect(&UserCx::enter(net, p));
    }
}

impl UnixNet {
    /// AF_UNIX's part of `net`.
    #[inline]
    pub fn of(net: &Net) -> &UnixNet {
        net.generic()
    }

    /// How many socks are in use.
    pub fn slab_stats(&self) -> CacheStats {
        self.slab.stats()
    }

    /// How many sockets of this family wait in queues, each as often as it does.
    pub fn inflight(&self) -> usize {
        self.inflight.load(Relaxed)
    }

    /// Every sock in use.
    pub(crate) fn living(&self) -> Vec<Arc<Sock<Unix>>> {
        let all = self.all.lock();
        all.iter().filter_map(Weak::upgrade).filter(|sk| sk.shared.live.load(Relaxed)).collect()
    }

    /// How many socks are in use, streams and others.
    pub fn in_use(&self) -> (usize, usize) {
        let (streams, others): (Vec<_>, Vec<_>) =
            self.living().into_iter().partition(|sk| i32::from(sk.kind()) == SOCK_STREAM);
        (streams.len(), others.len())
    }

    /// Notes a sock that was never listed.
    #[cold]
    pub(crate) fn list(&self, sk: &Sock<Unix>) {
        let mut all = self.all.lock();
        if all.len() == all.capacity() {
            all.retain(|sk| sk.strong_count() > 0);
        }
        all.push(sk.downgrade());
    }
}
