//! Who calls (`struct cred`).

/// A set of capabilities, a bit for each `CAP_*` number (`kernel_cap_t`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CapSet(pub u64);

impl CapSet {
    /// No capability.
    pub const EMPTY: CapSet = CapSet(0);
    /// All that Linux 6.18 knows, up to `CAP_CHECKPOINT_RESTORE` (`CAP_FULL_SET`).
    pub const FULL: CapSet = CapSet((1 << 41) - 1);

    /// True if `cap`, a `CAP_*` number, is in the set (`cap_raised`).
    #[inline]
    pub const fn has(self, cap: u32) -> bool {
        cap < u64::BITS && self.0 & (1 << cap) != 0
    }

    /// The set with `cap` in it (`cap_raise`).
    #[must_use]
    pub const fn with(self, cap: u32) -> CapSet {
        CapSet(self.0 | (1 << cap))
    }

    /// The set without `cap` (`cap_lower`).
    #[must_use]
    pub const fn without(self, cap: u32) -> CapSet {
        CapSet(self.0 & !(1 << cap))
    }
}

/// The credentials of a task, and its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cred {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
    /// Supplementary groups (`group_info`).
    pub groups: Vec<u32>,
    /// Effective capabilities (`cap_effective`).
    pub caps: CapSet,
    /// Process number (`tgid`), as `SO_PEERCRED` tells it.
    pub pid: u32,
    /// Thread number.
    pub tid: u32,
}

impl Cred {
    /// User 0 with all capabilities, process 1.
    pub fn root() -> Cred {
        Cred { caps: CapSet::FULL, pid: 1, tid: 1, ..Cred::default() }
    }

    /// User and group 65534 without capabilities, process 1.
    pub fn nobody() -> Cred {
        const NOBODY: u32 = 65534;
        Cred { uid: NOBODY, euid: NOBODY, gid: NOBODY, egid: NOBODY, pid: 1, tid: 1, ..Cred::default() }
    }

    /// True if capability `cap` is effective (`ns_capable`).
    #[inline]
    pub fn has(&self, cap: u32) -> bool {
        self.caps.has(cap)
    }

    /// True if the task is in group `gid` (`in_egroup_p`).
    pub fn in_group(&self, gid: u32) -> bool {
        self.egid == gid || self.groups.contains(&gid)
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn capabilities() {
        const CAP_NET_RAW: u32 = 13;
        assert!(Cred::root().has(CAP_NET_RAW) && !Cred::nobody().has(CAP_NET_RAW));
        assert!(CapSet::EMPTY.with(CAP_NET_RAW).has(CAP_NET_RAW));
        assert!(!CapSet::FULL.without(CAP_NET_RAW).has(CAP_NET_RAW));
        assert!(!CapSet::FULL.has(41) && !CapSet::FULL.has(1000));
    }
}
