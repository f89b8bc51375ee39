//! Sequences of system calls with hostile arguments. Every one must give a result, whatever it is;
//! no call may panic or wait for ever, and in the end nothing may be left.

use super::{Input, ignore, packets};
use crate::{MS, Pair, Task, WireConfig};
use sockeye::stack::MsgHdr;
use sockeye::stack::msg::RecvMsg;
use sockeye::uapi::cmsg::{CmsgLayout, CmsgWriter};
use sockeye::uapi::names::OPTION_TABLES;
use sockeye::uapi::poll::{EpollEvent, PollFd};
use sockeye::uapi::socket::{MSG_DONTWAIT, SOCK_NONBLOCK};
use sockeye::vfs::{IovSink, IovSource};
use sockeye::{Timeout, sockaddr};

/// An address: mostly one that may work.
fn address(input: &mut Input<'_>) -> Vec<u8> {
    const GOOD: [&str; 10] = [
        "127.0.0.1:80",
        "0.0.0.0:0",
        "10.0.0.1:81",
        "10.0.0.2:82",
        "[::1]:80",
        "[::]:81",
        "[fd00::2]:82",
        "255.255.255.255:9",
        "224.0.0.5:9",
        "[::ffff:127.0.0.1]:80",
    ];
    let mut bytes = match input.u8() {
        n @ 0..=199 => match GOOD[usize::from(n) % GOOD.len()].parse() {
            Ok(addr) => sockaddr(addr).as_ref().to_vec(),
            Err(_) => Vec::new(),
        },
        200..=219 => vec![0; 16],
        _ => {
            let len = usize::from(input.u8() % 140);
            input.bytes(len).to_vec()
        }
    };
    match input.u8() {
        n @ 0..=15 => bytes.truncate(usize::from(n)),
        16..=23 => bytes.resize(130, 0),
        _ => {}
    }
    bytes
}

/// A level and an option: mostly ones that exist.
fn option(input: &mut Input<'_>) -> (i32, i32) {
    let (level, table) = input.pick(OPTION_TABLES);
    if input.u8() < 220 && !table.rows.is_empty() {
        let (name, _) = table.rows[usize::from(input.u8()) % table.rows.len()];
        (level, name as i32)
    } else {
        (input.pick(&[0, 1, 6, 17, 41, 255, -1]), i32::from(input.u8()))
    }
}

fn value(input: &mut Input<'_>) -> Vec<u8> {
    match input.u8() {
        n @ 0..=99 => i32::from(n % 4).to_ne_bytes().to_vec(),
        100..=179 => input.pick(&[-1, i32::MIN, i32::MAX, 64, 255, 256, 1500, 65536]).to_ne_bytes().to_vec(),
        _ => {
            let len = usize::from(input.u8() % 80);
            input.bytes(len).to_vec()
        }
    }
}

/// A call on a socket, out of those that no other descriptor is needed for.
pub(super) fn on_socket(task: &Task, fd: i32, input: &mut Input<'_>) {
    let nowait = MSG_DONTWAIT as i32;
    match input.u8() % 16 {
        0 => ignore(task.bind(fd, address(input))),
        1 | 2 => ignore(task.connect(fd, address(input))),
        3 => ignore(task.listen(fd, i32::from(input.u8()) - 4)),
        4 => ignore(task.shutdown(fd, i32::from(input.u8() % 5) - 1)),
        5 | 6 => {
            let (level, name) = option(input);
            ignore(task.setsockopt(fd, level, name, &value(input)));
        }
        7 => {
            let (level, name) = option(input);
            let mut buf = vec![0; usize::from(input.u8())];
            ignore(task.getsockopt(fd, level, name, &mut buf));
        }
        8 => {
            let len = usize::from(input.pick(&[0u16, 1, 100, 1472, 1500, 9000, 65_507, 65_535]));
            ignore(task.sendto(fd, &vec![9; len], i32::from(input.u16()) | nowait, address(input)));
        }
        9 => {
            let len = usize::from(input.u8());
            let control = input.bytes(len).to_vec();
            let mut msg =
                MsgHdr::new(IovSource::from_slice(&[3; 300]), u32::from(input.u16()) | nowait as u32);
            let name = address(input);
            msg.control = &control;
            if input.u8().is_multiple_of(2) {
                msg.name = Some(&name);
            }
            ignore(task.sendmsg(fd, &mut msg));
        }
        10 | 11 => {
            let (mut buf, mut name, mut control) =
                (vec![0; usize::from(input.u16() % 3000)], [0; 40], [0; 256]);
            let mut msg = RecvMsg::new(IovSink::from_slice(&mut buf), u32::from(input.u16()) | nowait as u32);
            msg.name = Some(&mut name[..usize::from(input.u8() % 41)]);
            msg.control = CmsgWriter::new(&mut control[..usize::from(input.u8())], CmsgLayout::NATIVE);
            ignore(task.recvmsg(fd, &mut msg));
        }
        12 => {
            let mut arg = vec![0; 64];
            let bytes = input.bytes(24);
            arg[..bytes.len()].copy_from_slice(bytes);
            let cmd = match input.u8() {
                n @ 0..=199 => 0x8900 + u32::from(n),
                _ => input.pick(&[0x541b, 0x5411, 0x5421, 0x8905]),
            };
            ignore(task.ioctl(fd, cmd, &mut arg));
            // It may have been FIONBIO.
            ignore(task.set_nonblocking(fd, true));
        }
        13 => {
            let mut name = vec![0; usize::from(input.u8() % 40)];
            ignore(task.getsockname(fd, &mut name));
            ignore(task.getpeername(fd, &mut name));
        }
        14 => ignore(task.write(fd, &vec![1; usize::from(input.u16() % 5000)])),
        _ => ignore(task.read(fd, &mut vec![0; usize::from(input.u16() % 5000)])),
    }
}

fn on_table(task: &Task, fds: &mut Vec<i32>, input: &mut Input<'_>) {
    let fd = fds.get(usize::from(input.u8()) % fds.len().max(1)).copied().unwrap_or(-1);
    match input.u8() % 12 {
        0..=3 => {
            let family = input.pick(&[2, 2, 2, 10, 10, 16, 1, 17, 0, 45]);
            let kind = input.pick(&[1, 1, 2, 2, 3, 5, 10, 0]);
            let protocol = input.pick(&[0, 0, 0, 6, 17, 1, 58, 136, 255, 132, -1]);
            fds.extend(task.socket(family, kind | SOCK_NONBLOCK, protocol));
        }
        4 | 5 => fds.extend(task.accept4(fd, SOCK_NONBLOCK)),
        6 => {
            ignore(task.close(fd));
            fds.retain(|known| *known != fd);
        }
        7 => fds.extend(task.dup(fd)),
        8 => {
            let events = input.u16() as i16;
            ignore(task.poll(&mut [PollFd { fd, events, revents: 0 }], Timeout::After(0)));
        }
        9 => fds.extend(task.epoll_create1(0)),
        10 => {
            let epfd = fds.get(usize::from(input.u8()) % fds.len().max(1)).copied().unwrap_or(-1);
            let event = EpollEvent { events: input.u32(), data: 1 };
            ignore(task.epoll_ctl(epfd, i32::from(input.u8() % 5), fd, Some(event)));
        }
        _ => ignore(task.epoll_wait(fd, &mut [EpollEvent::default(); 4], 0)),
    }
    fds.truncate(64);
}

/// Runs one input.
///
/// # Panics
/// For a bug.
pub fn run(data: &[u8]) -> Vec<u32> {
    let pair = Pair::new(1, &WireConfig::default());
    let mut fds = Vec::new();
    let mut input = Input::new(data);
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        match input.u8() {
            0..=99 => on_table(&pair.client, &mut fds, &mut input),
            100..=239 => {
                let fd = fds.get(usize::from(input.u8()) % fds.len().max(1)).copied().unwrap_or(-1);
                on_socket(&pair.client, fd, &mut input);
            }
            _ => pair.world.run_for(u64::from(input.u16()) * MS),
        }
    }
    packets::end(pair)
}
