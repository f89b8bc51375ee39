//! A namespace for unit tests: `lo`, devices that keep what is sent through them, and protocols that
//! keep what they receive.

use crate::addr::{self, IfAddr};
use crate::protocol::{self, Family, IcmpError, NetProtocol};
use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::ThreadSleeper;
use kern::signals::Signals;
use kern::sync::SpinLock;
use kern::time::{Time, VirtualClock};
use net::dev::{DeviceConfig, Features, NetDeviceOps};
use net::netns::{Config, Pernet, Slot};
use net::{BhCx, Cx, DropReason, Net, NetDevice, Skb, UserCx};
use std::any::Any;
use std::sync::Arc;
use uapi::{IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_RUNNING, IFF_UP, InetAddr};

/// An error: type, code, info, our port, the peer's port.
pub(crate) type Told = (u8, u8, u32, u16, u16);

/// What the test protocols received.
#[derive(Default)]
pub(crate) struct Sink {
    /// Whole packets, from the network header on.
    pub(crate) packets: SpinLock<Vec<Vec<u8>>>,
    /// The errors they were told.
    pub(crate) errors: SpinLock<Vec<Told>>,
}

impl Pernet for Sink {
    const SLOT: Slot = Slot::Embedder;
}

fn handler(cx: &BhCx<'_, '_>, skb: Skb) {
    let header = skb.network()[..crate::packet::network_offset(&skb)].to_vec();
    cx.net.generic::<Sink>().packets.lock().push([header, skb.to_vec()].concat());
    cx.consume_skb(skb);
}

fn err_handler(cx: &BhCx<'_, '_>, error: &IcmpError<'_>) {
    let (ours, theirs) = error.ports().unwrap_or_default();
    cx.net.generic::<Sink>().errors.lock().push((error.kind, error.code, error.info, ours, theirs));
}

/// A device that loops, or keeps what it is given.
struct Keeper {
    loops: bool,
    sent: SpinLock<Vec<Vec<u8>>>,
}

impl NetDeviceOps for Keeper {
    fn start_xmit(&self, cx: &Cx<'_>, dev: &NetDevice, mut skb: Skb) -> Result<(), (Skb, DropReason)> {
        if self.loops {
            skb.iif = dev.ifindex;
            cx.netif_rx(skb);
        } else {
            self.sent.lock().push(skb.to_vec());
            cx.consume_skb(skb);
        }
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A namespace and all it takes to enter it.
pub(crate) struct World {
    pub(crate) net: Arc<Net>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) lo: Arc<NetDevice>,
    cpu: Cpu,
    cred: Cred,
    signals: Signals,
}

impl World {
    /// With `lo`, and UDP and TCP received by the sink.
    pub(crate) fn new() -> World {
        let clock = Arc::new(VirtualClock::new(Time::from_ns(1_000_000_000)));
        let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 1));
        let config =
            Config { id: 1, clock: clock.clone(), sleeper: sleeper.clone(), seed: 7, on_timer: None };
        let net = Net::new(config);
        crate::attach(&net).unwrap();
        net.set_generic(Sink::default()).unwrap();
        for (family, number) in [(Family::V4, 17), (Family::V6, 17), (Family::V4, 6), (Family::V6, 6)] {
            let p = NetProtocol { handler, err_handler: Some(err_handler), no_policy: true };
            protocol::add(&net, family, number, p).unwrap();
        }
        let cpu = Cpu::new(&CpuIds::new(), clock.clone(), sleeper);
        let lo = device(&net, "lo", 65536, true);
        addr::add_loopback(&net, &lo).unwrap();
        World { net, clock, lo, cpu, cred: Cred::root(), signals: Signals::new() }
    }

    /// Another device, with addresses.
    pub(crate) fn device(&self, name: &str, mtu: u32, addrs: &[(&str, u8)]) -> Arc<NetDevice> {
        let dev = device(&self.net, name, mtu, false);
        for (text, len) in addrs {
            addr::add(&self.net, &dev, IfAddr::new(a(text), *len)).unwrap();
        }
        addr::dev_up(&self.net, &dev);
        dev
    }

    /// Runs a call; what it sent to this host is received when it ends.
    pub(crate) fn call<R>(&self, work: impl FnOnce(&UserCx<'_>) -> R) -> R {
        let process = Process::enter(&self.cpu, &self.cred, &self.signals);
        let cx = UserCx::enter(&self.net, &process);
        work(&cx)
    }

    /// A packet comes in by a device.
    pub(crate) fn receive(&self, dev: &NetDevice, packet: &[u8]) {
        self.call(|cx| {
            let mut skb = cx.alloc_skb();
            skb.append(cx, packet);
            // What a device reads into fragments is made linear as far as headers go.
            skb.may_pull(packet.len().min(80));
            skb.iif = dev.ifindex;
            skb.protocol = if packet[0] >> 4 == 6 { uapi::ETH_P_IPV6 } else { uapi::ETH_P_IP };
            cx.netif_rx(skb);
        });
    }

    /// Time passes, timers fire.
    pub(crate) fn advance(&self, ms: u64) {
        self.clock.advance(ms * 1_000_000);
        self.net.run_timers(&self.cpu);
    }

    /// What the protocols received, once.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.net.generic::<Sink>().packets.lock())
    }

    /// What errors the protocols were told, once.
    pub(crate) fn errors(&self) -> Vec<Told> {
        std::mem::take(&mut *self.net.generic::<Sink>().errors.lock())
    }
}

/// What was sent through a device, once.
pub(crate) fn sent(dev: &NetDevice) -> Vec<Vec<u8>> {
    let keeper = dev.ops().as_any().downcast_ref::<Keeper>().unwrap();
    std::mem::take(&mut *keeper.sent.lock())
}

fn device(net: &Net, name: &str, mtu: u32, loops: bool) -> Arc<NetDevice> {
    let kind = if loops { IFF_LOOPBACK } else { IFF_MULTICAST | IFF_BROADCAST };
    let config = DeviceConfig {
        name: name.to_owned(),
        hardware: if loops { uapi::ARPHRD_LOOPBACK } else { uapi::ARPHRD_NONE },
        flags: IFF_UP | IFF_RUNNING | kind,
        mtu,
        address: Vec::new(),
        broadcast: Vec::new(),
        tx_queue_len: 1000,
        features: Features { csum: loops, gso: loops, loopback: loops },
    };
    net.dev.register(config, Box::new(Keeper { loops, sent: SpinLock::default() })).unwrap()
}

/// An address from its text.
pub(crate) fn a(text: &str) -> InetAddr {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// An IPv4 or IPv6 packet.
pub(crate) fn packet(saddr: &str, daddr: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = (a(saddr), a(daddr));
    let mut bytes = vec![0; 40];
    let len = match (src.as_v4(), dst.as_v4()) {
        (Some(src), Some(dst)) => {
            let payload_len = payload.len();
            wire::Ipv4Repr { protocol, src, dst, payload_len, ..Default::default() }.emit(&mut bytes)
        }
        _ => {
            let (src, dst, payload_len) = (src.as_v6(), dst.as_v6(), payload.len());
            wire::Ipv6Repr { next_header: protocol, src, dst, payload_len, ..Default::default() }
                .emit(&mut bytes)
        }
    };
    bytes.truncate(len);
    bytes.extend_from_slice(payload);
    bytes
}
