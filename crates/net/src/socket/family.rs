//! `net_families`: which families there are, and who makes their sockets.

use super::Socket;
use crate::cx::UserCx;
use crate::netns::Net;
use kern::sync::{SetOnce, SpinLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire};
use uapi::{Errno, Result};

/// Families are numbered below this (`NPROTO`).
pub const NPROTO: usize = uapi::socket::AF_MAX as usize;

/// A family (`struct net_proto_family`).
pub trait NetProtoFamily: Send + Sync {
    /// Its number, `AF_*`.
    fn family(&self) -> u16;
    /// Its name, for who traces: `AF_INET`.
    fn name(&self) -> &str;
    /// Gives `sock` its operations and its sock (`create`). `kern` for a socket of the stack itself.
    fn create(&self, cx: &UserCx<'_>, sock: &Socket, protocol: i32, kern: bool) -> Result<()>;
}

/// Asked for a family that nobody registered (`request_module("net-pf-%d")`).
pub type RequestFamily = Arc<dyn Fn(&Net, u16) + Send + Sync>;

/// A family that was registered for a number, and the one after it when it has gone.
struct Entry {
    family: Box<dyn NetProtoFamily>,
    gone: AtomicBool,
    next: Slot,
}

type Slot = SetOnce<Box<Entry>>;

/// The family table of a namespace. It is read without a lock, so a family that was unregistered is passed by, and its
/// memory goes with the namespace; one that holds its namespace must do so weakly.
///
/// ```
/// use sockeye_net::UserCx;
/// use sockeye_net::socket::{Socket, family::{Families, NetProtoFamily}};
/// use uapi::{Errno, Result};
///
/// struct Ash;
/// impl NetProtoFamily for Ash {
///     fn family(&self) -> u16 {
///         18
///     }
///     fn name(&self) -> &str {
///         "AF_ASH"
///     }
///     fn create(&self, _: &UserCx<'_>, _: &Socket, _protocol: i32, _kern: bool) -> Result<()> {
///         Err(Errno::EPROTONOSUPPORT)
///     }
/// }
///
/// let families = Families::default();
/// families.register(Ash)?;
/// assert_eq!(families.register(Ash), Err(Errno::EEXIST));
/// families.unregister(18)?;
/// assert_eq!(families.unregister(18), Err(Errno::ENOENT));
/// families.register(Ash)?;
/// # Ok::<(), Errno>(())
/// ```
pub struct Families {
    table: [Slot; NPROTO],
    request: SpinLock<Option<RequestFamily>>,
}

impl Default for Families {
    fn default() -> Self {
        Families { table: std::array::from_fn(|_| SetOnce::new()), request: SpinLock::default() }
    }
}

impl Families {
    /// Adds a family (`sock_register`); `ENOBUFS` for a number out of range, `EEXIST` when taken.
    pub fn register(&self, family: impl NetProtoFamily + 'static) -> Result<()> {
        let mut slot = self.table.get(usize::from(family.family())).ok_or(Errno::ENOBUFS)?;
        let mut entry =
            Box::new(Entry { family: Box::new(family), gone: AtomicBool::new(false), next: SetOnce::new() });
        loop {
            match slot.set(entry) {
                Ok(()) => return Ok(()),
                Err(back) => entry = back,
            }
            match slot.get() {
                Some(there) if !there.gone.load(Acquire) => return Err(Errno::EEXIST),
                Some(gone) => slot = &gone.next,
                None => {}
            }
        }
    }

    /// Takes a family away (`sock_unregister`): no more sockets are made, those there are live on. `ENOENT` when there
    /// is none.
    pub fn unregister(&self, family: u16) -> Result<()> {
        let entry = self.get(family).ok_or(Errno::ENOENT)?;
        if entry.gone.swap(true, AcqRel) { Err(Errno::ENOENT) } else { Ok(()) }
    }

    /// Sets who is asked for missing families.
    pub fn on_request(&self, request: Option<RequestFamily>) {
        *self.request.lock() = request;
    }

    /// The family, asked for if it is missing; `EAFNOSUPPORT`.
    #[inline]
    pub(crate) fn find(&self, net: &Net, family: u16) -> Result<&dyn NetProtoFamily> {
        match self.get(family) {
            Some(found) => Ok(&*found.family),
            None => self.request(net, family),
        }
    }

    #[cold]
    fn request(&self, net: &Net, family: u16) -> Result<&dyn NetProtoFamily> {
        let request = self.request.lock().clone();
        if let Some(request) = request {
            request(net, family);
        }
        Ok(&*self.get(family).ok_or(Errno::EAFNOSUPPORT)?.family)
    }

    #[inline]
    fn get(&self, family: u16) -> Option<&Entry> {
        let mut slot = self.table.get(usize::from(family))?;
        loop {
            let entry = slot.get()?;
            if !entry.gone.load(Acquire) {
                return Some(entry);
            }
            slot = &entry.next;
        }
    }

    pub(crate) fn clear(&self) {
        self.on_request(None);
    }
}
