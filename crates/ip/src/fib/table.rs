//! A routing table: longest prefix first (`fib_table_lookup`, `fib6_node_lookup`).
//!
//! Prefixes of one length share a map; a lookup tries the lengths that occur, longest first. At most
//! 33 or 129 probes, a handful in practice, and lookups are cached above.

use super::{Route, Scope};
use crate::protocol::Family;
use net::dst::Flow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use uapi::{Errno, IFF_UP, InetAddr, Result};

/// How a route may meet those that are there (`NLM_F_*` of `RTM_NEWROUTE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Must be new (`NLM_F_CREATE | NLM_F_EXCL`).
    Exclusive,
    /// Goes before those of the same preference (`NLM_F_CREATE`).
    Prepend,
    /// Goes behind them (`NLM_F_CREATE | NLM_F_APPEND`).
    Append,
    /// Takes the first one's place, or is new (`NLM_F_CREATE | NLM_F_REPLACE`).
    Replace,
    /// Takes the first one's place (`NLM_F_REPLACE`).
    Change,
}

/// A table.
pub struct Table {
    family: Family,
    prefixes: BTreeMap<Reverse<u8>, BTreeMap<u128, Vec<Arc<Route>>>>,
}

/// The first `len` bits of an address, the others zero, at the top of the word.
pub(super) fn masked(addr: InetAddr, len: u8) -> u128 {
    let bits = match addr.as_v4() {
        Some(v4) => u128::from(v4.to_bits()) << 96,
        None => addr.as_v6().to_bits(),
    };
    match len {
        0 => 0,
        len => bits & u128::MAX << (128 - u32::from(len.min(128))),
    }
}

impl Table {
    /// An empty table.
    pub fn new(family: Family) -> Self {
        Table { family, prefixes: BTreeMap::new() }
    }

    /// The best route for a flow: the longest prefix, and among equals the one preferred, that
    /// agrees with the flow's device, type of service and scope.
    pub fn lookup(&self, flow: &Flow, scope: Scope) -> Option<&Arc<Route>> {
        for (Reverse(len), prefixes) in &self.prefixes {
            let Some(routes) = prefixes.get(&masked(flow.daddr, *len)) else { continue };
            let usable = |route: &&Arc<Route>| self.usable(route, flow, scope);
            if let Some(route) = routes.iter().find(usable) {
                return Some(route);
            }
        }
        None
    }

    fn usable(&self, route: &Route, flow: &Flow, scope: Scope) -> bool {
        if route.tos != 0 && route.tos != flow.tos & 0x1c {
            return false;
        }
        // Scopes are IPv4's; IPv6 has none.
        if self.family == Family::V4 && route.scope < scope {
            return false;
        }
        let Some(dev) = &route.dev else { return true };
        if dev.flags() & IFF_UP == 0 {
            return false;
        }
        flow.oif == 0 || flow.oif == dev.ifindex
    }

    /// Adds a route.
    pub fn insert(&mut self, route: Route, mode: Mode) -> Result<()> {
        let key = masked(route.dst, route.len);
        let found = self.prefixes.get(&Reverse(route.len)).and_then(|prefixes| prefixes.get(&key));
        if found.is_none() && mode == Mode::Change {
            return Err(Errno::ENOENT);
        }
        let prefixes = self.prefixes.entry(Reverse(route.len)).or_default();
        let routes = prefixes.entry(key).or_default();
        let rank = |r: &Route| (Reverse(r.tos), r.priority);
        let first = routes.partition_point(|known| rank(known) < rank(&route));
        let behind = routes.partition_point(|known| rank(known) <= rank(&route));
        let twin = routes[first..behind].iter().any(|known| same(known, &route));
        match mode {
            Mode::Exclusive if first < behind => return Err(Errno::EEXIST),
            Mode::Replace | Mode::Change if first < behind => routes[first] = Arc::new(route),
            Mode::Change => return Err(Errno::ENOENT),
            Mode::Prepend | Mode::Append if twin => return Err(Errno::EEXIST),
            Mode::Append => routes.insert(behind, Arc::new(route)),
            _ => routes.insert(first, Arc::new(route)),
        }
        Ok(())
    }

    /// Removes the first route that agrees with the pattern.
    pub fn remove(&mut self, matches: impl Fn(&Route) -> bool) -> Option<Arc<Route>> {
        for prefixes in self.prefixes.values_mut() {
            for routes in prefixes.values_mut() {
                if let Some(at) = routes.iter().position(|route| matches(route)) {
                    let removed = routes.remove(at);
                    self.prune();
                    return Some(removed);
                }
            }
        }
        None
    }

    fn prune(&mut self) {
        self.prefixes.retain(|_, prefixes| {
            prefixes.retain(|_, routes| !routes.is_empty());
            !prefixes.is_empty()
        });
    }

    /// All routes by prefix: the shorter before the longer inside it.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        let mut all: Vec<_> = self
            .prefixes
            .iter()
            .flat_map(|(Reverse(len), prefixes)| {
                prefixes.iter().map(move |(key, routes)| ((*key, *len), routes))
            })
            .collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().flat_map(|(_, routes)| routes)
    }
}

/// True for a route that says the same as another.
fn same(a: &Route, b: &Route) -> bool {
    a.kind == b.kind
        && a.scope == b.scope
        && a.gateway == b.gateway
        && a.ifindex() == b.ifindex()
        && a.prefsrc == b.prefsrc
}
