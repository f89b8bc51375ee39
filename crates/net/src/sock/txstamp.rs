//! Times of packets sent (`SO_TIMESTAMPING`): what of a packet is to be told, and the messages in the
//! error queue that tell it (`sock_tx_timestamp`, `__skb_tstamp_tx`).

use super::errqueue::ErrMsg;
use super::mem::truesize_linear;
use super::{AnySock, Proto, Sock, SockCommon};
use crate::cx::Cx;
use crate::dev::NetDevice;
use crate::skb::Skb;
use kern::time::Time;
use std::sync::Arc;
use uapi::*;

/// The time it enters the queue is told (`SKBTX_SCHED_TSTAMP`).
pub const TX_SCHED: u8 = 1;
/// The time the driver gets it is told (`SKBTX_SW_TSTAMP`).
pub const TX_SOFTWARE: u8 = 2;
/// The time the peer acknowledges it is told (`TSTAMP_ACK_SK`).
pub const TX_ACK: u8 = 4;

/// Bytes of the header before a packet of a device that has one.
const ETH_HLEN: usize = 14;

/// The notes for a packet that these `SOF_TIMESTAMPING_*` ask for.
#[must_use]
pub fn tx_flags(tsflags: u32) -> u8 {
    let bit = |asked: u32, note: u8| if tsflags & asked != 0 { note } else { 0 };
    bit(SOF_TIMESTAMPING_TX_SCHED, TX_SCHED) | bit(SOF_TIMESTAMPING_TX_SOFTWARE, TX_SOFTWARE)
}

/// Notes what is to be told of a datagram: as its call asked for, else as its socket
/// (`skb_setup_tx_timestamp`). `id` is the number the call gave it.
#[inline]
pub fn setup_tx_timestamp<P: Proto>(sk: &Sock<P>, skb: &mut Skb, asked: Option<u32>, id: Option<u32>) {
    let tsflags = asked.unwrap_or_else(|| sk.tsflags());
    if tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK != 0 {
        setup(sk, skb, tsflags, id);
    }
}

#[cold]
fn setup<P: Proto>(sk: &Sock<P>, skb: &mut Skb, tsflags: u32, id: Option<u32>) {
    skb.tx_flags = tx_flags(tsflags);
    if skb.tx_flags == 0 {
        return;
    }
    if tsflags & SOF_TIMESTAMPING_OPT_ID != 0 {
        skb.tskey = id.unwrap_or_else(|| sk.next_tskey());
    }
    skb.owner = Some(sk.hold());
}

/// Queues the message that tells `kind` (`SCM_TSTAMP_*`) of the packet numbered `key`: now is the time.
/// `stats` says that the packet is the stream's statistics (`__skb_complete_tx_timestamp`).
pub fn queue_tstamp(cx: &Cx<'_>, sk: &SockCommon, mut skb: Skb, kind: u32, key: u32, stats: bool) {
    let mut ee = SockExtendedErr {
        errno: Errno::ENOMSG.raw() as u32,
        origin: SO_EE_ORIGIN_TIMESTAMPING,
        info: kind,
        ..SockExtendedErr::default()
    };
    if sk.tsflags() & SOF_TIMESTAMPING_OPT_ID != 0 {
        // A stream's numbers count from where it was asked to.
        let stream = i32::from(sk.protocol()) == IPPROTO_TCP && i32::from(sk.kind()) == SOCK_STREAM;
        ee.data = if stream { key.wrapping_sub(sk.tskey()) } else { key };
    }
    skb.tstamp = Some(Time::from_ns(cx.net.clock.realtime_ns()));
    skb.truesize = skb.truesize.max(truesize_linear(skb.len() as u32));
    sk.queue_err(cx, ErrMsg { ee, dest: (InetAddr::UNSPECIFIED_V4, 0, 0), skb, payload: 0, stats });
}

/// What is told with a time: a copy of the packet, or nothing.
#[must_use]
pub fn told(cx: &Cx<'_>, sk: &SockCommon, skb: &Skb) -> Skb {
    if sk.tsflags() & SOF_TIMESTAMPING_OPT_TSONLY == 0 { skb.clone_in(cx) } else { cx.alloc_skb() }
}

/// A packet is about to enter the device's queue.
#[cold]
pub(crate) fn sched(cx: &Cx<'_>, dev: &NetDevice, skb: &Skb) {
    if skb.tx_flags & TX_SCHED != 0
        && let Some(owner) = &skb.owner
    {
        tell(cx, owner, dev, skb, SCM_TSTAMP_SCHED);
    }
}

/// The driver is about to get it (`skb_tx_timestamp`): what goes on its way tells no more.
#[cold]
pub(crate) fn sent(cx: &Cx<'_>, dev: &NetDevice, skb: &mut Skb) {
    let flags = std::mem::take(&mut skb.tx_flags);
    if let Some(owner) = skb.owner.take() {
        if flags & TX_SOFTWARE != 0 {
            tell(cx, &owner, dev, skb, SCM_TSTAMP_SND);
        }
        owner.put(cx);
    }
}

/// It goes nowhere. One that tells its times is not charged to its socket, others are.
#[cold]
pub(crate) fn disown(cx: &Cx<'_>, skb: &mut Skb) {
    if skb.tx_flags == 0 {
        cx.skb_orphan(skb);
    } else if let Some(owner) = skb.owner.take() {
        owner.put(cx);
    }
}

fn tell(cx: &Cx<'_>, owner: &Arc<dyn AnySock>, dev: &NetDevice, skb: &Skb, kind: u32) {
    let sk = owner.common();
    let mut message = told(cx, sk, skb);
    if sk.tsflags() & SOF_TIMESTAMPING_OPT_TSONLY == 0 {
        message.iif = dev.ifindex;
        if matches!(dev.hardware, ARPHRD_ETHER | ARPHRD_LOOPBACK) && message.headroom() >= ETH_HLEN {
            // Without neighbours both ends have the device's own address.
            let (to, protocol) = (dev.address.first_chunk::<6>(), skb.protocol.to_be_bytes());
            let address = to.copied().unwrap_or_default();
            let header = message.push(ETH_HLEN);
            header[..6].copy_from_slice(&address);
            header[6..12].copy_from_slice(&address);
            header[12..].copy_from_slice(&protocol);
        }
    }
    queue_tstamp(cx, sk, message, kind, skb.tskey, false);
}
