//! The operations of AF_UNIX sockets.

use super::{Operation, ping};
use sockeye::{Net, Task};
use uapi::socket::{AF_UNIX, SOCK_NONBLOCK};

pub(super) fn socket_close(net: &Net, kind: i32) -> Operation {
    let task = Task::new(net);
    Box::new(move || task.close(task.socket(AF_UNIX, kind, 0).unwrap()).unwrap())
}

pub(super) fn pair_close(net: &Net, kind: i32) -> Operation {
    let task = Task::new(net);
    Box::new(move || {
        for fd in task.socketpair(AF_UNIX, kind, 0).unwrap() {
            task.close(fd).unwrap();
        }
    })
}

fn pair(net: &Net, kind: i32) -> (Task, [i32; 2]) {
    let task = Task::new(net);
    let fds = task.socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0).unwrap();
    (task, fds)
}

/// A byte each way.
pub(super) fn round_trip(net: &Net, kind: i32) -> Operation {
    let (task, [a, b]) = pair(net, kind);
    Box::new(move || {
        ping(&task, a, b, b"x");
        ping(&task, b, a, b"y");
    })
}

/// 64 KiB one way.
pub(super) fn bulk(net: &Net, kind: i32) -> Operation {
    let (task, [a, b]) = pair(net, kind);
    let (bytes, mut buf) = (vec![7; 65536], vec![0; 65536]);
    Box::new(move || {
        assert_eq!(task.send(a, &bytes, 0), Ok(bytes.len()));
        assert_eq!(task.recv(b, &mut buf, 0), Ok(bytes.len()));
    })
}
