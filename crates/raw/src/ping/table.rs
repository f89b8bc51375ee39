//! Ping sockets by the identifier of their requests (`struct ping_table`).

use super::{Ping, is_v6};
use ip::sock::SockNames;
use kern::rng::Rng;
use kern::sync::SpinLock;
use net::Sock;
use net::sock::SockFlag;
use std::collections::BTreeMap;
use std::sync::Arc;
use uapi::InetAddr;

/// The ping sockets of a namespace, both families.
pub(super) struct PingTable {
    inner: SpinLock<Inner>,
}

struct Inner {
    by_ident: BTreeMap<u16, Vec<Arc<Sock<Ping>>>>,
    /// The identifier given out last (`ping_port_rover`).
    rover: u16,
}

impl PingTable {
    pub(super) fn new(rng: &Rng) -> Self {
        let inner = Inner { by_ident: BTreeMap::new(), rover: rng.u32() as u16 };
        PingTable { inner: SpinLock::new(inner) }
    }

    /// Takes an identifier, or the next free one for 0; `None` when it is taken
    /// (`ping_get_port`).
    pub(super) fn take(&self, ident: u16, sk: &Sock<Ping>) -> Option<u16> {
        let mut inner = self.inner.lock();
        let ident = match ident {
            0 => {
                let rover = inner.rover;
                let mut after = (1..=u16::MAX).map(|i| rover.wrapping_add(i));
                let free = after.find(|ident| *ident != 0 && !inner.by_ident.contains_key(ident))?;
                inner.rover = free;
                free
            }
            ident => {
                let same = inner.by_ident.get(&ident).into_iter().flatten();
                let mut others = same.filter(|other| !std::ptr::eq(&***other, sk));
                if others.any(|other| !(other.flag(SockFlag::Reuse) && sk.flag(SockFlag::Reuse))) {
                    return None;
                }
                ident
            }
        };
        inner.by_ident.entry(ident).or_default().push(sk.hold());
        Some(ident)
    }

    pub(super) fn remove(&self, ident: u16, sk: &Sock<Ping>) -> Option<Arc<Sock<Ping>>> {
        let mut inner = self.inner.lock();
        let list = inner.by_ident.get_mut(&ident)?;
        let at = list.iter().position(|other| std::ptr::eq(&**other, sk))?;
        let removed = list.remove(at);
        if list.is_empty() {
            inner.by_ident.remove(&ident);
        }
        Some(removed)
    }

    /// The socket of this identifier that takes packets for `local` by `dif` (`ping_lookup`).
    pub(super) fn lookup(&self, ident: u16, local: InetAddr, dif: u32) -> Option<Arc<Sock<Ping>>> {
        let inner = self.inner.lock();
        let fits = |sk: &&Arc<Sock<Ping>>| {
            let SockNames { rcv_saddr, .. } = sk.shared.inet.names();
            let bound = sk.bound_dev_if();
            is_v6(sk) == local.is_v6()
                && (rcv_saddr.is_unspecified() || rcv_saddr == local)
                && (bound == 0 || bound == dif)
        };
        inner.by_ident.get(&ident)?.iter().rev().find(fits).cloned()
    }

    pub(super) fn for_each(&self, each: impl FnMut(&Arc<Sock<Ping>>)) {
        let all: Vec<_> = self.inner.lock().by_ident.values().flatten().cloned().collect();
        all.iter().for_each(each);
    }
}
