//! `net_families`: which families there are, and who makes their sockets.

use super::Socket;
use crate::cx::UserCx;
use crate::netns::Net;
use kern::sync::{SetOnce, SpinLock};
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

/// The family table of a namespace. Families stay as long as it does, so one that holds its namespace
/// must do so weakly.
pub struct Families {
    table: [SetOnce<Box<dyn NetProtoFamily>>; NPROTO],
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
        let slot = self.table.get(usize::from(family.family())).ok_or(Errno::ENOBUFS)?;
        slot.set(Box::new(family)).map_err(|_| Errno::EEXIST)
    }

    /// Sets who is asked for missing families.
    pub fn on_request(&self, request: Option<RequestFamily>) {
        *self.request.lock() = request;
    }

    /// The family, asked for if it is missing; `EAFNOSUPPORT`.
    #[inline]
    pub(crate) fn find(&self, net: &Net, family: u16) -> Result<&dyn NetProtoFamily> {
        match self.get(family) {
            Some(found) => Ok(found),
            None => self.request(net, family),
        }
    }

    #[cold]
    fn request(&self, net: &Net, family: u16) -> Result<&dyn NetProtoFamily> {
        let request = self.request.lock().clone();
        if let Some(request) = request {
            request(net, family);
        }
        self.get(family).ok_or(Errno::EAFNOSUPPORT)
    }

    #[inline]
    fn get(&self, family: u16) -> Option<&dyn NetProtoFamily> {
        self.table.get(usize::from(family))?.get().map(|family| &**family)
    }

    pub(crate) fn clear(&self) {
        self.on_request(None);
    }
}
