//! When data came: `SO_TIMESTAMP` and its kin on streams and datagrams (socket(7), Documentation/networking/timestamping).

use net::msg::RecvMsg;
use sockeye::{Net, Task, sockaddr};
use std::net::SocketAddr;
use uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
use uapi::socket::*;
use vfs::IovSink;

/// A listener's or a receiver's task with both ends of a connection.
fn pair(kind: i32) -> (Task, i32, i32) {
    let task = Task::new(&Net::new());
    let at: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let server = task.socket(AF_INET, kind, 0).unwrap();
    task.bind(server, sockaddr(at)).unwrap();
    let client = task.socket(AF_INET, kind, 0).unwrap();
    if kind == SOCK_DGRAM {
        task.connect(client, sockaddr(at)).unwrap();
        return (task, client, server);
    }
    task.listen(server, 1).unwrap();
    task.connect(client, sockaddr(at)).unwrap();
    let accepted = task.accept4(server, 0).unwrap();
    (task, client, accepted)
}

/// The control messages with the next bytes: level, type, words.
fn receive(task: &Task, fd: i32) -> Vec<(i32, i32, Vec<u64>)> {
    let (mut control, mut bytes) = ([0; 256], [0; 16]);
    let mut msg = RecvMsg::new(IovSink::from_slice(&mut bytes), 0);
    msg.control = CmsgWriter::new(&mut control, CmsgLayout::NATIVE);
    task.recvmsg(fd, &mut msg).unwrap();
    let used = msg.control.len();
    CmsgIter::new(&control[..used], CmsgLayout::NATIVE)
        .flatten()
        .map(|cmsg| {
            let words = cmsg.data.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word));
            (cmsg.level, cmsg.kind, words.collect())
        })
        .collect()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

// chapter: A13
#[test]
fn each_form_on_streams_and_datagrams() {
    const SOF_TIMESTAMPING_RX_SOFTWARE: i32 = 1 << 3;
    const SOF_TIMESTAMPING_SOFTWARE: i32 = 1 << 4;
    for kind in [SOCK_STREAM, SOCK_DGRAM] {
        for (option, value, fraction, words) in [
            (SO_TIMESTAMP_OLD, 1, 1_000_000, 2),
            (SO_TIMESTAMPNS_OLD, 1, 1_000_000_000, 2),
            (SO_TIMESTAMP_NEW, 1, 1_000_000, 2),
            (SO_TIMESTAMPNS_NEW, 1, 1_000_000_000, 2),
            (SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, 1_000_000_000, 6),
        ] {
            let (task, client, server) = pair(kind);
            task.setsockopt(server, SOL_SOCKET, option, &value.to_ne_bytes()).unwrap();
            let before = now();
            task.send(client, b"bytes", 0).unwrap();
            let got = receive(&task, server);
            let [(SOL_SOCKET, told, time)] = &got[..] else { panic!("{kind} {option}: {got:?}") };
            assert_eq!((*told, time.len()), (option, words));
            assert!((before..=now()).contains(&time[0]) && time[1] < fraction, "{time:?}");
            task.setsockopt(server, SOL_SOCKET, option, &0i32.to_ne_bytes()).unwrap();
            task.send(client, b"bytes", 0).unwrap();
            assert_eq!(receive(&task, server), []);
        }
    }
}

#[test]
fn a_stream_has_no_time_for_what_came_before_anybody_asked() {
    let (task, client, server) = pair(SOCK_STREAM);
    task.send(client, b"early", 0).unwrap();
    task.setsockopt(server, SOL_SOCKET, SO_TIMESTAMP_OLD, &1i32.to_ne_bytes()).unwrap();
    assert_eq!(receive(&task, server), []);
    task.send(client, b"late", 0).unwrap();
    assert_eq!(receive(&task, server).len(), 1);
}
