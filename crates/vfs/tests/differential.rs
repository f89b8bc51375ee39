//! The same calls on the host's kernel and on ours: every answer must be the same.

mod common;

use common::host::Host;
use common::{World, ops};

/// Run a script of lines `call args`, `#` for remarks, on both sides.
fn compare(script: &str) {
    let Some(mut host) = Host::start() else { return };
    let calls: Vec<String> = script
        .lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    let theirs = host.run(&calls);
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    let mail = ops::furnish(&p, &files);
    let ours: Vec<String> = calls.iter().map(|c| ops::run(&p, &files, &mail, c)).collect();
    files.exit(&p);
    let differing: Vec<String> = calls
        .iter()
        .zip(theirs.iter().zip(&ours))
        .filter(|(_, (t, o))| t != o)
        .map(|(c, (t, o))| format!("{c}: Linux {t}, we {o}"))
        .collect();
    assert!(differing.is_empty() && theirs.len() == ours.len(), "{}", differing.join("\n"));
    assert_eq!(world.vfs.files_in_use(), 0);
}

#[test]
fn epoll_errors() {
    compare(
        "epoll_create1 0        # 3
         pipe2 2048             # 4 5
         epoll_ctl 3 1 3 1 0    # itself
         epoll_ctl 3 1 0 1 0    # cannot poll
         epoll_ctl 3 7 4 1 0    # no such operation
         epoll_ctl 99 1 4 1 0
         epoll_ctl 3 1 99 1 0
         epoll_ctl 4 1 5 1 0    # no epoll
         epoll_ctl 4 1 0 1 0
         epoll_ctl 3 9 3 1 0
         epoll_ctl 3 2 4 0 0    # not there
         epoll_ctl 3 3 4 1 0
         epoll_ctl 3 3 4 268435457 0     # EPOLLEXCLUSIVE may not be changed to,
         epoll_ctl 3 1 4 268443649 0     # nor go with EPOLLRDHUP,
         epoll_ctl 3 1 4 1342177281 0    # EPOLLONESHOT,
         epoll_ctl 3 1 4 268435459 0     # EPOLLPRI
         epoll_ctl 3 1 4 268435457 0
         epoll_ctl 3 3 4 1 0
         epoll_ctl 3 3 4 268435457 0
         epoll_ctl 3 1 4 1 0
         epoll_ctl 3 2 4 1342177281 0
         epoll_create1 0        # 6
         epoll_ctl 3 1 6 268435457 0
         epoll_ctl 3 1 6 1 0
         epoll_ctl 6 1 3 1 0    # circle
         epoll_ctl 3 1 4 134152193 0
         epoll_ctl 3 2 4 0 0
         epoll_wait 3 0 0
         epoll_wait 3 -1 0
         epoll_wait 3 2147483647 0
         epoll_wait 3 178956970 0
         epoll_wait 3 178956971 0
         epoll_wait 99 8 0
         epoll_wait 4 8 0
         epoll_wait 99 0 0
         epoll_create 0
         epoll_create -1
         epoll_create 7
         epoll_create1 1
         epoll_create1 524288
         fcntl 8 1
         fcntl 7 1",
    );
}

#[test]
fn epoll_chains_end_at_five() {
    for n in 2..9 {
        for down in [true, false] {
            let mut script = String::from("pipe2 0\n");
            for _ in 0..n {
                script += "epoll_create1 0\n";
            }
            let mut links: Vec<String> =
                (5..5 + n - 1).map(|i| format!("epoll_ctl {i} 1 {} 1 0\n", i + 1)).collect();
            links.push(format!("epoll_ctl {} 1 3 1 0\n", 5 + n - 1));
            if !down {
                links.reverse();
            }
            compare(&(script + &links.concat()));
        }
    }
}

#[test]
fn epoll_ways_are_limited() {
    let mut script = String::from("pipe2 0\nepoll_create1 0\nepoll_ctl 5 1 3 1 0\n");
    for i in 0..510 {
        script += &format!("epoll_create1 0\nepoll_ctl {} 1 5 1 0\n", i + 6);
    }
    compare(&script);
}

#[test]
fn epoll_order_and_modes() {
    compare(
        "epoll_create1 0
         pipe2 2048  # 4 5
         pipe2 2048  # 6 7
         pipe2 2048  # 8 9
         pipe2 2048  # 10 11
         epoll_ctl 3 1 4 1 0
         epoll_ctl 3 1 6 1 1
         epoll_ctl 3 1 8 1 2
         epoll_ctl 3 1 10 1 3
         write 9 1 1
         write 5 1 1
         write 11 1 1
         write 7 1 1
         epoll_wait 3 2 0
         epoll_wait 3 2 0
         epoll_wait 3 8 0
         epoll_wait 3 3 0
         epoll_wait 3 3 0
         read 10 1
         epoll_wait 3 2 0
         epoll_wait 3 9 0
         dup 4           # 12: another watch of the same file
         epoll_ctl 3 1 12 1 119
         epoll_wait 3 9 0
         close 4
         epoll_wait 3 9 0
         epoll_ctl 3 2 4 0 0
         close 12
         epoll_wait 3 9 0
         epoll_ctl 3 3 6 1073741825 5   # one shot
         epoll_wait 3 9 0
         epoll_wait 3 9 0
         epoll_ctl 3 3 6 0 5
         epoll_wait 3 9 0
         epoll_ctl 3 3 6 2147483649 6   # edge
         epoll_wait 3 9 0
         epoll_wait 3 9 0
         write 7 1 9
         epoll_wait 3 9 0
         read 6 1
         epoll_wait 3 9 0
         close 7
         epoll_wait 3 9 0
         epoll_wait 3 9 0
         epoll_ctl 3 1 9 4 9
         epoll_wait 3 9 0
         close 8
         epoll_wait 3 9 0",
    );
}

#[test]
fn epoll_of_epolls() {
    compare(
        "epoll_create1 0   # 3
         epoll_create1 0   # 4
         eventfd 0 2048    # 5
         epoll_ctl 4 1 5 1 50
         epoll_ctl 3 1 4 -2147483647 40
         epoll_wait 3 9 0
         write8 5 1
         poll 3 1 4 1 5 5
         epoll_wait 3 9 0
         epoll_wait 3 9 0
         write8 5 1
         epoll_wait 3 9 0
         read 5 8
         epoll_wait 3 9 0
         poll 3 1 4 1 5 5
         write8 5 1
         close 4
         epoll_wait 3 9 0
         poll 3 1 4 1 5 5",
    );
}

#[test]
fn epoll_polled_keeps_its_order() {
    compare(
        "epoll_create1 0   # 3
         epoll_create1 0   # 4
         eventfd 1 2048    # 5
         eventfd 1 2048    # 6
         eventfd 0 2048    # 7
         epoll_ctl 4 1 5 1 50
         epoll_ctl 4 1 6 1 60
         epoll_ctl 4 1 7 5 70
         epoll_ctl 3 1 4 1 40
         poll 4 1
         epoll_wait 4 1 0
         epoll_wait 3 9 0
         epoll_wait 4 1 0
         read 5 8
         read 6 8
         poll 4 1
         epoll_wait 4 2 0
         write8 5 1
         write8 6 1
         poll 4 1
         poll 4 1
         epoll_wait 4 2 0
         epoll_wait 4 9 0",
    );
}

#[test]
fn epoll_hears_what_it_asked_for() {
    compare(
        "epoll_create1 0        # 3
         eventfd 5 2049         # 4, a semaphore
         eventfd 5 2048         # 5
         epoll_ctl 3 1 4 2147483649 1
         epoll_ctl 3 1 5 2147483652 2
         epoll_wait 3 9 0
         read 4 8               # still readable, but it was room that came
         epoll_wait 3 9 0
         write8 5 1             # still writable, but it was data that came
         epoll_wait 3 9 0
         write8 4 1
         epoll_wait 3 9 0
         read 5 8
         epoll_wait 3 9 0
         epoll_ctl 3 3 4 2147483653 1
         epoll_wait 3 9 0
         read 4 8
         epoll_wait 3 9 0",
    );
}

#[test]
fn descriptors() {
    compare(
        "pipe2 2048
         dup -1
         dup2 4 4
         dup2 99 99
         dup2 4 -1
         dup2 -1 -1
         dup3 4 4 0
         dup3 99 99 0
         dup3 4 50 1
         dup3 -1 50 1
         dup3 4 50 2048
         dup3 4 50 524288
         fcntl 50 1
         dup2 4 50
         fcntl 50 1
         rlimit 20
         dup2 99 20
         dup2 4 20
         dup2 4 19
         fcntl 4 0 20
         fcntl 4 0 19
         fcntl 4 0 18
         fcntl 4 0 18
         fcntl 4 1030 5
         fcntl 5 1
         fcntl 4 0 -1
         fcntl 99 0 20
         close 19
         dup 4
         dup 4
         dup 4
         rlimit 7
         eventfd 0 0
         epoll_create1 0
         epoll_create1 1
         pipe2 0
         pipe2 1
         eventfd 0 12345
         close 50
         rlimit 100
         close_range 50 60 1
         close_range 60 50 0
         close_range 50 60 0
         close_range 5 -1 4
         fcntl 5 1
         fcntl 4 1
         close_range 6 7 0
         dup 4
         dup 4
         dup 4
         close -1
         close 77
         fcntl 99 1
         fcntl 99 2 1
         fcntl 4 2 65535
         fcntl 4 1
         fcntl 4 2 2
         fcntl 4 1
         fcntl 3 1027 4
         fcntl 3 1027 3
         fcntl 3 1027 99
         fcntl 99 1027 3
         rlimit 5000
         dup2 4 1000
         dup 4
         fcntl 4 0 500
         fcntl 4 0 500",
    );
}

#[test]
fn pipes() {
    compare(
        "pipe2 2048
         fcntl 4 1031 8192
         write 4 1 1
         write 4 4095 2
         write 4 1 3
         write 4 4096 4
         write 4 4095 5
         write 4 1 6
         poll 4 4 3 1
         ioctl 3 21531 -1
         fcntl 4 1031 4096
         read 3 100
         read 3 100
         read 3 100
         poll 4 4
         write 4 1 1
         read 3 3796
         poll 4 4
         write 4 1 1
         read 3 9000
         read 3 1
         read 3 0
         read 4 1
         write 3 1 1
         write 4 0 0
         fcntl 4 1031 0
         fcntl 3 1032
         fcntl 4 1031 4097
         fcntl 3 1032
         fcntl 4 1031 -1
         fcntl 0 1032
         write 4 100000 1
         read 3 5000
         write 4 100000 1
         read 3 100000
         write 4 10 1
         close 4
         poll 3 1
         read 3 20
         read 3 20
         poll 3 1
         pipe2 2048
         poll 4 1 5 4
         close 4
         poll 5 4
         write 5 1 1
         pipe2 18432
         write 6 10 1
         write 6 10 2
         write 6 5000 2
         ioctl 4 21531 0
         read 4 4
         read 4 100
         read 4 8192
         read 4 8192
         read 4 8192
         fcntl 4 3
         fcntl 6 3
         pipe2 128
         pipe2 1
         pipe2 4096",
    );
}

#[test]
fn a_pipe_resized_tells_its_writers() {
    compare(
        "epoll_create1 0
         pipe2 2048
         epoll_ctl 3 1 5 2147483652 0
         epoll_wait 3 9 0
         fcntl 4 1031 0
         epoll_wait 3 9 0
         fcntl 4 1031 0
         epoll_wait 3 9 0
         fcntl 4 1032 0
         epoll_wait 3 9 0",
    );
}

#[test]
fn eventfds() {
    compare(
        "eventfd 3 2048
         write 3 16 0
         write 3 7 0
         write8 3 -1
         read 3 7
         read 3 16
         read 3 8
         write8 3 -2
         poll 3 65535
         write8 3 1
         write8 3 0
         read 3 8
         eventfd 3 2049
         read 4 8
         read 4 8
         read 4 8
         read 4 8
         poll 4 65535
         eventfd -1 2048
         read 5 8
         eventfd 0 2
         eventfd 0 4
         read 5 0
         write 5 0 0",
    );
}

#[test]
fn what_files_are_not() {
    let mut script = String::from("pipe2 2048\neventfd 0 2048\nepoll_create1 0\n");
    for fd in 3..8 {
        for call in [
            "lseek FD 0 0",
            "lseek FD 0 9",
            "lseek FD 0 -1",
            "pread FD 1 0",
            "pread FD 1 -1",
            "pwrite FD 8 0",
            "pwrite FD 8 -1",
            "fsync FD",
            "ftruncate FD 0",
            "ftruncate FD -1",
            "fallocate FD 0 0 1",
            "fallocate FD 0 -1 1",
            "fallocate FD 0 0 0",
            "name FD",
            "fstat FD",
            "fcntl FD 3",
            "fcntl FD 4 2048",
            "fcntl FD 3",
            "fcntl FD 4 3072",
            "fcntl FD 3",
            "fcntl FD 4 18432",
            "fcntl FD 3",
            "fcntl FD 4 264192",
            "fcntl FD 3",
            "fcntl FD 4 10240",
            "fcntl FD 3",
            "fcntl FD 4 4294967295",
            "fcntl FD 3",
            "fcntl FD 4 2048",
            "fcntl FD 3",
            "ioctl FD 21586 1",
            "fcntl FD 3",
            "ioctl FD 21586 1",
            "fcntl FD 3",
            "ioctl FD 21586 0",
            "fcntl FD 3",
            "ioctl FD 21537 1",
            "fcntl FD 3",
            "ioctl FD 21537 0",
            "fcntl FD 3",
            "ioctl FD 21537 -7",
            "fcntl FD 3",
            "ioctl FD 21531 -1",
            "ioctl FD 21600 1",
            "ioctl FD 4660 1",
            "ioctl FD 2 0",
            "ioctl FD 21585 0",
            "fcntl FD 1",
            "ioctl FD 21584 0",
            "fcntl FD 1",
            "ioctl FD 3221510263 0",
            "ioctl FD 3221510264 0",
            "ioctl FD 3223348747 0",
            "fcntl FD 11",
            "fcntl FD 10 65",
            "fcntl FD 10 64",
            "fcntl FD 11",
            "fcntl FD 10 -1",
            "fcntl FD 10 0",
            "fcntl FD 9",
            "fcntl FD 8 -2147483648",
            "fcntl FD 8 0",
            "fcntl FD 9",
            "fcntl_mem FD 16 7 7",
            "fcntl_mem FD 15 9 1",
            "fcntl_mem FD 15 1 -5",
            "fcntl_mem FD 15 1 0",
            "fcntl_mem FD 16 7 7",
            "fcntl_mem FD 15 0 0",
            "fcntl_mem FD 16 7 7",
            "fcntl_mem FD 15 2 0",
            "fcntl_mem FD 16 7 7",
            "fcntl_mem FD 17 7 7",
            "fcntl FD 99 0",
            "fcntl FD 1032 0",
            "fcntl FD 1034 0",
            "fcntl FD 1025 0",
            "fcntl FD 1024 0",
            "fcntl FD 1024 2",
            "fcntl FD 1026 0",
            "fcntl FD 1026 1",
            "fcntl FD 1029 0",
            "fcntl FD 1028 0",
            "read FD 0",
            "write FD 0 0",
        ] {
            script += &call.replace("FD", &fd.to_string());
            script.push('\n');
        }
    }
    compare(&script);
}

#[test]
fn polls_and_selects() {
    compare(
        "poll
         pipe2 2048
         eventfd 1 2048
         poll 3 65535 4 65535 5 65535 0 65535 -1 65535 77 0 -5 7
         poll 3 0 5 0
         poll 3 1 3 4 3 1
         write 4 5 1
         poll 3 65535
         close 4
         poll 3 0
         select -1 0 0 0
         select 100 0 0 0
         select 10 512 0 0
         select 9 512 0 0
         select 64 56 56 56
         select 5 56 56 56
         select 6 40 40 40
         select 0 40 40 40
         select 1 1 1 1
         select 1024 8 0 0
         rlimit 3
         poll 0 1 1 1 2 1
         poll 0 1 1 1 2 1 3 1",
    );
}

#[test]
fn signals() {
    compare(
        "pipe2 2048        # 3 4
         setown_self 3
         setown_self 4
         fcntl 3 4 10240   # O_ASYNC
         fcntl 3 3
         write 4 10 0
         sigwait           # a plain SIGIO
         sigwait
         write 4 10 0
         write 4 10 0
         sigwait
         sigwait
         fcntl 3 10 40     # F_SETSIG
         write 4 10 0
         write 4 10 0
         sigwait
         sigwait
         sigwait
         fcntl 4 10 41
         ioctl 4 21586 1
         fcntl 4 3
         read 3 5
         sigwait
         read 3 50
         read 3 50
         sigwait
         sigwait
         sigwait
         write 4 0 0
         write 4 70000 0
         write 4 1 0
         sigwait
         sigwait
         fcntl 3 10 17     # SIGCHLD has codes of its own
         write 4 1 0
         sigwait
         fcntl 3 10 29     # SIGIO with its siginfo
         write 4 1 0
         sigwait
         dup 3             # 5
         fcntl 5 4 2048
         write 4 1 0
         sigwait
         ioctl 5 21586 1
         fcntl 3 10 40
         write 4 1 0
         sigwait           # O_ASYNC was set already: the descriptor is the first one
         fcntl 3 4 10240
         close 3
         write 4 1 0
         sigwait
         close 5
         sigwait
         sigwait
         write 4 1 0
         sigwait
         fcntl 4 8 0
         write 4 1 0
         sigwait
         pipe2 2048        # 3 5
         setown_self 3
         fcntl 3 4 10240
         close 5
         sigwait
         setown_self 99
         eventfd 0 2048
         setown_self 5
         fcntl 5 4 10240
         write8 5 1
         sigwait",
    );
}

#[test]
fn many_closed_at_once_end_last_first() {
    compare(
        "pipe2 2048
         setown_self 4
         ioctl 4 21586 1
         close_range 0 4 0
         sigwait
         pipe2 2048
         setown_self 0
         ioctl 0 21586 1
         close_range 0 1 0
         sigwait
         pipe2 2048
         dup 0              # 2
         setown_self 0
         ioctl 0 21586 1
         close_range 0 2 0
         sigwait",
    );
}

#[test]
fn splices() {
    let mut script = String::from(
        "pipe2 2048        # 3 4
         pipe2 2048        # 5 6
         eventfd 3 2048    # 7
         epoll_create1 0   # 8
         splice 3 -1 6 -1 5 0
         write 4 5000 1
         splice 7 -1 4 -1 8 0
         splice 3 -1 7 -1 8 0
         splice 8 -1 4 -1 8 0
         splice 3 -1 8 -1 8 0
         splice 3 -1 4 -1 5 0
         splice 7 -1 8 -1 5 0
         splice 3 0 6 -1 5 0
         splice 3 -1 6 0 5 0
         splice 3 0 7 -1 5 0
         splice 3 -1 7 0 5 0
         splice 3 -1 6 -1 5 99
         splice 99 -1 98 -1 0 99
         splice 99 -1 98 -1 1 99
         splice 99 -1 98 -1 1 0
         splice 4 -1 6 -1 5 0
         splice 3 -1 5 -1 5 0
         splice 3 -1 99 -1 5 0
         splice 3 -1 6 -1 4000 0
         write 6 10 7       # a page that was spliced in part is not filled up
         ioctl 5 21531 0
         splice 3 -1 6 -1 4000 0
         write 6 10 9
         read 5 10000
         write 4 3 1
         tee 3 6 2 0
         tee 3 6 2 0
         tee 3 6 0 0
         tee 3 4 2 0
         tee 7 6 2 0
         tee 3 7 2 0
         tee 3 5 2 0
         tee 4 6 2 0
         tee 3 6 1 64
         write 6 3 1
         read 5 9
         read 3 9
         tee 3 6 1 0
         write 4 70000 3
         tee 3 6 70000 0
         tee 3 6 70000 0
         read 5 5000
         tee 3 6 70000 0
         splice 3 -1 6 -1 70000 0
         read 5 100000
         read 3 100000
         close 4
         splice 3 -1 6 -1 5 0
         tee 3 6 5 0
         close 5
         splice 3 -1 6 -1 5 0\n",
    );
    for from in [3, 7, 8] {
        for to in [6, 7, 8] {
            for (at, n) in [(-1, 4), (0, 4), (-1, 0), (0, 0)] {
                script += &format!("sendfile {to} {from} {at} {n}\n");
            }
        }
    }
    compare(&(script + "sendfile 6 99 -1 4\nsendfile 99 7 -1 4\nsendfile 3 7 -1 4"));
}

#[test]
fn an_epoll_wakes_its_watchers_for_reading() {
    compare(
        "epoll_create1 0   # 3
         epoll_create1 0   # 4
         pipe2 2048        # 5 6
         epoll_ctl 3 1 4 64 0
         epoll_ctl 4 1 6 4 0
         epoll_wait 3 1 0
         poll 3 64 4 64
         epoll_ctl 3 3 4 64 0
         epoll_wait 3 1 0",
    );
}

/// Only root may give files away.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[test]
fn owners_and_modes() {
    if !is_root() {
        return;
    }
    let mut script = String::from("pipe2 2048\neventfd 0 2048\nepoll_create1 0\n");
    for fd in [3, 4, 5, 6, 99] {
        for call in [
            "fchmod FD 416",
            "fchmod FD 36351",
            "fchown FD -1 -1",
            "fchmod FD 3565",
            "fchown FD 5 -1",
            "fchmod FD 3565",
            "fchown FD -1 6",
            "fchmod FD 3557",
            "fchown FD 7 7",
            "fchmod FD 0",
        ] {
            script += &format!("{call}\nfstat FD\n").replace("FD", &fd.to_string());
        }
    }
    compare(&script);
}

#[test]
fn what_sequences_found() {
    // O_APPEND takes no sendfile, not even of nothing.
    compare("eventfd 0 2048\neventfd 0 2048\nfcntl 4 4 3072\nsendfile 4 3 -1 0\nsendfile 3 4 -1 0");
}
