//! Listeners by port and address (`lhash2`), and groups of them that share one (`SO_REUSEPORT`).

use crate::Tcp;
use crate::sock::Sk;
use kern::sync::SpinLock;
use net::sock::SockCommon;
use net::{Cx, Skb, Sock};
use std::collections::HashMap;
use std::sync::Arc;
use uapi::InetAddr;

/// Listeners of a namespace.
#[derive(Default)]
pub struct Listening {
    ports: SpinLock<HashMap<u16, Vec<Listener>>>,
}

/// A listener, with what it is found by.
#[derive(Clone)]
pub struct Listener {
    addr: InetAddr,
    bound_dev: u32,
    v6only: bool,
    reuseport: bool,
    uid: u32,
    /// Its place in its group: those who join come last, and when one leaves the last takes its place.
    place: usize,
    /// The sock.
    pub sk: Arc<Sock<Tcp>>,
}

impl Listener {
    /// How well it fits a connection to `addr` that came in by `dif`; 0 not at all
    /// (`compute_score`).
    fn score(&self, addr: InetAddr, dif: u32) -> u32 {
        let family = 1 + u32::from(self.addr.is_v4());
        if self.addr.is_unspecified() {
            // `0.0.0.0` takes IPv4, `::` takes both unless it was told not to.
            if self.addr.is_v4() != addr.is_v4() && (self.addr.is_v4() || self.v6only) {
                return 0;
            }
        } else if self.addr != addr {
            return 0;
        }
        match self.bound_dev {
            0 => family + 4 * u32::from(!self.addr.is_unspecified()),
            dev if dev == dif => family + 2 + 4 * u32::from(!self.addr.is_unspecified()),
            _ => 0,
        }
    }

    fn same_group(&self, other: &Listener) -> bool {
        self.reuseport
            && other.reuseport
            && self.addr == other.addr
            && self.bound_dev == other.bound_dev
            && self.uid == other.uid
            && self.v6only == other.v6only
    }
}

impl Listening {
    /// Adds a locked sock that has an address and a port (`__inet_hash`).
    pub fn insert(&self, sk: &Sk<'_>, v6only: bool) {
        let listener = Listener {
            addr: sk.inet.rcv_saddr,
            bound_dev: sk.sk.bound_dev_if(),
            v6only,
            reuseport: sk.sk.flag(net::sock::SockFlag::Reuseport),
            uid: sk.sk.uid(),
            place: 0,
            sk: sk.sk.hold(),
        };
        sk.sk.shared.set_hashed_listening(true);
        let mut ports = self.ports.lock();
        let listeners = ports.entry(sk.inet.num).or_default();
        let mut listener = listener;
        if listener.reuseport {
            let mut group = listeners.iter().filter(|other| other.same_group(&listener));
            let first = group.next();
            sk.sk.join_reuseport(first.map(|first| -> &SockCommon { &first.sk }));
            listener.place = usize::from(first.is_some()) + group.count();
        }
        listeners.push(listener);
    }

    /// Removes a locked sock.
    pub fn remove(&self, sk: &Sk<'_>) {
        sk.sk.shared.set_hashed_listening(false);
        let mut ports = self.ports.lock();
        let Some(listeners) = ports.get_mut(&sk.inet.num) else { return };
        let at = listeners.iter().position(|l| std::ptr::eq(&raw const *l.sk, sk.sk));
        let removed = at.map(|at| listeners.remove(at));
        if let Some(removed) = removed.as_ref().filter(|removed| removed.reuseport) {
            sk.sk.leave_reuseport();
            let last = listeners.iter_mut().filter(|l| l.same_group(removed)).max_by_key(|l| l.place);
            if let Some(last) = last.filter(|last| last.place > removed.place) {
                last.place = removed.place;
            }
        }
        if listeners.is_empty() {
            ports.remove(&sk.inet.num);
        }
        drop(ports);
        drop(removed);
    }

    /// The listener for a connection to `addr`, `port` that came in by `dif`; of a group of equals,
    /// `hash` chooses (`__inet_lookup_listener`).
    /// Or a program does that looks at `packet`, whose header is so long.
    pub fn lookup(
        &self,
        cx: &Cx<'_>,
        (addr, port): (InetAddr, u16),
        dif: u32,
        hash: u32,
        packet: (&Skb, usize),
    ) -> Option<Arc<Sock<Tcp>>> {
        let ports = self.ports.lock();
        let listeners = ports.get(&port)?;
        let (mut best, mut best_score) = (None, 0);
        for listener in listeners {
            let score = listener.score(addr, dif);
            if score > best_score {
                (best, best_score) = (Some(listener), score);
            }
        }
        let best = best?;
        if !best.reuseport {
            return Some(best.sk.clone());
        }
        let group = || listeners.iter().filter(|l| l.same_group(best));
        let n = group().count();
        let member = |place: usize| group().find(|l| l.place == place);
        let special = best.sk.reuseport().filter(|group| group.is_special());
        let chosen = match special {
            Some(special) => special
                .select(cx, Some(packet), (hash, n), |place| member(place).map(|l| l.sk.incoming_cpu())),
            // reciprocal_scale: the hash's share of the group.
            None => Some(((u64::from(hash) * n.max(1) as u64) >> 32) as usize),
        };
        chosen.and_then(member).or(Some(best)).map(|l| l.sk.clone())
    }

    /// Another member of the group `sk` is in, for requests of a listener that closes
    /// (`reuseport_migrate_sock`).
    pub fn has_other(&self, port: u16, sk: &Sock<Tcp>) -> bool {
        let ports = self.ports.lock();
        ports.get(&port).is_some_and(|all| all.iter().any(|l| !std::ptr::eq(&raw const *l.sk, sk)))
    }

    /// All listeners, for who lists them.
    pub fn all(&self) -> Vec<Arc<Sock<Tcp>>> {
        self.ports.lock().values().flatten().map(|l| l.sk.clone()).collect()
    }

    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.ports.lock());
        drop(all);
    }
}
