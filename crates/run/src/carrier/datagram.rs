//! Datagram carriers (UDP, raw, ping, netlink, packet): a SOCK_DGRAM pair, one record a datagram.
//!
//! A program reads natively, where only the bytes travel, or by a trapped call that also wants the address and control
//! messages. Those are kept here once for all datagrams in the carrier: one that differs waits until the carrier is empty
//! (`SIOCOUTQ` of our end is 0), and trapped calls take it past the carrier. So it never matters how many were read natively.

use super::Carrier;
use crate::stack::{Cred, Name, Received, Send, Sid, Stack};
use crate::supervisor::Supervisor;
use crate::sys::epoll::Epoll;
use crate::sys::sock;
use crate::table::Key;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use uapi::{Errno, Result};

/// What belongs to a datagram beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// From where.
    pub name: Name,
    /// Control messages.
    pub control: Vec<u8>,
    /// `msg_flags`.
    pub flags: i32,
}

/// A datagram socket's carrier.
#[derive(Debug)]
pub(crate) struct Datagram {
    ours: OwnedFd,
    /// Of every datagram in the carrier.
    meta: Meta,
    /// Received from the stack, and must wait.
    rx: Option<(Meta, Vec<u8>)>,
    /// Written by the program, and not yet taken by the stack.
    tx: Option<Vec<u8>>,
    wants_room: bool,
    /// Where our end finds the carrier again after an error was shown.
    file: Option<OwnedFd>,
    /// The carrier itself shows the pending error.
    error_shown: bool,
}

/// Room for control messages that are kept with a datagram.
const CONTROL_MAX: usize = 512;

const EDGE: u32 = libc::EPOLLET as u32;
pub(crate) const DATAGRAM_EVENTS: u32 = libc::EPOLLIN as u32 | EDGE;
const ROOM_EVENTS: u32 = DATAGRAM_EVENTS | libc::EPOLLOUT as u32;

impl Datagram {
    /// The carrier whose other end is `ours`.
    pub(crate) fn new(ours: OwnedFd) -> Self {
        Self {
            ours,
            meta: Meta::default(),
            rx: None,
            tx: None,
            wants_room: false,
            file: None,
            error_shown: false,
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

    fn want_room(&mut self, epoll: &Epoll, key: Key, on: bool) {
        if self.wants_room != on {
            self.wants_room = on;
            let events = if on { ROOM_EVENTS } else { DATAGRAM_EVENTS };
            let _ = epoll.modify(self.ours.as_fd(), events, key.to_word());
        }
    }

    /// Put a datagram into the carrier; false if it must wait.
    fn push(&mut self, meta: &Meta, bytes: &[u8]) -> bool {
        if *meta != self.meta {
            if sock::unsent(self.ours.as_fd()) > 0 {
                return false;
            }
            self.meta.clone_from(meta);
        }
        // Longer than a record can be, or the program reads no more: dropped.
        !matches!(sock::send(self.ours.as_fd(), bytes, 0), Err(Errno::EAGAIN | Errno::ENOBUFS))
    }

    /// Show that an error is pending: a read, a write or a poll of the program meets it, as ECONNRESET.
    ///
    /// The host says so to one end of a datagram pair when the other turns away with data unread; afterwards they are
    /// joined again.
    fn show_error(&mut self, program: BorrowedFd<'_>, home: &mut super::home::Home) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(home.name(program)?);
        }
        let file = self.file.as_ref().ok_or(Errno::EBADF)?;
        sock::send(program, &[0], 0)?;
        sock::disconnect(self.ours.as_fd())?;
        sock::connect_nameless(self.ours.as_fd(), file.as_fd())?;
        self.error_shown = true;
        Ok(())
    }
}

impl Carrier {
    /// The pending error, if the program has not met it already; `copy` is the program's end.
    pub(crate) fn take_datagram_error(&mut self, copy: BorrowedFd<'_>) -> Option<Errno> {
        self.datagram()?;
        let error = self.error.take()?;
        let d = self.datagram()?;
        if std::mem::take(&mut d.error_shown) && sock::take_error(copy).is_none() {
            return None;
        }
        Some(error)
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
            Ok(Received { len, name, control, flags, .. }) => {
                let meta = Meta { name, control, flags };
                let bytes = &scratch[..len];
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

/// Move records from the carrier into the stack; an error on the way comes back.
fn tx_round(
    stack: &mut dyn Stack,
    cred: &Cred,
    sid: Sid,
    d: &mut Datagram,
    scratch: &mut [u8],
) -> Option<Errno> {
    let mut error = None;
    let mut send = |data: &[u8]| {
        let msg = Send { data, name: &[], control: &[], flags: libc::MSG_DONTWAIT };
        match stack.sendmsg(cred, sid, &msg) {
            Err(Errno::EAGAIN) => return false,
            Err(e) => error = Some(e),
            Ok(_) => {}
        }
        true
    };
    if let Some(waiting) = d.tx.take()
        && !send(&waiting)
    {
        d.tx = Some(waiting);
        return error;
    }
    while let Ok(n) = sock::recv(d.ours.as_fd(), scratch, 0) {
        if !send(&scratch[..n]) {
            d.tx = Some(scratch[..n].to_vec());
            break;
        }
    }
    error
}

impl Supervisor<'_> {
    /// Move what the program wrote natively into the stack.
    pub(crate) fn pull_datagrams(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else { return };
        let (sid, closing, tid) = (carrier.sid, carrier.closing, carrier.hint.0);
        let cred = match carrier.family {
            // A netlink request is judged by its sender's capabilities.
            libc::AF_NETLINK => self.tasks.fresh_cred(tid),
            _ => Cred::default(),
        };
        let Some(d) = carrier.datagram() else { return };
        let error = tx_round(self.stack, &cred, sid, d, &mut self.scratch);
        if closing && !d.tx_waits() {
            self.finish_close(key, false);
        } else if let Some(e) = error {
            self.datagram_error(key, e);
        }
    }

    /// Move what the stack received into the carrier.
    pub(crate) fn push_datagrams(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else { return };
        let sid = carrier.sid;
        let Some(d) = carrier.datagram() else { return };
        if let Some(e) = rx_round(self.stack, sid, d, &mut self.scratch, &self.epoll, key) {
            self.datagram_error(key, e);
        }
    }

    /// The stack's socket may have changed.
    pub(crate) fn mirror_datagram(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else { return };
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

    /// An asynchronous error (ICMP): pending until a trapped call takes it or the program meets it in the carrier.
    fn datagram_error(&mut self, key: Key, error: Errno) {
        let copy = self.locate(key);
        let Some(carrier) = self.table.get(key) else { return };
        carrier.error = Some(error);
        if let Some(copy) = copy
            && let Some(d) = carrier.datagram()
        {
            let _ = d.show_error(copy.as_fd(), &mut self.home);
        }
    }

    /// The first datagram past the stack: its bytes are at the start of `scratch`.
    pub(crate) fn first_datagram(
        &mut self,
        key: Key,
        copy: BorrowedFd<'_>,
        peek: bool,
    ) -> Option<(Meta, usize)> {
        let d = self.table.get(key).and_then(Carrier::datagram)?;
        if sock::unsent(d.ours.as_fd()) > 0 {
            let flags = if peek { libc::MSG_PEEK } else { 0 };
            if let Ok(n) = sock::recv(copy, &mut self.scratch, flags) {
                return Some((d.meta.clone(), n));
            }
        }
        let (meta, bytes) = if peek { d.rx.clone()? } else { d.rx.take()? };
        self.scratch[..bytes.len()].copy_from_slice(&bytes);
        Some((meta, bytes.len()))
    }
}
