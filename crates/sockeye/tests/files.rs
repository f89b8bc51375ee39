//! A socket is a file: what files answer to, on Sockeye and on the host's kernel.

extern crate vfs as sockeye_vfs;

#[path = "../../vfs/tests/common/host.rs"]
mod host;
#[path = "../../vfs/tests/common/ops.rs"]
mod ops;

use host::Host;
use sockeye::kern::cred::Cred;
use sockeye::{Net, Task};
use std::net::{Ipv4Addr, SocketAddr};
use uapi::socket::MSG_OOB;
use uapi::{Errno, Result};

/// One call: a socket's here, any file's there.
fn one(task: &mut Task, mail: &ops::Mailbox, call: &str) -> String {
    let (op, rest) = call.split_once(' ').unwrap_or((call, ""));
    let a: Vec<i64> = rest.split_whitespace().map_while(|w| w.parse().ok()).collect();
    let arg = |i: usize| a[i] as i32;
    let addr = |i: usize| sockeye::sockaddr(SocketAddr::from((Ipv4Addr::LOCALHOST, a[i] as u16)));
    let show = |result: Result<i32>| result.map_or_else(|e: Errno| e.name().to_owned(), |n| n.to_string());
    match op {
        "netns" => "0".into(),
        "socket" => show(task.socket(arg(0), arg(1), arg(2))),
        "bind" => show(task.bind(arg(0), addr(1)).map(|()| 0)),
        "listen" => show(task.listen(arg(0), arg(1)).map(|()| 0)),
        "connect" => show(task.connect(arg(0), addr(1)).map(|()| 0)),
        "accept4" => show(task.accept4(arg(0), arg(1))),
        "urgent" => show(task.send(arg(0), b"!", MSG_OOB as i32).map(|n| n as i32)),
        "shutdown" => show(task.shutdown(arg(0), arg(1)).map(|()| 0)),
        "setid" => {
            let id = |i: usize| a[i] as u32;
            let groups = a[2..].iter().map(|&g| g as u32).collect();
            let (uid, gid) = (id(0), id(1));
            task.set_cred(Cred { uid, euid: uid, gid, egid: gid, groups, ..Cred::nobody() });
            "0".into()
        }
        _ => task.call(|p| ops::run(p, task.files(), mail, call)),
    }
}

fn compare(script: &str) {
    let Some(mut host) = Host::start() else { return };
    let calls: Vec<String> = script
        .lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    let theirs = host.run(&calls);
    let mut task = Task::new(&Net::new());
    let mail = task.call(|p| ops::furnish(p, task.files()));
    let ours: Vec<String> = calls.iter().map(|c| one(&mut task, &mail, c)).collect();
    let differing: Vec<String> = calls
        .iter()
        .zip(theirs.iter().zip(&ours))
        .enumerate()
        .filter(|(_, (_, (t, o)))| t != o)
        .map(|(i, (c, (t, o)))| format!("{i}: {c}: Linux {t}, we {o}"))
        .collect();
    assert!(differing.is_empty() && theirs.len() == ours.len(), "{}", differing.join("\n"));
}

/// Streams and datagrams of both families.
const KINDS: [&str; 4] = ["2 2049 0", "2 2050 0", "10 2049 0", "10 2050 0"];

/// `calls` on a socket of each kind.
fn on_each(calls: &str) -> String {
    let mut script = String::from("netns\n");
    for (i, kind) in KINDS.iter().enumerate() {
        script += &format!("socket {kind}\n{calls}\n").replace("FD", &(3 + i).to_string());
    }
    script
}

// chapter: A5
#[test]
fn what_a_socket_is_not() {
    compare(&on_each(
        "fstat FD
         lseek FD 0 0
         lseek FD 0 9
         lseek FD 0 -1
         pread FD 1 0
         pread FD 1 -1
         pwrite FD 8 0
         pwrite FD 8 -1
         fsync FD
         ftruncate FD 0
         ftruncate FD -1
         fallocate FD 0 0 1
         fallocate FD 0 -1 1
         read FD 0
         fcntl FD 1032
         fcntl FD 1034
         fcntl FD 1025
         fcntl FD 1024 0
         fcntl FD 1024 2
         fcntl FD 1026 0
         fcntl FD 1026 1
         fcntl FD 1028
         fcntl FD 99
         ioctl FD 2 0
         ioctl FD 21600 0
         ioctl FD 4660 0
         ioctl FD 3221510263 0
         ioctl FD 3221510264 0
         ioctl FD 3223348747 0",
    ));
}

#[test]
fn flags_and_owners_of_signals() {
    compare(&on_each(
        "fcntl FD 1
         fcntl FD 3
         fcntl FD 4 0
         fcntl FD 3
         fcntl FD 4 3072
         fcntl FD 3
         fcntl FD 4 18432
         fcntl FD 4 264192
         fcntl FD 3
         fcntl FD 4 10240
         fcntl FD 3
         fcntl FD 4 2048
         fcntl FD 3
         ioctl FD 21586 1
         ioctl FD 21586 1
         fcntl FD 3
         ioctl FD 21586 0
         fcntl FD 3
         ioctl FD 21537 0
         fcntl FD 3
         ioctl FD 21537 5
         fcntl FD 3
         ioctl FD 21585 0
         fcntl FD 1
         ioctl FD 21584 0
         fcntl FD 1
         fcntl FD 11
         fcntl FD 10 65
         fcntl FD 10 40
         fcntl FD 11
         fcntl FD 9
         fcntl FD 8 -2147483648
         fcntl FD 8 0
         fcntl FD 9
         fcntl_mem FD 16 7 7
         fcntl_mem FD 15 9 1
         fcntl_mem FD 15 1 -5
         fcntl_mem FD 15 2 0
         fcntl_mem FD 16 7 7
         fcntl_mem FD 17 7 7",
    ));
}

/// Only root may give files away.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

// chapter: B2
#[test]
fn owners_and_modes() {
    if !is_root() {
        return;
    }
    compare(&on_each(
        "fchmod FD 416
         fstat FD
         fchmod FD 36351
         fstat FD
         fchown FD -1 -1
         fstat FD
         fchmod FD 3565
         fchown FD 5 -1
         fstat FD
         fchmod FD 3565
         fchown FD -1 6
         fstat FD
         fchmod FD 3557
         fchown FD 7 7
         fstat FD",
    ));
}

#[test]
fn owners_and_modes_for_others() {
    if !is_root() {
        return;
    }
    // Somebody else's socket, then one's own.
    compare(
        "netns
         socket 2 2049 0
         fchown 3 9 9
         setid 1000 1000 1001
         fchmod 3 416
         fchown 3 -1 -1
         fchown 3 1000 -1
         fchown 3 -1 1000
         fstat 3
         socket 2 2049 0
         fstat 4
         fchmod 4 3565
         fstat 4
         fchown 4 -1 -1
         fstat 4
         fchown 4 1000 1000
         fchown 4 1000 1001
         fstat 4
         fchmod 4 3565
         fstat 4
         fchown 4 -1 1002
         fchown 4 1001 -1
         fchown 4 -1 1000
         fchmod 4 3565
         fstat 4",
    );
}

#[test]
fn watched_sockets() {
    compare(
        "netns
         socket 2 2049 0      # 3
         socket 2 2050 0      # 4
         epoll_create1 0      # 5
         poll 3 65535 4 65535
         epoll_ctl 5 1 3 2147491869 3
         epoll_ctl 5 1 4 2147491869 4
         epoll_wait 5 9 0
         epoll_wait 5 9 0
         bind 3 45671
         listen 3 5
         epoll_wait 5 9 0
         poll 3 65535
         socket 2 2049 0      # 6
         epoll_ctl 5 1 6 2147491869 6
         epoll_wait 5 9 0
         connect 6 45671
         epoll_wait 5 9 0
         poll 3 65535 6 65535
         accept4 3 2048       # 7
         epoll_wait 5 9 0
         poll 3 65535 6 65535 7 65535
         epoll_ctl 5 1 7 2147491869 7
         write 6 10 1
         epoll_wait 5 9 0
         ioctl 7 21531 -1
         write 6 10 1
         epoll_wait 5 9 0
         read 7 15
         epoll_wait 5 9 0
         read 7 15
         shutdown 6 1         # the peer hears first on Linux, whose softirq runs within the call
         epoll_set 5 9 0
         poll 6 65535 7 65535
         read 7 15
         shutdown 7 1
         epoll_set 5 9 0
         poll 6 65535 7 65535
         close 6
         epoll_wait 5 9 0
         close 7
         close 3
         epoll_wait 5 9 0
         epoll_ctl 5 2 4 0 0
         epoll_wait 5 9 0",
    );
}

// chapter: B2
#[test]
fn signalled_sockets() {
    compare(
        "netns
         socket 2 2049 0      # 3
         bind 3 45672
         listen 3 5
         setown_self 3
         fcntl 3 10 40
         ioctl 3 21586 1
         socket 2 2049 0      # 4
         connect 4 45672
         sigwait
         sigwait
         accept4 3 2048       # 5
         setown_self 5
         fcntl 5 10 41
         ioctl 5 21586 1
         write 4 10 1
         sigwait
         write 4 10 1
         sigwait
         sigwait
         read 5 100
         sigwait
         shutdown 4 1
         sigwait
         sigwait
         close 4
         sigwait
         sigwait",
    );
}

// chapter: B2
#[test]
fn urgent_data_signals_the_owner() {
    compare(
        "netns
         socket 2 2049 0      # 3
         bind 3 45674
         listen 3 5
         socket 2 2049 0      # 4
         connect 4 45674
         accept4 3 2048       # 5
         urgent 4
         sigwait
         setown_self 5
         urgent 4
         sigwait
         sigwait
         fcntl 5 10 40
         urgent 4
         sigwait
         sigwait
         ioctl 5 21586 1
         urgent 4
         sigwait
         sigwait
         sigwait",
    );
}

// chapter: A5
#[test]
fn spliced_sockets() {
    compare(
        "netns
         socket 2 2049 0      # 3
         bind 3 45673
         listen 3 5
         socket 2 2049 0      # 4
         connect 4 45673
         accept4 3 2048       # 5
         pipe2 2048           # 6 7
         splice 5 -1 7 -1 100 0
         write 7 5000 1
         splice 6 -1 4 -1 3000 0
         read 5 10000
         splice 6 -1 4 -1 3000 0
         splice 6 -1 4 -1 3000 2
         splice 5 -1 7 -1 100 0
         splice 5 -1 7 -1 10000 0
         read 6 10000
         splice 5 -1 4 -1 10 0
         splice 5 0 7 -1 10 0
         splice 6 -1 4 0 10 0
         sendfile 4 5 -1 10
         sendfile 4 5 0 10
         sendfile 7 5 -1 10
         write 4 2000 1
         sendfile 7 5 -1 3000
         read 6 10000
         tee 6 4 10 0
         tee 5 7 10 0
         splice 3 -1 7 -1 10 0
         write 7 10 1
         splice 6 -1 3 -1 10 0
         shutdown 4 1
         splice 5 -1 7 -1 10 0
         splice 6 -1 5 -1 10 0
         read 4 20",
    );
}
