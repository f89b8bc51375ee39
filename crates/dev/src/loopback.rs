//! The loopback device, `lo` (`drivers/net/loopback.c`).
//!
//! What is sent comes back in the receive queue of the same thread; nothing is copied, no checksum
//! is computed or verified.

use net::dev::{DeviceConfig, Features, NetDevice, NetDeviceOps};
use net::skb::PktType;
use net::{Cx, DropReason, Net, Skb};
use std::any::Any;
use std::sync::Arc;
use uapi::{
    ARPHRD_LOOPBACK, ETH_ALEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN, IFF_LOOPBACK, IFF_LOWER_UP,
    IFF_RUNNING, IFF_UP, Result,
};
use wire::EthHdr;

/// Bytes of the largest packet.
pub const MTU: u32 = 65536;

/// The driver.
struct Loopback;

impl NetDeviceOps for Loopback {
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        dev: &NetDevice,
        mut skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)> {
        // The sender is done with it: its buffer is free for more before the receiver reads.
        cx.skb_orphan(&mut skb);
        skb.iif = dev.ifindex;
        skb.pkt_type = PktType::Host;
        if !skb.mac_header().is_empty() {
            eth_type_trans(dev, &mut skb);
        }
        skb.tstamp = None;
        cx.netif_rx(skb);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// For whom a packet is, and what it carries, by the link-layer header that its sender wrote (`eth_type_trans`).
#[cold]
fn eth_type_trans(dev: &NetDevice, skb: &mut Skb) {
    let Some((header, _)) = EthHdr::view(skb.mac_header()) else { return };
    let (dest, proto) = (header.dest(), header.proto());
    skb.pkt_type = match dest.0 {
        to if to == *dev.address => PktType::Host,
        to if to == *dev.broadcast => PktType::Broadcast,
        _ if dest.is_multicast() => PktType::Multicast,
        _ => PktType::OtherHost,
    };
    skb.protocol = match proto {
        proto if proto >= ETH_P_802_3_MIN => proto,
        // Novell's frames have no header behind the length.
        _ if skb.linear().starts_with(&[0xff, 0xff]) => ETH_P_802_3,
        _ => ETH_P_802_2,
    };
}

/// Adds `lo` to a namespace, up; `EEXIST` the second time. Its addresses are the IP room's to give.
pub fn add(net: &Net) -> Result<Arc<NetDevice>> {
    let config = DeviceConfig {
        name: "lo".to_owned(),
        hardware: ARPHRD_LOOPBACK,
        flags: IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
        mtu: MTU,
        address: vec![0; ETH_ALEN],
        broadcast: vec![0; ETH_ALEN],
        tx_queue_len: 1000,
        features: Features { csum: true, gso: true, loopback: true },
    };
    net.dev.register(config, Box::new(Loopback))
}
