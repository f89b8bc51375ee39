//! `linux/capability.h`.

use crate::table::abi;

abi! {
    /// Capabilities (`capabilities(7)`), by bit number.
    CAPABILITIES: u32 {
        CAP_CHOWN = 0, "Change owners.";
        CAP_DAC_OVERRIDE = 1, "Ignore permissions.";
        CAP_DAC_READ_SEARCH = 2, "Ignore read permissions.";
        CAP_FOWNER = 3, "Act as a file's owner.";
        CAP_FSETID = 4, "Keep set-id bits.";
        CAP_KILL = 5, "Signal anybody.";
        CAP_SETGID = 6, "Change groups; forge them in credentials.";
        CAP_SETUID = 7, "Change users; forge them in credentials.";
        CAP_SETPCAP = 8, "Change capabilities.";
        CAP_LINUX_IMMUTABLE = 9, "Immutable files.";
        CAP_NET_BIND_SERVICE = 10, "Bind ports below 1024.";
        CAP_NET_BROADCAST = 11, "Broadcast; netlink groups.";
        CAP_NET_ADMIN = 12, "Administer the network.";
        CAP_NET_RAW = 13, "Raw and packet sockets.";
        CAP_IPC_LOCK = 14, "Lock memory.";
        CAP_IPC_OWNER = 15, "Ignore IPC permissions.";
        CAP_SYS_MODULE = 16, "Load modules.";
        CAP_SYS_RAWIO = 17, "Raw input and output.";
        CAP_SYS_CHROOT = 18, "Change root.";
        CAP_SYS_PTRACE = 19, "Trace.";
        CAP_SYS_PACCT = 20, "Accounting.";
        CAP_SYS_ADMIN = 21, "Administer the system; forge process ids in credentials.";
        CAP_SYS_BOOT = 22, "Reboot.";
        CAP_SYS_NICE = 23, "Priorities.";
        CAP_SYS_RESOURCE = 24, "Exceed limits.";
        CAP_SYS_TIME = 25, "Set the clock.";
        CAP_SYS_TTY_CONFIG = 26, "Configure terminals.";
        CAP_MKNOD = 27, "Make device nodes.";
        CAP_LEASE = 28, "Leases.";
        CAP_AUDIT_WRITE = 29, "Write the audit log.";
        CAP_AUDIT_CONTROL = 30, "Control auditing.";
        CAP_SETFCAP = 31, "Set file capabilities.";
        CAP_MAC_OVERRIDE = 32, "Override mandatory access control.";
        CAP_MAC_ADMIN = 33, "Administer it.";
        CAP_SYSLOG = 34, "Kernel log.";
        CAP_WAKE_ALARM = 35, "Wake the system.";
        CAP_BLOCK_SUSPEND = 36, "Block suspend.";
        CAP_AUDIT_READ = 37, "Read the audit log.";
        CAP_PERFMON = 38, "Performance monitoring.";
        CAP_BPF = 39, "BPF.";
        CAP_CHECKPOINT_RESTORE = 40, "Checkpoint and restore.";
    }
}

/// The last capability (`CAP_LAST_CAP`).
pub const CAP_LAST_CAP: u32 = CAP_CHECKPOINT_RESTORE;
