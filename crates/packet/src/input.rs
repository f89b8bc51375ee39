//! The way up: every packet of the namespace passes here while a socket wants packets (`packet_rcv`, `packet_rcv_spkt`).

use crate::link;
use crate::sock::{Packet, flag};
use crate::state::PacketNet;
use kern::time::Time;
use net::dev::{Tap, TapDirection};
use net::skb::PktType;
use net::sock::wants_timestamps;
use net::{Cx, DropReason, Skb, Sock};
use std::sync::atomic::Ordering::Relaxed;
use uapi::ETH_P_ALL;
use uapi::socket::{SOCK_DGRAM, SOCK_PACKET};

/// The least that a packet is charged: its descriptor and the smallest buffer.
const LEAST_CHARGE: u32 = 768;

/// Looks at all packets for all packet sockets.
pub(crate) struct PacketTap;

impl Tap for PacketTap {
    fn packet(&self, cx: &Cx<'_>, skb: &Skb, direction: TapDirection) {
        let out = direction == TapDirection::Out;
        for sk in PacketNet::of(cx.net).receivers(|sk| wants(sk, skb, out)) {
            packet_rcv(cx, &sk, skb, out);
            cx.sock_put(sk);
        }
    }
}

fn wants(sk: &Sock<Packet>, skb: &Skb, out: bool) -> bool {
    let shared = &sk.shared;
    let num = shared.num.load(Relaxed);
    let ifindex = shared.ifindex.load(Relaxed);
    // Only who wants everything sees what is sent, and not what it sent itself.
    let mine = || skb.owner.as_ref().is_some_and(|owner| std::ptr::eq(owner.common(), &raw const **sk));
    let fits = if out { num == ETH_P_ALL && !mine() } else { num == ETH_P_ALL || num == skb.protocol };
    fits && (ifindex == 0 || ifindex == skb.iif)
        && skb.pkt_type != PktType::Loopback
        && !(out && shared.flag(flag::IGNORE_OUTGOING))
}

/// Gives the socket its copy, with the link-layer header unless it is a datagram socket.
fn packet_rcv(cx: &Cx<'_>, sk: &Sock<Packet>, skb: &Skb, out: bool) {
    let Some(dev) = cx.net.dev.by_index(skb.iif) else { return };
    let mut copy = skb.clone_in(cx);
    if out {
        copy.pkt_type = PktType::Outgoing;
    }
    if copy.tstamp.is_none() && wants_timestamps(sk) {
        copy.tstamp = Some(Time::from_ns(cx.net.clock.realtime_ns()));
    }
    let len = link::header_len(&dev);
    if len != 0 {
        let header = link::header(&dev, skb);
        copy.push(len).copy_from_slice(header.bytes());
        copy.set_mac_header();
        if i32::from(sk.kind()) == SOCK_DGRAM {
            copy.pull(len);
        }
    }
    queue_rcv(cx, sk, copy);
}

/// Filters a packet and queues what is left of it.
pub(crate) fn queue_rcv(cx: &Cx<'_>, sk: &Sock<Packet>, mut skb: Skb) {
    // A filter that wants all of nothing wants nothing.
    if skb.is_empty() {
        return cx.drop_skb(skb, DropReason::SocketFilter);
    }
    // The whole length, for `PACKET_AUXDATA`: it has no use for the packet's hash.
    skb.hash = skb.len() as u32;
    if let Err(reason) = sk.filter(cx, &mut skb, 1) {
        return cx.drop_skb(skb, reason);
    }
    skb.truesize = skb.truesize.max(LEAST_CHARGE);
    let counted = i32::from(sk.kind()) != SOCK_PACKET;
    match sk.shared.queue.enqueue_within(cx, sk, skb) {
        Ok(()) if counted => drop(sk.shared.packets.fetch_add(1, Relaxed)),
        Ok(()) => {}
        Err((skb, reason)) => {
            sk.shared.drops.fetch_add(1, Relaxed);
            cx.drop_skb(skb, reason);
        }
    }
}
