//! Taking a local port (`udp_lib_get_port`).

use super::UdpTable;
use super::slot::{Key, Slot};
use crate::Udp;
use ip::ports::{self, Local};
use net::sock::{SockCommon, SockFlag};
use net::{Net, Sock};
use std::ops::RangeInclusive;

/// Who wants a port.
pub struct Claim<'a> {
    /// The socket.
    pub sk: &'a Sock<Udp>,
    /// What it is looked up by once it is in the table.
    pub key: Key,
}

fn local(key: &Key) -> Local {
    Local { addr: key.rcv_saddr, v6: key.v6, v6only: key.v6only }
}

impl Claim<'_> {
    /// Whether another socket of the port stands in the way (`udp_lib_lport_inuse`).
    fn conflicts(&self, slot: &Slot) -> bool {
        // Who brings a group with a program of its own joins no other.
        let joins = self.sk.flag(SockFlag::Reuseport) && self.sk.reuseport().is_none();
        let (reuse, reuseport) = (self.sk.flag(SockFlag::Reuse), joins);
        let (bound, uid) = (self.sk.bound_dev_if(), self.sk.uid());
        slot.entries.iter().any(|entry| {
            let other = &*entry.sk;
            let other_bound = other.bound_dev_if();
            !(reuse && other.flag(SockFlag::Reuse))
                && (bound == 0 || other_bound == 0 || bound == other_bound)
                && local(&self.key).overlaps(local(&entry.key), true)
                && !(reuseport && other.flag(SockFlag::Reuseport) && uid == other.uid())
        })
    }

    /// The group of sockets that share this address (`udp_reuseport_add_sock`).
    fn group(&self, slot: &mut Slot) -> u32 {
        if !self.sk.flag(SockFlag::Reuseport) {
            return 0;
        }
        let same = slot.entries.iter().find(|entry| {
            entry.group != 0
                && entry.key.v6 == self.key.v6
                && entry.key.v6only == self.key.v6only
                && entry.sk.bound_dev_if() == self.sk.bound_dev_if()
                && entry.sk.uid() == self.sk.uid()
                && local(&self.key).overlaps(local(&entry.key), false)
        });
        self.sk.join_reuseport(same.map(|entry| -> &SockCommon { &entry.sk }));
        match same.map(|entry| entry.group) {
            Some(group) => group,
            None => slot.new_group(),
        }
    }
}

impl UdpTable {
    /// Puts the socket in under `port`; false when the port is taken.
    pub fn take(&self, port: u16, claim: &Claim<'_>) -> bool {
        let Some(slot) = self.slot_or_new(port) else { return false };
        let mut slot = slot.lock();
        if claim.conflicts(&slot) {
            return false;
        }
        let group = claim.group(&mut slot);
        slot.insert(claim.key, group, claim.sk.hold());
        true
    }

    /// Puts the socket in under a free port of `range`; `None` when all are taken.
    pub fn take_any(&self, net: &Net, range: &RangeInclusive<u16>, claim: &Claim<'_>) -> Option<u16> {
        let ports = net.generic::<ports::Ports>();
        let mut order = ports::RandomOrder::new(range, &net.rng);
        order.find(|&port| !ports.is_reserved(port) && self.take(port, claim))
    }
}
