//! What of a TCP sock is read without its lock.

use crate::hash::bind::NO_SLOT;
use crate::mini::listen::ListenQueue;
use ip::InetShared;
use kern::sync::SpinLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The part of a TCP sock outside of the lock.
pub struct TcpShared {
    /// Addresses as others see them, flags of IP.
    pub inet: InetShared,
    /// The queues of a listener; `None` for all others.
    listen: SpinLock<Option<Box<ListenQueue>>>,
    has_queues: AtomicBool,
    bind_slot: AtomicU32,
    hashed_listening: AtomicBool,
}

impl Default for TcpShared {
    fn default() -> Self {
        TcpShared {
            inet: InetShared::default(),
            listen: SpinLock::default(),
            has_queues: AtomicBool::new(false),
            bind_slot: AtomicU32::new(NO_SLOT),
            hashed_listening: AtomicBool::new(false),
        }
    }
}

impl TcpShared {
    /// Works on the queues of a listener; `None` when it is none.
    #[inline]
    pub fn with_listen<R>(&self, f: impl FnOnce(&mut ListenQueue) -> R) -> Option<R> {
        self.listen.lock().as_deref_mut().map(f)
    }

    /// Makes the sock a listener, or no more one; returns the queues there were.
    pub fn set_listen(&self, queue: Option<ListenQueue>) -> Option<Box<ListenQueue>> {
        self.has_queues.store(queue.is_some(), Relaxed);
        std::mem::replace(&mut *self.listen.lock(), queue.map(Box::new))
    }

    /// Its place among the users of its local port.
    #[inline]
    pub fn bind_slot(&self) -> u32 {
        self.bind_slot.load(Relaxed)
    }

    pub(crate) fn set_bind_slot(&self, slot: u32) {
        self.bind_slot.store(slot, Relaxed);
    }

    /// It is in the table of listeners.
    pub fn is_hashed_listening(&self) -> bool {
        self.hashed_listening.load(Relaxed)
    }

    pub(crate) fn set_hashed_listening(&self, on: bool) {
        self.hashed_listening.store(on, Relaxed);
    }

    /// As in a fresh sock.
    pub(crate) fn reset(&self) {
        self.inet.clear();
        if self.has_queues.load(Relaxed) {
            drop(self.set_listen(None));
        }
        self.set_bind_slot(NO_SLOT);
        self.set_hashed_listening(false);
    }
}
