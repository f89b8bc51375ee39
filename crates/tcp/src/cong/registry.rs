//! Which congestion controls a namespace knows, who may choose them, and which is the default
//! (`tcp_cong_list`).

use super::{CONG_NON_RESTRICTED, CongestionOps, bbr, cubic, reno};
use crate::TcpNet;
use net::Net;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use uapi::{Errno, Result};

/// How many there may be.
const MOST: usize = 16;
/// Bytes of a name, its NUL included (`TCP_CA_NAME_MAX`).
pub const NAME_MAX: usize = 16;
/// The place of the default among the built-in ones.
const CUBIC: usize = 1;

static BUILTIN: [&CongestionOps; 3] = [&reno::RENO, &cubic::CUBIC, &bbr::BBR];

struct Entry {
    ops: &'static CongestionOps,
    /// `TCP_CONG_NON_RESTRICTED`, as it is now.
    free: AtomicBool,
}

/// The list. It only grows: a sock may use any of them at any time.
pub struct Registry {
    entries: [OnceLock<Entry>; MOST],
    default: AtomicUsize,
}

impl Default for Registry {
    fn default() -> Self {
        let registry = Registry { entries: Default::default(), default: AtomicUsize::new(CUBIC) };
        for ops in BUILTIN {
            registry.register(ops).expect("the built-in ones fit and are complete");
        }
        registry
    }
}

impl Registry {
    /// Adds one (`tcp_register_congestion_control`).
    ///
    /// # Errors
    /// `EINVAL` for a table that never moves the window or whose name is none, `EEXIST` for a name
    /// that is taken, `ENOSPC` after sixteen.
    pub fn register(&self, ops: &'static CongestionOps) -> Result<()> {
        let named =
            (1..NAME_MAX).contains(&ops.name.len()) && !ops.name.contains(|c: char| c.is_whitespace());
        if !named || (ops.cong_avoid.is_none() && ops.cong_control.is_none()) {
            return Err(Errno::EINVAL);
        }
        for slot in &self.entries {
            let mut fresh = false;
            let entry = slot.get_or_init(|| {
                fresh = true;
                Entry { ops, free: AtomicBool::new(ops.flags & CONG_NON_RESTRICTED != 0) }
            });
            if fresh {
                return Ok(());
            }
            if entry.ops.name == ops.name {
                return Err(Errno::EEXIST);
            }
        }
        Err(Errno::ENOSPC)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map_while(OnceLock::get)
    }

    /// The one of this name, and whether only the administrator may choose it.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<(&'static CongestionOps, bool)> {
        let entry = self.entries().find(|entry| entry.ops.name.as_bytes() == name)?;
        Some((entry.ops, !entry.free.load(Relaxed)))
    }

    /// The default of new sockets.
    #[inline]
    #[must_use]
    pub fn default_ops(&self) -> &'static CongestionOps {
        self.entries[self.default.load(Relaxed) % MOST].get().map_or(&reno::RENO, |entry| entry.ops)
    }

    /// Makes one the default; anybody may choose it from then on. `ENOENT`
    /// (`tcp_set_default_congestion_control`).
    pub fn set_default(&self, name: &str) -> Result<()> {
        let at = self.entries().position(|entry| entry.ops.name == name).ok_or(Errno::ENOENT)?;
        self.default.store(at, Relaxed);
        if let Some(entry) = self.entries[at].get() {
            entry.free.store(true, Relaxed);
        }
        Ok(())
    }

    /// All names (`tcp_available_congestion_control`).
    #[must_use]
    pub fn available(&self) -> Vec<&'static str> {
        self.entries().map(|entry| entry.ops.name).collect()
    }

    /// Those that anybody may choose (`tcp_get_allowed_congestion_control`).
    #[must_use]
    pub fn allowed(&self) -> Vec<&'static str> {
        self.entries().filter(|entry| entry.free.load(Relaxed)).map(|entry| entry.ops.name).collect()
    }

    /// Lets anybody choose these and no other. `ENOENT` when one is unknown, and nothing changes then
    /// (`tcp_set_allowed_congestion_control`).
    pub fn set_allowed<'n>(&self, names: &(impl Iterator<Item = &'n str> + Clone)) -> Result<()> {
        if names.clone().any(|name| self.find(name.as_bytes()).is_none()) {
            return Err(Errno::ENOENT);
        }
        for entry in self.entries() {
            entry.free.store(names.clone().any(|name| name == entry.ops.name), Relaxed);
        }
        Ok(())
    }
}

/// Makes a congestion control known to a namespace; the sockets of it may choose it by name.
///
/// # Errors
/// As [`Registry::register`].
pub fn register(net: &Net, ops: &'static CongestionOps) -> Result<()> {
    net.generic::<TcpNet>().sysctl.cong.register(ops)
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: CongestionOps = CongestionOps::new("none");
    static MINE: CongestionOps =
        CongestionOps { cong_avoid: Some(|_, _, _, _| {}), ..CongestionOps::new("mine") };
    static LONG: CongestionOps = CongestionOps { name: "a-name-of-16-byt", ..MINE_LIKE };
    const MINE_LIKE: CongestionOps =
        CongestionOps { cong_avoid: Some(|_, _, _, _| {}), ..CongestionOps::new("") };

    #[test]
    fn what_is_complete_can_be_registered_once() {
        let registry = Registry::default();
        assert_eq!(registry.register(&NONE), Err(Errno::EINVAL));
        assert_eq!(registry.register(&LONG), Err(Errno::EINVAL));
        assert_eq!(registry.register(&MINE), Ok(()));
        assert_eq!(registry.register(&MINE), Err(Errno::EEXIST));
        assert_eq!(registry.available(), ["reno", "cubic", "bbr", "mine"]);
        assert_eq!(registry.default_ops().name, "cubic");
    }

    #[test]
    fn the_default_is_for_everybody() {
        let registry = Registry::default();
        assert_eq!(registry.allowed(), ["reno", "cubic"]);
        assert_eq!(registry.find(b"bbr").map(|(_, restricted)| restricted), Some(true));
        registry.set_default("bbr").unwrap();
        assert_eq!(registry.allowed(), ["reno", "cubic", "bbr"]);
        assert_eq!(registry.set_allowed(&["bbr", "nosuch"].into_iter()), Err(Errno::ENOENT));
        registry.set_allowed(&["bbr"].into_iter()).unwrap();
        assert_eq!(registry.allowed(), ["bbr"]);
        assert_eq!(registry.set_default("nosuch"), Err(Errno::ENOENT));
    }
}
