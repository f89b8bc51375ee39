//! The receive softirq: packets wait in a queue until the thread that raised them leaves its
//! system call (`netif_rx`, `do_softirq`, `net/core/dev.c`).
//!
//! Transmit never calls receive. A loopback transmit claims the namespace's receive queue for the
//! calling thread; while the claim lasts, its packets cost no atomic operation, and other threads'
//! packets line up behind. The claim ends with the call, and no packet is left behind (kern's
//! `ClaimQueue` is model-checked for it). One queue keeps the order of every flow.

use crate::cx::{BhCx, Cx};
use crate::drop::DropReason;
use crate::netns::Net;
use crate::skb::Skb;
use kern::context::Cpu;
use kern::time::Time;

/// Receives one packet: the layer-3 entry, called by ethertype (`struct packet_type`).
pub type PacketReceive = fn(&BhCx<'_, '_>, Skb);

impl Cx<'_> {
    /// Queues a packet for reception (`netif_rx`). `skb.protocol` and `skb.iif` are set.
    #[inline]
    pub fn netif_rx(&self, mut skb: Skb) {
        if self.net.netstamp.is_on() {
            skb.tstamp = Some(Time::from_ns(self.net.clock.realtime_ns()));
        }
        let mut rx = self.rx.borrow_mut();
        if rx.is_none() {
            *rx = self.net.rx.claim();
        }
        match &mut *rx {
            Some(claim) => claim.push_local(skb),
            // Somebody else is receiving; if it stopped just now, the claim comes to us.
            None => *rx = self.net.rx.push(skb),
        }
    }

    /// Receives what is queued, until nothing is.
    #[inline]
    pub fn do_softirq(&self) {
        if self.rx.borrow().is_some() {
            self.net_rx_action();
        }
    }

    fn net_rx_action(&self) {
        let bh = BhCx::new(self);
        loop {
            loop {
                // The borrow must end before the packet is received: receiving sends.
                let next = self.rx.borrow_mut().as_mut().and_then(|claim| claim.pop());
                match next {
                    Some(skb) => netif_receive_skb(&bh, skb),
                    None => break,
                }
            }
            let claim = self.rx.borrow_mut().take();
            let Some(claim) = claim.and_then(|claim| claim.release()) else { return };
            *self.rx.borrow_mut() = Some(claim);
        }
    }
}

/// Hands a packet to the layer-3 protocol of its ethertype (`__netif_receive_skb_core`).
pub fn netif_receive_skb(cx: &BhCx<'_, '_>, mut skb: Skb) {
    skb.set_network_header();
    cx.trace(|| crate::trace::Event::Rx { skb: &skb });
    cx.net.deliver_taps(cx, &skb, crate::dev::TapDirection::In);
    match cx.net.packet_type(skb.protocol) {
        Some(receive) => receive(cx, skb),
        None => cx.drop_skb(skb, DropReason::UnhandledProto),
    }
}

impl Net {
    /// Runs `work` in softirq context, then receives what it queued. For those who drive a
    /// namespace from outside any system call: devices, timers, tests.
    pub fn softirq(&self, cpu: &Cpu, work: impl FnOnce(&BhCx<'_, '_>)) {
        let cx = Cx::new(self, cpu);
        work(&BhCx::new(&cx));
        cx.do_softirq();
    }
}
