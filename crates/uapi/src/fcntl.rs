//! `fcntl(2)` and `open(2)` flags, and file modes.

use crate::table::abi;

abi! {
    /// Flags of an open file.
    O_FLAGS: u32 {
        O_WRONLY = 1, "Write only.";
        O_RDWR = 2, "Read and write.";
        O_CREAT = 0o100, "Create.";
        O_EXCL = 0o200, "Create only if absent.";
        O_NOCTTY = 0o400, "Not the controlling terminal.";
        O_TRUNC = 0o1000, "Truncate.";
        O_APPEND = 0o2000, "Append.";
        O_NONBLOCK = 0o4000, "Do not block.";
        O_SYNC = 0o4010000, "Write through.";
        O_DSYNC = 0o10000, "Write data through.";
        O_ASYNC = 0o20000, "Signal-driven (`FASYNC`).";
        O_DIRECT = 0o40000, "No cache; packet mode for pipes.";
        O_LARGEFILE = 0o100000, "Offsets of 64 bits; set on every file of a 64-bit program.";
        O_DIRECTORY = 0o200000, "A directory.";
        O_NOFOLLOW = 0o400000, "No symbolic link at the end.";
        O_NOATIME = 0o1000000, "Leave the access time.";
        O_CLOEXEC = 0o2000000, "Close at `execve(2)`.";
        O_PATH = 0o10000000, "A place, not a file.";
        __O_TMPFILE = 0o20000000, "A file without a name (with `O_DIRECTORY`).";
    }
}

/// Read only.
pub const O_RDONLY: u32 = 0;
/// The bits of the access mode.
pub const O_ACCMODE: u32 = 3;
/// The kernel's name for [`O_ASYNC`].
pub const FASYNC: u32 = O_ASYNC;
/// Another name of [`O_NONBLOCK`].
pub const O_NDELAY: u32 = O_NONBLOCK;
/// What `F_SETFL` may change (`SETFL_MASK`).
pub const SETFL_MASK: u32 = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC;

abi! {
    /// Commands of `fcntl(2)`.
    F_COMMANDS: i32 {
        F_DUPFD = 0, "Duplicate from a lowest number.";
        F_GETFD = 1, "Descriptor flags.";
        F_SETFD = 2, "Set descriptor flags.";
        F_GETFL = 3, "File flags.";
        F_SETFL = 4, "Set file flags.";
        F_GETLK = 5, "Test a record lock.";
        F_SETLK = 6, "Set a record lock.";
        F_SETLKW = 7, "Set a record lock, wait.";
        F_SETOWN = 8, "Owner of SIGIO.";
        F_GETOWN = 9, "Get the owner of SIGIO.";
        F_SETSIG = 10, "Signal instead of SIGIO.";
        F_GETSIG = 11, "Get that signal.";
        F_SETOWN_EX = 15, "Owner of SIGIO, thread, process or group.";
        F_GETOWN_EX = 16, "Get it.";
        F_GETOWNER_UIDS = 17, "User ids of the owner.";
        F_OFD_GETLK = 36, "Test an open-file lock.";
        F_OFD_SETLK = 37, "Set an open-file lock.";
        F_OFD_SETLKW = 38, "Set an open-file lock, wait.";
        F_SETLEASE = 1024, "Set a lease.";
        F_GETLEASE = 1025, "Get a lease.";
        F_NOTIFY = 1026, "Directory notification.";
        F_DUPFD_QUERY = 1027, "Whether two descriptors are one file.";
        F_CREATED_QUERY = 1028, "Whether the open created the file.";
        F_CANCELLK = 1029, "Cancel a lock (internal).";
        F_DUPFD_CLOEXEC = 1030, "Duplicate, close at `execve(2)`.";
        F_SETPIPE_SZ = 1031, "Set a pipe's size.";
        F_GETPIPE_SZ = 1032, "Get a pipe's size.";
        F_ADD_SEALS = 1033, "Add seals.";
        F_GET_SEALS = 1034, "Get seals.";
    }
}

/// Descriptor flag: close at `execve(2)`.
pub const FD_CLOEXEC: i32 = 1;
/// `F_SETOWN_EX`: the owner is a thread.
pub const F_OWNER_TID: i32 = 0;
/// `F_SETOWN_EX`: the owner is a process.
pub const F_OWNER_PID: i32 = 1;
/// `F_SETOWN_EX`: the owner is a process group.
pub const F_OWNER_PGRP: i32 = 2;

abi! {
    /// File types of `st_mode` (`inode(7)`).
    S_TYPES: u32 {
        S_IFSOCK = 0o140000, "A socket.";
        S_IFLNK = 0o120000, "A symbolic link.";
        S_IFREG = 0o100000, "A regular file.";
        S_IFBLK = 0o060000, "A block device.";
        S_IFDIR = 0o040000, "A directory.";
        S_IFCHR = 0o020000, "A character device.";
        S_IFIFO = 0o010000, "A pipe.";
    }
}

/// The bits of `st_mode` that hold the type.
pub const S_IFMT: u32 = 0o170000;
/// Everybody may do everything (`S_IRWXUGO`): the mode of a socket's inode.
pub const S_IRWXUGO: u32 = 0o777;
/// The magic of sockfs (`SOCKFS_MAGIC`), seen by `fstatfs(2)`.
pub const SOCKFS_MAGIC: u32 = 0x534F_434B;
