//! Datagram carriers (UDP, raw, ping, netlink, packet): a SOCK_SEQPACKET pair, one record a datagram.
//!
//! A program reads natively, where only the bytes travel, or by a trapped call that also wants the address and control
//! messages. Those are kept here for each datagram in flight; which one is at the head follows from how many bytes the
//! carrier still holds, because the datagrams leave in order.

use super::Carrier;
use crate::stack::{Cred, Name, Received, Send, Sid, Stack};
use crate::supervisor::Supervisor;
use crate::sys::epoll::Epoll;
use crate::sys::sock;
use crate::table::Key;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use uapi::Errno;

/// What belongs to a datagram beside its bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meta {
    /// Bytes in the carrier.
    pub len: usize,
    /// From where.
    pub name: Name,
    /// Control messages.
    pub control: Vec<u8>,
    /// `msg_flags`.
    pub flags: i32,
}

impl From<Received> for Meta {
    fn from(r: Received) -> Self {
        Self { len: r.len, name: r.name, control: r.control, flags: r.flags }
    }
}

/// A datagram socket's carrier.
#[derive(Debug)]
pub(crate) struct Datagram {
    ours: OwnedFd,
    /// In the carrier, the oldest first; some may have been read natively already.
    in_flight: VecDeque<Meta>,
    /// An empty datagram is in the carrier, and alone: bytes could not tell whether it has been read.
    alone: bool,
    /// Received from the stack, and did not fit.
    rx: Option<(Meta, Vec<u8>)>,
    /// Written by the program, and not yet taken by the stack.
    tx: Option<Vec<u8>>,
    wants_room: bool,
    /// The program has shut it down: how to tell that from a close.
    pub shut: bool,
}

/// Far more datagrams than a carrier holds: beyond it the oldest have been read for certain.
const IN_FLIGHT_MAX: usize = 1024;
/// Room for control messages that are kept with a datagram.
const CONTROL_MAX: usize = 512;

const EDGE: u32 = libc::EPOLLET as u32;
pub(crate) const DATAGRAM_EVENTS: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP) as u32 | EDGE;
const ROOM_EVENTS: u32 = DATAGRAM_EVENTS | libc::EPOLLOUT as u32;

impl Datagram {
    /// The carrier whose other end is `ours`.
    pub(crate) fn new(ours: OwnedFd) -> Self {
        Self {
            ours,
            in_flight: VecDeque::new(),
            alone: false,
            rx: None,
            tx: None,
            wants_room: false,
            shut: false,
        }
    }

    /// Our end.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }

    /// Whether something that the program wrote still waits.
    pub(crate) fn tx_waits(&self) -> bool {
        self.tx.is_some()
    }

    /// Forget what has been read natively; `copy` is the program's end.
    fn sync(&mut self, copy: BorrowedFd<'_>) {
        if self.in_flight.is_empty() {
            return;
        }
        if self.alone {
            if sock::unsent(self.ours.as_fd()) == 0 {
                self.in_flight.clear();
                self.alone = false;
            }
            return;
        }
        let held = sock::queued(copy);
        let mut sum: usize = self.in_flight.iter().map(|m| m.len).sum();
        while sum > held {
            let Some(gone) = self.in_flight.pop_front() else {
                break;
            };
            sum -= gone.len;
        }
    }

    /// The datagram at the head of the carrier, with `len` bytes of it in `buf` (all, if `buf` has the room).
    pub(crate) fn take_head(
        &mut self,
        copy: BorrowedFd<'_>,
        buf: &mut [u8],
        peek: bool,
    ) -> Option<(Meta, usize)> {
        self.sync(copy);
        let meta = self.in_flight.front()?.clone();
        let flags = if peek { libc::MSG_PEEK } else { 0 };
        match sock::recv(copy, buf, flags) {
            Ok(n) => {
                if !peek {
                    self.in_flight.pop_front();
                    self.alone &= !self.in_flight.is_empty();
                }
                Some((meta, n))
            }
            Err(_) => {
                // Another thread was faster.
                self.in_flight.clear();
                self.alone = false;
                None
            }
        }
    }

    /// The datagram that did not fit into the carrier, which the program has emptied since.
    pub(crate) fn take_waiting(&mut self, peek: bool) -> Option<(Meta, Vec<u8>)> {
        if peek { self.rx.clone() } else { self.rx.take() }
    }

    fn want_room(&mut self, epoll: &Epoll, key: Key, on: bool) {
        if self.wants_room != on {
            self.wants_room = on;
            let events = if on { ROOM_EVENTS } else { DATAGRAM_EVENTS };
            let _ = epoll.modify(self.ours.as_fd(), events, key.to_word());
        }
    }

    /// Put a datagram into the carrier; false if it must wait.
    fn push(&mut self, meta: &Meta, bytes: &[u8]) -> bool {
        if (self.alone || meta.len == 0) && sock::unsent(self.ours.as_fd()) > 0 {
            return false;
        }
        match sock::send(self.ours.as_fd(), bytes, 0) {
            Ok(_) => {
                self.alone = meta.len == 0;
                if self.alone || self.in_flight.len() >= IN_FLIGHT_MAX {
                    self.in_flight.pop_front();
                }
                self.in_flight.push_back(meta.clone());
                true
            }
            Err(Errno::EAGAIN | Errno::ENOBUFS) => false,
            // Longer than a record can be, or the program reads no more: dropped.
            Err(_) => true,
        }
    }
}

/// Move datagrams from the stack into the carrier; an error that the stack reports on the way comes back.
fn rx_round(
    stack: &mut dyn Stack,
    sid: Sid,
    d: &mut Datagram,
    scratch: &mut [u8],
    epoll: &Epoll,
    key: Key,
) -> Option<Errno> {
    let mut error = None;
    loop {
        if let Some((meta, bytes)) = d.rx.take()
            && !d.push(&meta, &bytes)
        {
            d.rx = Some((meta, bytes));
            d.want_room(epoll, key, true);
            return error;
        }
        match stack.recvmsg(sid, scratch, CONTROL_MAX, 0) {
            Ok(r) => {
                let meta = Meta::from(r);
                let bytes = &scratch[..meta.len];
                if !d.push(&meta, bytes) {
                    d.rx = Some((meta, bytes.to_vec()));
                    d.want_room(epoll, key, true);
                    return error;
                }
            }
            Err(Errno::EAGAIN) => {
                d.want_room(epoll, key, false);
                return error;
            }
            // A pending error is reported once; what is queued comes after it.
            Err(e) if error.is_none() => error = Some(e),
            Err(_) => return error,
        }
    }
}

/// What a round of sending came to.
enum TxEnd {
    Idle,
    Blocked,
    Closed,
}

fn tx_round(
    stack: &mut dyn Stack,
    sid: Sid,
    d: &mut Datagram,
    scratch: &mut [u8],
    error: &mut Option<Errno>,
) -> TxEnd {
    let cred = Cred::default();
    let mut send = |data: &[u8]| {
        let msg = Send { data, name: &[], control: &[], flags: libc::MSG_DONTWAIT };
        match stack.sendmsg(&cred, sid, &msg) {
            Err(Errno::EAGAIN) => false,
            Err(e) => {
                *error = Some(e);
                true
            }
            Ok(_) => true,
        }
    };
    if let Some(waiting) = d.tx.take()
        && !send(&waiting)
    {
        d.tx = Some(waiting);
        return TxEnd::Blocked;
    }
    loop {
        match sock::recv_record(d.ours.as_fd(), scratch) {
            Ok(Some(n)) => {
                if !send(&scratch[..n]) {
                    d.tx = Some(scratch[..n].to_vec());
                    return TxEnd::Blocked;
                }
            }
            Ok(None) | Err(Errno::ECONNRESET) => return TxEnd::Closed,
            Err(_) => return TxEnd::Idle,
        }
    }
}

impl Supervisor<'_> {
    /// Move what the program wrote natively into the stack.
    pub(crate) fn pull_datagrams(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let (sid, watched, closing) = (carrier.sid, carrier.watch.is_some(), carrier.closing);
        let mut error = None;
        let Some(d) = carrier.datagram() else { return };
        let end = tx_round(self.stack, sid, d, &mut self.scratch, &mut error);
        if error.is_some() {
            carrier.error = error;
        }
        match end {
            TxEnd::Closed if closing => self.finish_close(key, false),
            TxEnd::Closed if !watched => self.closed(key),
            _ => {}
        }
    }

    /// Move what the stack received into the carrier.
    pub(crate) fn push_datagrams(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let sid = carrier.sid;
        let Some(d) = carrier.datagram() else { return };
        let error = rx_round(self.stack, sid, d, &mut self.scratch, &self.epoll, key);
        if error.is_some() {
            carrier.error = error;
        }
    }

    /// The stack's socket may have changed.
    pub(crate) fn mirror_datagram(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let closing = carrier.closing;
        if carrier.datagram().is_some_and(|d| d.tx_waits()) {
            self.pull_datagrams(key);
        }
        if !closing {
            self.push_datagrams(key);
        }
    }

    /// Our end of a datagram carrier has an event.
    pub(crate) fn datagram_event(&mut self, key: Key, events: u32) {
        if events & libc::EPOLLOUT as u32 != 0 {
            self.push_datagrams(key);
        }
        if events & !(libc::EPOLLOUT as u32) != 0 {
            self.pull_datagrams(key);
        }
    }

    /// The head of a datagram carrier: see [`Datagram::take_head`].
    pub(crate) fn carrier_head(
        &mut self,
        key: Key,
        copy: BorrowedFd<'_>,
        peek: bool,
    ) -> Option<(Meta, usize)> {
        let d = self.table.get(key).and_then(Carrier::datagram)?;
        d.take_head(copy, &mut self.scratch, peek)
    }
}
