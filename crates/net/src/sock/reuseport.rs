//! Groups of sockets that share a port (`struct sock_reuseport`), and the program that chooses among a group's
//! (`SO_ATTACH_REUSEPORT_CBPF`). Who is in a group only the protocol's table knows; what is shared is here.

use super::{SockCommon, SockFlag};
use crate::cx::Cx;
use crate::filter::Program;
use crate::skb::Skb;
use kern::sync::SpinLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use uapi::{Errno, Result};

/// What the sockets of a group share.
#[derive(Default)]
pub struct Group {
    program: SpinLock<Option<Arc<Program>>>,
    /// There is one, or a member wants packets of one CPU: the hash alone does not choose.
    special: AtomicBool,
}

impl Group {
    /// The place of the member, of `members`, that the program chooses for a packet whose payload begins `header` bytes
    /// after its data; `None` without a program, or when it chooses nobody (`run_bpf_filter`).
    pub fn choose(&self, cx: &Cx<'_>, skb: &Skb, header: usize, members: usize) -> Option<usize> {
        let program = self.program.lock().clone()?;
        let place = program.run_after(cx, skb, header)? as usize;
        (place < members).then_some(place)
    }

    /// The place of the member that gets a packet: the program's choice, else by `hash`, the first from there on that
    /// `takes` it and wants it from this CPU, or else the first that takes it (`reuseport_select_sock`). A member is
    /// asked for by its place: its `SO_INCOMING_CPU`, or `None` if it takes no packets, being connected.
    pub fn select(
        &self,
        cx: &Cx<'_>,
        packet: Option<(&Skb, usize)>,
        (hash, members): (u32, usize),
        takes: impl Fn(usize) -> Option<i32>,
    ) -> Option<usize> {
        if let Some(place) = packet.and_then(|(skb, header)| self.choose(cx, skb, header, members)) {
            return Some(place);
        }
        let first = ((u64::from(hash) * members as u64) >> 32) as usize;
        let places = || (first..members).chain(0..first);
        let cpu = cx.cpu.id.index() as i32;
        let own = places().find(|place| takes(*place) == Some(cpu));
        own.or_else(|| places().find(|place| takes(*place).is_some()))
    }

    /// Whether more than a hash may choose.
    #[inline]
    pub fn is_special(&self) -> bool {
        self.special.load(Relaxed)
    }
}

impl SockCommon {
    /// A socket with `SO_REUSEPORT` gets its port: it joins the group of `other`, or is a group of its own, and keeps the
    /// program that it brings (`reuseport_alloc`, `reuseport_add_sock`).
    pub fn join_reuseport(&self, other: Option<&SockCommon>) {
        let of_other = other.and_then(SockCommon::reuseport);
        let mut own = self.rare().reuseport.lock();
        match of_other {
            Some(group) => *own = Some(group),
            None => drop(own.get_or_insert_default()),
        }
        let group = own.clone();
        drop(own);
        if let Some(group) = group.filter(|_| self.incoming_cpu() >= 0) {
            group.special.store(true, Relaxed);
        }
    }

    /// Its port is given back (`reuseport_detach_sock`).
    pub fn leave_reuseport(&self) {
        if let Some(rare) = self.known_rare() {
            drop(rare.reuseport.lock().take());
        }
    }

    /// The group, if it is in one.
    pub fn reuseport(&self) -> Option<Arc<Group>> {
        self.known_rare().and_then(|rare| rare.reuseport.lock().clone())
    }

    /// The member wants packets of one CPU (`reuseport_update_incoming_cpu`).
    pub(super) fn mark_reuseport(&self) {
        if let Some(group) = self.reuseport() {
            group.special.store(true, Relaxed);
        }
    }

    /// Gives the group another program (`reuseport_attach_prog`); `hashed` if the socket has its port.
    ///
    /// # Errors
    /// `EINVAL` for a socket without `SO_REUSEPORT`, or that got its port without it.
    pub(super) fn attach_reuseport(&self, program: Arc<Program>, hashed: bool) -> Result<()> {
        if self.reuseport().is_none() {
            if hashed || !self.flag(SockFlag::Reuseport) {
                return Err(Errno::EINVAL);
            }
            self.join_reuseport(None);
        }
        let group = self.reuseport().ok_or(Errno::EINVAL)?;
        group.special.store(true, Relaxed);
        *group.program.lock() = Some(program);
        Ok(())
    }

    /// Takes the program away (`reuseport_detach_prog`).
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EINVAL` for a socket without `SO_REUSEPORT`.
    pub(super) fn detach_reuseport(&self) -> Result<()> {
        match self.reuseport() {
            Some(group) => group.program.lock().take().map(drop).ok_or(Errno::ENOENT),
            None if self.flag(SockFlag::Reuseport) => Err(Errno::ENOENT),
            None => Err(Errno::EINVAL),
        }
    }
}
