//! `net_families`: which families there are, and who makes their sockets.

use super::Socket;
use crate::cx::UserCx;
use crate::netns::Net;
use kern::sync::SpinLock;
use std::sync::Arc;
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

/// The family table of a namespace.
pub struct Families {
    table: SpinLock<[Option<Arc<dyn NetProtoFamily>>; NPROTO]>,
    request: SpinLock<Option<RequestFamily>>,
}

impl Default for Families {
    fn default() -> Self {
        Families { table: SpinLock::new([const { None }; NPROTO]), request: SpinLock::default() }
    }
}

impl Families {
    /// Adds a family (`sock_register`); `ENOBUFS` for a number out of range, `EEXIST` when taken.
    pub fn register(&self, family: Arc<dyn NetProtoFamily>) -> Result<()> {
        let mut table = self.table.lock();
        let slot = table.get_mut(usize::from(family.family())).ok_or(Errno::ENOBUFS)?;
        if slot.is_some() {
            return Err(Errno::EEXIST);
        }
        *slot = Some(family);
        Ok(())
    }

    /// Removes a family (`sock_unregister`); its sockets live on.
    pub fn unregister(&self, family: u16) {
        let removed = self.table.lock().get_mut(usize::from(family)).and_then(Option::take);
        drop(removed);
    }

    /// Sets who is asked for missing families.
    pub fn on_request(&self, request: Option<RequestFamily>) {
        *self.request.lock() = request;
    }

    /// The family, asked for if it is missing; `EAFNOSUPPORT`.
    pub(crate) fn find(&self, net: &Net, family: u16) -> Result<Arc<dyn NetProtoFamily>> {
        if let Some(found) = self.get(family) {
            return Ok(found);
        }
        let request = self.request.lock().clone();
        if let Some(request) = request {
            request(net, family);
        }
        self.get(family).ok_or(Errno::EAFNOSUPPORT)
    }

    #[inline]
    fn get(&self, family: u16) -> Option<Arc<dyn NetProtoFamily>> {
        self.table.lock().get(usize::from(family))?.clone()
    }

    pub(crate) fn clear(&self) {
        let table = std::mem::replace(&mut *self.table.lock(), [const { None }; NPROTO]);
        drop(table);
    }
}
