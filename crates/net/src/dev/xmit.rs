//! Out through a device (`dev_queue_xmit`), and the taps that see every packet.

use super::{DevStat, NetDevice};
use crate::cx::{BhCx, Cx};
use crate::drop::DropReason;
use crate::netns::Net;
use crate::skb::{IpSummed, Skb};
use crate::sock::txstamp;
use kern::gate::Gate;
use kern::sync::SpinLock;
use std::sync::Arc;
use uapi::{Errno, Result};

/// Which way a packet that a tap sees is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapDirection {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// Somebody who sees all packets of a namespace: a packet socket, a capture (`ptype_all`).
pub trait Tap: Send + Sync {
    /// A packet passes; `data` is at the network header.
    fn packet(&self, cx: &Cx<'_>, skb: &Skb, direction: TapDirection);
}

/// The taps of a namespace; costs a load when there is none.
#[derive(Default)]
pub struct Taps {
    gate: Gate,
    list: SpinLock<Vec<Arc<dyn Tap>>>,
}

impl Taps {
    #[cold]
    fn show(&self, cx: &Cx<'_>, skb: &Skb, direction: TapDirection) {
        let taps = self.list.lock().clone();
        for tap in taps {
            tap.packet(cx, skb, direction);
        }
    }
}

impl Net {
    /// Adds a tap (`dev_add_pack` with `ETH_P_ALL`).
    pub fn add_tap(&self, tap: Arc<dyn Tap>) {
        self.taps.list.lock().push(tap);
        self.taps.gate.set(true);
    }

    /// Removes a tap (`dev_remove_pack`).
    pub fn remove_tap(&self, tap: &Arc<dyn Tap>) {
        let mut list = self.taps.list.lock();
        list.retain(|t| !Arc::ptr_eq(t, tap));
        self.taps.gate.set(!list.is_empty());
    }

    #[inline]
    pub(crate) fn deliver_taps(&self, cx: &Cx<'_>, skb: &Skb, direction: TapDirection) {
        if self.taps.gate.is_on() {
            self.taps.show(cx, skb, direction);
        }
    }

    pub(crate) fn deliver_taps_in(&self, cx: &BhCx<'_, '_>, skb: &Skb) {
        self.deliver_taps(cx, skb, TapDirection::In);
    }
}

impl Cx<'_> {
    /// Sends a packet out through `dev` (`dev_queue_xmit`): completes its checksum if the device
    /// cannot, counts it, and hands it to the driver. `skb.data` is where the driver expects it.
    ///
    /// # Errors
    /// `ENOBUFS` when the device's queue has no room: the packet is gone.
    pub fn dev_queue_xmit(&self, dev: &NetDevice, mut skb: Skb) -> Result<()> {
        if skb.tx_flags != 0 {
            txstamp::sched(self, dev, &skb);
        }
        if dev.queue_is_full() {
            txstamp::disown(self, &mut skb);
            self.drop_skb(skb, DropReason::QdiscDrop);
            return Err(Errno::ENOBUFS);
        }
        if skb.ip_summed == IpSummed::Partial && !dev.features.csum {
            skb_checksum_help(&mut skb);
        }
        skb.iif = dev.ifindex;
        let len = skb.len() as u64;
        self.trace(|| crate::trace::Event::Tx { dev, skb: &skb });
        self.net.deliver_taps(self, &skb, TapDirection::Out);
        if skb.tx_flags != 0 {
            txstamp::sent(self, dev, &mut skb);
        }
        match dev.ops().start_xmit(self, dev, skb) {
            Ok(()) => {
                dev.stats.add(self, DevStat::TxPackets, 1);
                dev.stats.add(self, DevStat::TxBytes, len);
            }
            Err((mut skb, reason)) => {
                self.skb_orphan(&mut skb);
                dev.stats.add(self, DevStat::TxDropped, 1);
                self.drop_skb(skb, reason);
            }
        }
        Ok(())
    }

    /// Refuses a packet for a device that is down.
    pub fn dev_down(&self, skb: Skb) {
        self.drop_skb(skb, DropReason::DevReady);
    }
}

/// Computes a checksum that was left to the device (`skb_checksum_help`). The field holds the
/// pseudo-header's sum already.
pub fn skb_checksum_help(skb: &mut Skb) {
    let start = skb.csum_start_in_linear();
    let value = skb.checksum(start).fold_udp();
    let at = start + usize::from(skb.csum_offset);
    if let Some(field) = skb.linear_mut().get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
    skb.ip_summed = IpSummed::None;
}
