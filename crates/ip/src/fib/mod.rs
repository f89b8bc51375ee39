//! The forwarding information base: tables of routes, and rules that choose among tables
//! (`net/ipv4/fib_*.c`, `net/ipv6/ip6_fib.c`).
//!
//! A lookup takes a lock; it is made once for a flow and thread, and then found in the thread's
//! cache until the generation of the tables changes.

mod route;
mod rules;
mod table;

pub use route::{Route, RouteType, Scope};
pub use rules::{Action, Rule};
pub use table::{Mode, Table};

use crate::protocol::Family;
use kern::sync::SpinLock;
use net::Net;
use net::dst::Flow;
use std::collections::BTreeMap;
use std::sync::Arc;
use uapi::{Errno, Result};

/// The table of routes that nobody set (`RT_TABLE_DEFAULT`).
pub const RT_TABLE_DEFAULT: u32 = 253;
/// The table of ordinary routes (`RT_TABLE_MAIN`).
pub const RT_TABLE_MAIN: u32 = 254;
/// The table of this host's own addresses (`RT_TABLE_LOCAL`).
pub const RT_TABLE_LOCAL: u32 = 255;

/// Metric of IPv6 routes that say none (`IP6_RT_PRIO_USER`).
pub const IP6_RT_PRIO_USER: u32 = 1024;
/// Metric of IPv6 routes of addresses (`IP6_RT_PRIO_ADDRCONF`).
pub const IP6_RT_PRIO_ADDRCONF: u32 = 256;

/// Routes of the kernel itself (`RTPROT_KERNEL`).
pub const RTPROT_KERNEL: u8 = 2;
/// Routes set while booting (`RTPROT_BOOT`).
pub const RTPROT_BOOT: u8 = 3;
/// Routes set by the administrator (`RTPROT_STATIC`).
pub const RTPROT_STATIC: u8 = 4;

/// Tables and rules of both families.
pub struct Fib {
    v4: SpinLock<Tables>,
    v6: SpinLock<Tables>,
}

impl Default for Fib {
    fn default() -> Self {
        Fib { v4: SpinLock::new(Tables::new(Family::V4)), v6: SpinLock::new(Tables::new(Family::V6)) }
    }
}

/// Tables and rules of one family.
struct Tables {
    family: Family,
    tables: BTreeMap<u32, Table>,
    rules: Vec<Rule>,
}

/// What a lookup found (`struct fib_result`).
#[derive(Clone)]
pub struct Found {
    /// The route.
    pub route: Arc<Route>,
    /// The table it is in.
    pub table: u32,
}

impl Tables {
    fn new(family: Family) -> Self {
        Tables { family, tables: BTreeMap::new(), rules: Rule::defaults(family) }
    }

    fn lookup(&self, flow: &Flow, scope: Scope) -> Result<Found> {
        for rule in &self.rules {
            if !rule.matches(flow) {
                continue;
            }
            let table = match rule.action {
                Action::Table(table) => table,
                Action::Reject(kind) => return Err(kind.errno().unwrap_or(Errno::EINVAL)),
            };
            let Some(routes) = self.tables.get(&table) else { continue };
            let Some(route) = routes.lookup(flow, scope) else { continue };
            match route.kind {
                // This table has no answer; another may.
                RouteType::Throw => {}
                kind => match kind.errno() {
                    Some(errno) => return Err(errno),
                    None => return Ok(Found { route: route.clone(), table }),
                },
            }
        }
        Err(Errno::ENETUNREACH)
    }
}

impl Fib {
    fn family(&self, family: Family) -> &SpinLock<Tables> {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn of(&self, v4: bool) -> &SpinLock<Tables> {
        if v4 { &self.v4 } else { &self.v6 }
    }

    /// The route for a flow, by the rules (`fib_lookup`, `fib6_lookup`). `ENETUNREACH` when there is
    /// none; `EHOSTUNREACH`, `EACCES`, `EINVAL` for unreachable, prohibit and blackhole routes.
    pub fn lookup(&self, flow: &Flow) -> Result<Found> {
        self.of(flow.daddr.is_v4()).lock().lookup(flow, Scope::Universe)
    }

    /// As [`Fib::lookup`], for routes of at least this scope: for a gateway, or with
    /// `SO_DONTROUTE`, only what is on a link.
    pub fn lookup_scope(&self, flow: &Flow, scope: Scope) -> Result<Found> {
        self.of(flow.daddr.is_v4()).lock().lookup(flow, scope)
    }

    /// The route for a flow in one table only (`fib_table_lookup`).
    pub fn lookup_table(&self, table: u32, flow: &Flow) -> Option<Arc<Route>> {
        let tables = self.of(flow.daddr.is_v4()).lock();
        tables.tables.get(&table)?.lookup(flow, Scope::Universe).cloned()
    }

    /// Adds a route; its destination decides the family. Cached routes become stale. `EEXIST` when
    /// `mode` does not allow it to stand beside or replace what is there, `ENOENT` when it may only
    /// replace and there is nothing, `EINVAL` for a prefix with host bits or that is too long.
    pub fn add(&self, net: &Net, route: Route, mode: Mode) -> Result<()> {
        let bits = if route.dst.is_v4() { 32 } else { 128 };
        if route.len > bits || table::masked(route.dst, route.len) != table::masked(route.dst, bits) {
            return Err(Errno::EINVAL);
        }
        let mut tables = self.of(route.dst.is_v4()).lock();
        let family = tables.family;
        let table = tables.tables.entry(route.table).or_insert_with(|| Table::new(family));
        table.insert(route, mode)?;
        drop(tables);
        net.rt_genid_bump();
        Ok(())
    }

    /// Removes the first route of `table` that agrees with the pattern; `ESRCH` when none does.
    pub fn del(
        &self,
        net: &Net,
        family: Family,
        table: u32,
        matches: impl Fn(&Route) -> bool,
    ) -> Result<Arc<Route>> {
        let mut tables = self.family(family).lock();
        let removed = tables.tables.get_mut(&table).and_then(|table| table.remove(matches));
        drop(tables);
        let removed = removed.ok_or(Errno::ESRCH)?;
        net.rt_genid_bump();
        Ok(removed)
    }

    /// Removes all routes that agree with the pattern (`fib_flush`); gives how many there were.
    pub fn flush(&self, net: &Net, family: Family, matches: impl Fn(&Route) -> bool) -> usize {
        let mut tables = self.family(family).lock();
        let mut gone = 0;
        for table in tables.tables.values_mut() {
            while table.remove(&matches).is_some() {
                gone += 1;
            }
        }
        drop(tables);
        if gone > 0 {
            net.rt_genid_bump();
        }
        gone
    }

    /// All routes of a family, by table, then in the order `ip route show table all` prints them:
    /// by prefix.
    pub fn routes(&self, family: Family) -> Vec<Arc<Route>> {
        let tables = self.family(family).lock();
        tables.tables.values().flat_map(Table::iter).cloned().collect()
    }

    /// The rules in order of preference.
    pub fn rules(&self, family: Family) -> Vec<Rule> {
        self.family(family).lock().rules.clone()
    }

    /// Adds a rule behind those of the same preference (`fib_nl_newrule`); `EEXIST` for one that is
    /// there already.
    pub fn add_rule(&self, net: &Net, family: Family, rule: Rule) -> Result<()> {
        let mut tables = self.family(family).lock();
        if tables.rules.contains(&rule) {
            return Err(Errno::EEXIST);
        }
        let at = tables.rules.partition_point(|known| known.preference <= rule.preference);
        tables.rules.insert(at, rule);
        drop(tables);
        net.rt_genid_bump();
        Ok(())
    }

    /// Removes the first rule that agrees with the pattern (`fib_nl_delrule`); `ENOENT`.
    pub fn del_rule(&self, net: &Net, family: Family, matches: impl Fn(&Rule) -> bool) -> Result<()> {
        let mut tables = self.family(family).lock();
        let at = tables.rules.iter().position(matches).ok_or(Errno::ENOENT)?;
        tables.rules.remove(at);
        drop(tables);
        net.rt_genid_bump();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
