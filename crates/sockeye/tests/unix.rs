//! AF_UNIX through system calls: names, descriptors in messages, and the collector's counts.

use net::MsgHdr;
use net::msg::RecvMsg;
use sockeye::{Net, Task};
use uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
use uapi::socket::*;
use uapi::{Errno, MSG_DONTWAIT};
use vfs::{IovSink, IovSource};

const KINDS: [i32; 3] = [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET];

fn name(text: &str) -> Vec<u8> {
    [&1u16.to_ne_bytes()[..], text.as_bytes()].concat()
}

fn send_fds(task: &Task, fd: i32, fds: &[i32]) -> Result<usize, Errno> {
    let mut control = vec![0; 2048];
    let mut writer = CmsgWriter::new(&mut control, CmsgLayout::NATIVE);
    let bytes: Vec<u8> = fds.iter().flat_map(|fd| fd.to_ne_bytes()).collect();
    writer.put(SOL_SOCKET, SCM_RIGHTS, &bytes);
    let used = writer.len();
    let mut msg = MsgHdr::new(IovSource::from_slice(b"x"), MSG_DONTWAIT);
    msg.control = &control[..used];
    task.sendmsg(fd, &mut msg)
}

fn recv_fds(task: &Task, fd: i32) -> Result<Vec<i32>, Errno> {
    let (mut control, mut bytes) = ([0; 2048], [0; 16]);
    let mut msg = RecvMsg::new(IovSink::from_slice(&mut bytes), MSG_DONTWAIT);
    msg.control = CmsgWriter::new(&mut control, CmsgLayout::NATIVE);
    task.recvmsg(fd, &mut msg)?;
    let used = msg.control.len();
    let mut fds = Vec::new();
    for cmsg in CmsgIter::new(&control[..used], CmsgLayout::NATIVE).flatten() {
        fds.extend(cmsg.data.as_chunks::<4>().0.iter().map(|n| i32::from_ne_bytes(*n)));
    }
    Ok(fds)
}

/// Socks and files in use.
fn in_use(net: &Net) -> (u64, u64, usize) {
    let unix = unix::UnixNet::of(net.stack());
    (unix.slab_stats().active, net.stack().sockets.in_use(), unix.inflight())
}

#[test]
fn a_pair_talks_both_ways() {
    for kind in KINDS {
        let task = Task::new(&Net::new());
        let [a, b] = task.socketpair(AF_UNIX, kind, 0).unwrap();
        let mut buf = [0; 16];
        for (from, to) in [(a, b), (b, a)] {
            assert_eq!(task.send(from, b"hello", 0), Ok(5));
            assert_eq!(task.recv(to, &mut buf, 0), Ok(5));
            assert_eq!(&buf[..5], b"hello");
        }
    }
}

#[test]
fn an_abstract_name_is_found_and_freed() {
    let net = Net::new();
    let start = in_use(&net);
    let task = Task::new(&net);
    for _ in 0..2 {
        let listener = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
        task.bind(listener, name("\0here")).unwrap();
        task.listen(listener, 1).unwrap();
        let client = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
        task.connect(client, name("\0here")).unwrap();
        let mut from = [0; 128];
        let (server, len) = task.accept_from(listener, &mut from, 0).unwrap();
        assert_eq!(&from[..len], name(""));
        assert_eq!(task.send(client, b"hi", 0), Ok(2));
        assert_eq!(task.recv(server, &mut from, 0), Ok(2));
        for fd in [listener, client, server] {
            task.close(fd).unwrap();
        }
    }
    assert_eq!(in_use(&net), start);
}

#[test]
fn a_file_outlives_its_socket() {
    let task = Task::new(&Net::new());
    let a = task.socket(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    task.bind(a, name("/tmp/a")).unwrap();
    task.close(a).unwrap();
    let b = task.socket(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    assert_eq!(task.connect(b, name("/tmp/a")), Err(Errno::ECONNREFUSED));
    assert_eq!(task.connect(b, name("/tmp/b")), Err(Errno::ENOENT));
    assert_eq!(task.bind(b, name("/tmp/a")), Err(Errno::EADDRINUSE));
    let unix = unix::UnixNet::of(task.net().stack());
    task.call(|p| unix.names.remove(p, b"/tmp/a")).unwrap();
    assert_eq!(task.bind(b, name("/tmp/a")), Ok(()));
}

#[test]
fn descriptors_travel() {
    let net = Net::new();
    let task = Task::new(&net);
    for kind in KINDS {
        let [a, b] = task.socketpair(AF_UNIX, kind, 0).unwrap();
        let [read, write] = task.pipe2(0).unwrap();
        assert_eq!(send_fds(&task, a, &[write, a]), Ok(1));
        task.close(write).unwrap();
        let got = recv_fds(&task, b).unwrap();
        assert_eq!(got.len(), 2);
        assert_eq!(task.write(got[0], b"through"), Ok(7));
        let mut buf = [0; 16];
        assert_eq!(task.read(read, &mut buf), Ok(7));
        assert_eq!(task.fstat(got[1]).unwrap().ino, task.fstat(a).unwrap().ino);
    }
    assert_eq!(unix::UnixNet::of(net.stack()).inflight(), 0);
}

#[test]
fn cycles_of_sockets_in_flight_are_freed() {
    let net = Net::new();
    let start = in_use(&net);
    let task = Task::new(&net);
    // A socket in its own queue; two in each other's; a ring of eight.
    for ring in [1, 2, 8] {
        let pairs: Vec<[i32; 2]> =
            (0..ring).map(|_| task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap()).collect();
        for i in 0..ring {
            let next = pairs[(i + 1) % ring];
            // What waits in the queue of `pairs[i][1]` is the next pair's receiving end.
            send_fds(&task, pairs[i][0], &[next[1]]).unwrap();
        }
        for [a, b] in pairs {
            task.close(a).unwrap();
            task.close(b).unwrap();
        }
        // Letting go of one in flight starts no search; the end of any socket does, as on Linux.
        let last = task.socket(AF_UNIX, SOCK_DGRAM, 0).unwrap();
        task.close(last).unwrap();
        assert_eq!(in_use(&net), start, "a ring of {ring}");
    }
}

#[test]
fn a_cycle_does_not_keep_its_namespace() {
    let net = Net::new();
    let stack = std::sync::Arc::downgrade(net.stack());
    let task = Task::new(&net);
    let [a, b] = task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap();
    send_fds(&task, a, &[b]).unwrap();
    drop((task, net));
    assert!(stack.upgrade().is_none());
}

#[test]
fn a_living_socket_keeps_what_it_reaches() {
    let net = Net::new();
    let start = in_use(&net);
    let task = Task::new(&net);
    let [a, b] = task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap();
    let [c, d] = task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap();
    // d waits in its own queue and in b's, and b is open.
    send_fds(&task, c, &[d]).unwrap();
    send_fds(&task, a, &[d]).unwrap();
    task.close(c).unwrap();
    task.close(d).unwrap();
    assert_eq!(unix::UnixNet::of(net.stack()).inflight(), 2);
    let again = recv_fds(&task, b).unwrap()[0];
    let inner = recv_fds(&task, again).unwrap();
    assert_eq!(inner.len(), 1);
    for fd in [a, b, again, inner[0]] {
        task.close(fd).unwrap();
    }
    assert_eq!(in_use(&net), start);
}

#[test]
fn a_connection_that_waits_dies_with_its_listener() {
    let net = Net::new();
    let start = in_use(&net);
    let task = Task::new(&net);
    let listener = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
    task.bind(listener, name("\0l")).unwrap();
    task.listen(listener, 4).unwrap();
    let client = task.socket(AF_UNIX, SOCK_STREAM, 0).unwrap();
    task.connect(client, name("\0l")).unwrap();
    // The listener waits in the queue of a connection that waits in the listener's.
    send_fds(&task, client, &[listener]).unwrap();
    task.close(listener).unwrap();
    task.close(client).unwrap();
    assert_eq!(in_use(&net), start);
}

#[test]
fn sockets_nested_in_queues_end_without_a_deep_stack() {
    let net = Net::new();
    let start = in_use(&net);
    let task = Task::new(&net);
    let [mut a, mut b] = task.socketpair(AF_UNIX, SOCK_DGRAM, 0).unwrap();
    for _ in 0..20_000 {
        let [c, d] = task.socketpair(AF_UNIX, SOCK_DGRAM, 0).unwrap();
        send_fds(&task, c, &[a, b]).unwrap();
        task.close(a).unwrap();
        task.close(b).unwrap();
        [a, b] = [c, d];
    }
    task.close(a).unwrap();
    task.close(b).unwrap();
    assert_eq!(in_use(&net), start);
}

#[test]
fn too_many_descriptors_in_flight_are_refused() {
    let net = Net::new();
    let mut task = Task::new(&net);
    task.set_cred(kern::cred::Cred::nobody());
    let [a, _b] = task.socketpair(AF_UNIX, SOCK_STREAM, 0).unwrap();
    let limit = task.files().rlimit() as usize;
    let mut sent = 0;
    let refused = loop {
        match send_fds(&task, a, &[a; 100]) {
            Ok(_) => sent += 100,
            Err(errno) => break errno,
        }
    };
    assert_eq!((refused, sent), (Errno::ETOOMANYREFS, limit.next_multiple_of(100)));
}
