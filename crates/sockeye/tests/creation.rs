//! `socket()` in two steps: what the first made is gone again when the second fails.

use net::Proto;
use sockeye::{Net, Task};
use uapi::Errno;
use uapi::fcntl::{F_GETFD, F_GETFL, FD_CLOEXEC, O_NONBLOCK};
use uapi::socket::{AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM};
use vfs::fcntl::Arg;

/// Socks of each protocol that are not in their slab.
fn active(net: &Net) -> [u64; 2] {
    let stack = net.stack();
    [tcp::Tcp::slab(stack).stats().active, udp::Udp::slab(stack).stats().active]
}

const KINDS: [(i32, i32); 4] =
    [(AF_INET, SOCK_STREAM), (AF_INET, SOCK_DGRAM), (AF_INET6, SOCK_STREAM), (AF_INET6, SOCK_DGRAM)];

// chapter: A11
#[test]
fn a_full_table_leaves_nothing_behind() {
    let net = Net::new();
    let task = Task::new(&net);
    task.files().set_rlimit(3);
    for fd in 0..3 {
        assert_eq!(task.socket(AF_INET, SOCK_STREAM, 0), Ok(fd));
    }
    let before = (active(&net), net.vfs().files_in_use());
    for (family, kind) in KINDS {
        assert_eq!(task.socket(family, kind, 0), Err(Errno::EMFILE));
    }
    assert_eq!((active(&net), net.vfs().files_in_use()), before);
    // The lowest free descriptor, again and again.
    for _ in 0..3 {
        assert_eq!(task.close(1), Ok(()));
        assert_eq!(task.socket(AF_INET, SOCK_DGRAM, 0), Ok(1));
    }
}

// chapter: A11
#[test]
fn a_machine_full_of_files_leaves_nothing_behind() {
    let net = Net::new();
    let task = Task::with_cred(&net, kern::cred::Cred::nobody());
    let first = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    net.vfs().set_max_files(net.vfs().files_in_use());
    let before = (active(&net), net.vfs().files_in_use());
    for (family, kind) in KINDS {
        assert_eq!(task.socket(family, kind, 0), Err(Errno::ENFILE));
    }
    assert_eq!((active(&net), net.vfs().files_in_use()), before);
    task.close(first).unwrap();
    assert_eq!(active(&net), [0, 0]);
}

// chapter: A11
#[test]
fn flags_are_honoured_when_the_descriptor_is_made() {
    let task = Task::new(&Net::new());
    for (flags, nonblock, cloexec) in [
        (0, false, false),
        (SOCK_NONBLOCK, true, false),
        (SOCK_CLOEXEC, false, true),
        (SOCK_NONBLOCK | SOCK_CLOEXEC, true, true),
    ] {
        let fd = task.socket(AF_INET, SOCK_STREAM | flags, 0).unwrap();
        let status = task.fcntl(fd, F_GETFL, Arg::Int(0)).unwrap();
        assert_eq!(status as u64 & u64::from(O_NONBLOCK) != 0, nonblock);
        let descriptor = task.fcntl(fd, F_GETFD, Arg::Int(0)).unwrap();
        assert_eq!(descriptor & i64::from(FD_CLOEXEC) != 0, cloexec);
    }
    assert_eq!(task.socket(AF_INET, SOCK_STREAM | 0x10, 0), Err(Errno::EINVAL));
}
