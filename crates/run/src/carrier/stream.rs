//! Stream carriers: an AF_UNIX stream connection whose poll masks are those of TCP, and the pump of its bytes.

use super::{Carrier, Pulled, Pump};
use crate::stack::{Cred, Sid, Stack};
use crate::supervisor::Supervisor;
use crate::sys::epoll::Epoll;
use crate::sys::sock;
use crate::table::Key;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use uapi::{Errno, Result};

/// Where a stream stands.
#[derive(Debug)]
pub(crate) enum State {
    /// Unconnected: the carrier is an unconnected socket.
    Fresh,
    /// The stack connects; with a pump, the carrier is connected and filled, so that it shows neither IN nor OUT.
    Connecting,
    /// Bytes flow.
    Connected,
    /// Connections are accepted.
    Listening(super::listen::Listening),
    /// Reset, refused or timed out: the carrier's other end is closed.
    Dead,
}

/// Bytes between a read and a write that took only some of them.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: Vec<u8>,
    at: usize,
}

impl Backlog {
    /// Nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn advance(&mut self, n: usize) {
        self.at += n;
        if self.is_empty() {
            self.bytes.clear();
            self.at = 0;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }
}

/// A stream socket's carrier.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Where it stands.
    pub state: State,
    /// The supervisor's end, once there is one.
    pub pump: Option<Box<dyn Pump>>,
    /// From the program, not yet taken by the stack.
    pub tx: Backlog,
    /// From the stack, not yet taken by the carrier.
    pub rx: Backlog,
    /// The program has shut down its sending side: how to tell that end of file from a close.
    pub tx_shut: bool,
    /// The stack knows that the program sends no more.
    pub tx_done: bool,
    /// The program knows that no more comes.
    pub rx_done: bool,
    /// The carrier's other end has hung up: read to the end whatever a short read says.
    pub hup: bool,
    /// The program's send buffer is still the small one of a pending connection.
    pub small_sndbuf: bool,
    /// An urgent byte from the stack, not yet taken by the carrier.
    pub urgent: Option<u8>,
    /// Sending met this error: the program sees it once it has read what came before.
    pub broken: Option<Errno>,
}

impl Stream {
    /// A stream in `state`.
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            pump: None,
            tx: Backlog::default(),
            rx: Backlog::default(),
            tx_shut: false,
            tx_done: false,
            rx_done: false,
            hup: false,
            small_sndbuf: false,
            urgent: None,
            broken: None,
        }
    }
}

/// A [`Pump`] over a socket: the other end of the carrier.
#[derive(Debug)]
pub(crate) struct SocketPump {
    ours: OwnedFd,
    /// Bytes of fill that the program never wrote.
    fill: usize,
    wants_room: bool,
}

/// What makes a send buffer small: the kernel rounds it up to its minimum.
const SNDBUF_SMALL: i32 = 1;

impl SocketPump {
    /// The pump over our end of a carrier.
    pub(crate) fn new(ours: OwnedFd) -> Self {
        Self { ours, fill: 0, wants_room: false }
    }
}

impl Pump for SocketPump {
    fn pull_tx(&mut self, buf: &mut [u8]) -> Result<Pulled> {
        match sock::recv(self.ours.as_fd(), buf, 0)? {
            0 => Ok(Pulled::End),
            n => Ok(Pulled::Bytes(n)),
        }
    }

    fn push_rx(&mut self, data: &[u8]) -> Result<usize> {
        sock::send(self.ours.as_fd(), data, 0)
    }

    fn push_urgent(&mut self, byte: u8) -> Result<()> {
        sock::send(self.ours.as_fd(), &[byte], libc::MSG_OOB).map(drop)
    }

    fn set_writable(&mut self, on: bool, program: Option<BorrowedFd<'_>>) -> Result<()> {
        if on {
            if let Some(program) = program {
                // Raising the buffer is what wakes the program's poll.
                sock::set_int(program, libc::SO_SNDBUF, SNDBUF_NORMAL)?;
            }
            let mut buf = [0u8; 8192];
            while self.fill > 0 {
                let n = self.fill.min(buf.len());
                self.fill -= match sock::recv(self.ours.as_fd(), &mut buf[..n], 0)? {
                    0 => return Err(Errno::EPIPE),
                    n => n,
                };
            }
            return Ok(());
        }
        let program = program.ok_or(Errno::EBADF)?;
        for piece in [&[0u8; 4096][..], &[0u8; 1][..]] {
            loop {
                match sock::send(program, piece, 0) {
                    Ok(n) => self.fill += n,
                    Err(Errno::EAGAIN) => break,
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }

    fn want_room(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.wants_room, on) != on
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }

    fn eof(&mut self) {
        let _ = sock::shutdown(self.ours.as_fd(), libc::SHUT_WR);
    }

    fn reset(self: Box<Self>, program: Option<BorrowedFd<'_>>) {
        // The host resets a connection whose end is closed with data unread: see to it that there is some.
        if let Some(program) = program {
            let _ = sock::send(program, &[0], 0);
        }
    }
}

/// What a carrier's send buffer is raised to: the most an unprivileged process may ask of a default host (`wmem_max`).
const SNDBUF_NORMAL: i32 = 212_992;

/// Wake whoever polls the program's end for writing: an edge, without any change.
pub(crate) fn writable_edge(program: BorrowedFd<'_>) {
    let _ = sock::set_int(program, libc::SO_SNDBUF, SNDBUF_NORMAL);
}

/// Make the program's send buffer small, before its connection is filled.
pub(crate) fn shrink(program: BorrowedFd<'_>) -> Result<()> {
    sock::set_int(program, libc::SO_SNDBUF, SNDBUF_SMALL)
}

const EDGE: u32 = libc::EPOLLET as u32;
/// Events of our end of a carrier.
pub(crate) const PUMP_EVENTS: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP) as u32 | EDGE;
const ROOM_EVENTS: u32 = PUMP_EVENTS | libc::EPOLLOUT as u32;

fn watch_room(epoll: &Epoll, key: Key, pump: &mut dyn Pump, on: bool) {
    if pump.want_room(on) {
        let events = if on { ROOM_EVENTS } else { PUMP_EVENTS };
        let _ = epoll.modify(pump.as_fd(), events, key.to_word());
    }
}

/// What a round of pumping came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Nothing more for now.
    Idle,
    /// The program writes no more.
    End,
    /// The program closed with data unread.
    Reset,
    /// The stack's connection broke.
    Broken(Errno),
}

/// Give `data` to the stack: how much of it was taken, and the error that took the rest.
fn send_on(stack: &mut dyn Stack, sid: Sid, data: &[u8]) -> (usize, Option<Errno>) {
    let mut at = 0;
    while at < data.len() {
        match stack.send(sid, &data[at..]) {
            Ok(n) if n > 0 => at += n,
            Ok(_) | Err(Errno::EAGAIN) => break,
            // The connection is gone: what is written now goes nowhere, as on the wire.
            Err(e) => return (data.len(), Some(e)),
        }
    }
    (at, None)
}

fn tx_round(stack: &mut dyn Stack, carrier: &mut Carrier, scratch: &mut [u8]) -> Flow {
    let sid = carrier.sid;
    let Some(s) = carrier.stream() else {
        return Flow::Idle;
    };
    loop {
        if !s.tx.is_empty() {
            let (n, error) = send_on(stack, sid, s.tx.rest());
            s.tx.advance(n);
            if let Some(e) = error {
                return Flow::Broken(e);
            }
            if !s.tx.is_empty() {
                return Flow::Idle;
            }
        }
        let Some(pump) = s.pump.as_mut() else {
            return Flow::Idle;
        };
        match pump.pull_tx(scratch) {
            Ok(Pulled::End) => return Flow::End,
            Ok(Pulled::Bytes(n)) => {
                let (sent, error) = send_on(stack, sid, &scratch[..n]);
                s.tx.keep(&scratch[sent..n]);
                if let Some(e) = error {
                    return Flow::Broken(e);
                }
                // A short read emptied the carrier, and the next write gives a new edge.
                if s.tx.is_empty() && n < scratch.len() && !s.hup {
                    return Flow::Idle;
                }
            }
            Err(Errno::ECONNRESET) => return Flow::Reset,
            Err(_) => return Flow::Idle,
        }
    }
}

const SIOCATMARK: u32 = 0x8905;

/// The urgent byte, if everything before it has been read.
fn urgent_byte(stack: &mut dyn Stack, sid: Sid) -> Option<u8> {
    let (mut at_mark, mut inline, mut byte) = ([0u8; 4], [0u8; 4], [0u8; 1]);
    stack.ioctl(&Cred::default(), sid, SIOCATMARK, &mut at_mark).ok()?;
    if at_mark == [0; 4] {
        return None;
    }
    stack.getsockopt(sid, libc::SOL_SOCKET, libc::SO_OOBINLINE, &mut inline).ok()?;
    let flags = if inline == [0; 4] { libc::MSG_OOB } else { 0 };
    let got = stack.recvmsg(sid, &mut byte, 0, flags).ok()?;
    (got.len == 1).then_some(byte[0])
}

fn rx_round(
    stack: &mut dyn Stack,
    carrier: &mut Carrier,
    scratch: &mut [u8],
    epoll: &Epoll,
    key: Key,
) -> Flow {
    let sid = carrier.sid;
    let Some(s) = carrier.stream() else {
        return Flow::Idle;
    };
    let Some(pump) = s.pump.as_mut() else {
        return Flow::Idle;
    };
    loop {
        if !s.rx.is_empty() {
            match pump.push_rx(s.rx.rest()) {
                Ok(n) => s.rx.advance(n),
                Err(Errno::EAGAIN) => {
                    watch_room(epoll, key, &mut **pump, true);
                    return Flow::Idle;
                }
                // The program reads no more: what comes is dropped, as after SHUT_RD.
                Err(_) => s.rx.keep(&[]),
            }
            if !s.rx.is_empty() {
                continue;
            }
        }
        if s.rx_done {
            return Flow::Idle;
        }
        if s.urgent.is_none() && stack.poll(sid) & POLLPRI != 0 {
            s.urgent = urgent_byte(stack, sid);
        }
        if let Some(byte) = s.urgent {
            if pump.push_urgent(byte) == Err(Errno::EAGAIN) {
                watch_room(epoll, key, &mut **pump, true);
                return Flow::Idle;
            }
            s.urgent = None;
        }
        match stack.recv(sid, scratch) {
            // The error went to a send; a reset comes without an end of file.
            Ok(0) if s.broken.is_some() => return Flow::Broken(s.broken.take().unwrap_or(Errno::ECONNRESET)),
            Ok(0) => {
                s.rx_done = true;
                pump.eof();
                return Flow::Idle;
            }
            Ok(n) => match pump.push_rx(&scratch[..n]) {
                Ok(sent) => s.rx.keep(&scratch[sent..n]),
                Err(Errno::EAGAIN) => s.rx.keep(&scratch[..n]),
                Err(_) => {}
            },
            Err(Errno::EAGAIN) => {
                watch_room(epoll, key, &mut **pump, false);
                return Flow::Idle;
            }
            Err(e) => return Flow::Broken(e),
        }
    }
}

const POLLIN: u32 = libc::POLLIN as u32;
const POLLPRI: u32 = libc::POLLPRI as u32;
const POLLERR: u32 = libc::POLLERR as u32;
const POLLRDHUP: u32 = libc::POLLRDHUP as u32;

impl Supervisor<'_> {
    /// Move what the program wrote into the stack, as far as it takes it.
    pub(crate) fn pump_tx(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let Some(s) = carrier.stream() else { return };
        if !matches!(s.state, State::Connected) || s.tx_done {
            return;
        }
        match tx_round(self.stack, carrier, &mut self.scratch) {
            Flow::Idle => {}
            Flow::Broken(_) if carrier.closing => self.finish_close(key, false),
            Flow::Broken(e) => {
                let done = carrier.stream().is_none_or(|s| {
                    s.broken.get_or_insert(e);
                    s.rx_done
                });
                if done {
                    self.broken(key, e);
                } else {
                    self.pump_rx(key);
                }
            }
            Flow::Reset => self.finish_close(key, true),
            Flow::End => self.tx_ended(key),
        }
    }

    fn tx_ended(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let (sid, watched, closing) = (carrier.sid, carrier.watch.is_some(), carrier.closing);
        let Some(s) = carrier.stream() else { return };
        if s.tx_shut && !s.tx_done {
            s.tx_done = true;
            let _ = self.stack.shutdown(sid, libc::SHUT_WR);
        }
        // Without a watch the hang-up is the close; with one, the watch tells.
        if closing {
            self.finish_close(key, false);
        } else if !watched {
            self.closed(key);
        }
    }

    /// Move what the stack received into the carrier, as far as it takes it, with the end of file and the reset behind it.
    pub(crate) fn pump_rx(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        match rx_round(self.stack, carrier, &mut self.scratch, &self.epoll, key) {
            Flow::Broken(e) => self.broken(key, e),
            Flow::Idle | Flow::End | Flow::Reset => {}
        }
    }

    /// The stack's socket may have changed: show it in the carrier.
    pub(crate) fn mirror_stream(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let sid = carrier.sid;
        let Some(s) = carrier.stream() else { return };
        match s.state {
            State::Connected => {}
            State::Connecting => return self.connecting_changed(key),
            State::Listening(_) => return self.listener_changed(key),
            State::Fresh | State::Dead => return,
        }
        let (rx_done, tx_waits, closing) = (s.rx_done, !s.tx.is_empty(), carrier.closing);
        let mask = self.stack.poll(sid);
        if tx_waits {
            self.pump_tx(key);
        }
        if closing {
            return;
        }
        if !rx_done && mask & (POLLIN | POLLPRI | POLLRDHUP | POLLERR) != 0 {
            self.pump_rx(key);
        } else if rx_done && mask & POLLERR != 0 {
            // After the end of file a read shows no error any more: ask for it.
            let e = self.socket_error(sid).unwrap_or(Errno::EPIPE);
            self.broken(key, e);
        }
    }

    /// Our end of a stream carrier has an event.
    pub(crate) fn stream_event(&mut self, key: Key, events: u32) {
        let Some(s) = self.table.get(key).and_then(Carrier::stream) else {
            return;
        };
        if events & (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32 != 0 {
            s.hup = true;
        }
        if events & libc::EPOLLOUT as u32 != 0 && (!s.rx.is_empty() || s.urgent.is_some()) {
            self.pump_rx(key);
        }
        self.pump_tx(key);
    }

    /// The stack's pending error, taken from it.
    pub(crate) fn socket_error(&mut self, sid: Sid) -> Option<Errno> {
        let mut value = [0u8; 4];
        self.stack.getsockopt(sid, libc::SOL_SOCKET, libc::SO_ERROR, &mut value).ok()?;
        Errno::from_raw(i32::from_ne_bytes(value))
    }

    /// The connection broke with `e`: the carrier shows a reset.
    fn broken(&mut self, key: Key, e: Errno) {
        let copy = self.locate(key);
        if let Some(copy) = &copy {
            self.ensure_watch(key, copy.as_fd());
        }
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        carrier.error = Some(e);
        let Some(s) = carrier.stream() else { return };
        s.state = State::Dead;
        if let Some(mut pump) = s.pump.take() {
            if s.rx_done {
                // After the end of file TCP shows no error to a reader: close with nothing unread.
                while let Ok(Pulled::Bytes(_)) = pump.pull_tx(&mut self.scratch) {}
            } else {
                pump.reset(copy.as_ref().map(AsFd::as_fd));
            }
        }
        if copy.is_none() {
            // Nobody holds it any more.
            self.closed(key);
        }
    }
}
