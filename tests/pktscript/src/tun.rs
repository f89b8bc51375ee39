//! The device under test: what the stack sends waits here to be looked at.

use sockeye::Net;
use sockeye::stack::dev::{DeviceConfig, Features, NetDevice, NetDeviceOps};
use sockeye::stack::skb::IpSummed;
use sockeye::stack::sock::mem::truesize_linear;
use sockeye::stack::{Cx, DropReason, Skb};
use sockeye::uapi::{
    ARPHRD_NONE, ETH_P_IP, ETH_P_IPV6, IFF_LOWER_UP, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT, IFF_RUNNING,
    IFF_UP, Result,
};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Its name.
pub(crate) const NAME: &str = "tun0";

/// A packet and when it was sent, nanoseconds of the namespace's clock.
pub(crate) type Packet = (u64, Vec<u8>);

/// The device.
pub(crate) struct Tun {
    dev: Arc<NetDevice>,
    queue: Arc<Mutex<VecDeque<Packet>>>,
}

struct Driver {
    queue: Arc<Mutex<VecDeque<Packet>>>,
}

impl Tun {
    /// Adds it to a namespace, up and without an address. It cuts large segments itself: TCP makes them
    /// whether or not a device can, as on Linux.
    ///
    /// # Errors
    /// When there is one already.
    pub(crate) fn new(net: &Net, mtu: u32) -> Result<Tun> {
        let queue: Arc<Mutex<VecDeque<Packet>>> = Arc::default();
        let device = DeviceConfig {
            name: NAME.to_owned(),
            hardware: ARPHRD_NONE,
            flags: IFF_UP | IFF_RUNNING | IFF_LOWER_UP | IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST,
            mtu,
            address: Vec::new(),
            broadcast: Vec::new(),
            tx_queue_len: 500,
            features: Features { csum: false, gso: true, loopback: false },
        };
        let dev = net.stack().dev.register(device, Box::new(Driver { queue: queue.clone() }))?;
        Ok(Tun { dev, queue })
    }

    /// The device.
    pub(crate) fn dev(&self) -> &Arc<NetDevice> {
        &self.dev
    }

    /// The next packet that the stack sent.
    pub(crate) fn take(&self) -> Option<Packet> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// True if none waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The stack receives a packet, which stands for segments of `gso` bytes if that is not 0.
    pub(crate) fn inject(&self, net: &Net, bytes: &[u8], payload: usize, gso: u16) {
        net.with_cpu(|cpu| {
            net.stack().softirq(cpu, |cx| {
                let mut skb = cx.alloc_skb();
                fill(cx, &mut skb, bytes);
                skb.iif = self.dev.ifindex;
                skb.protocol = if bytes[0] >> 4 == 4 { ETH_P_IP } else { ETH_P_IPV6 };
                if gso != 0 {
                    skb.gso_size = gso;
                    skb.gso_segs = (payload.div_ceil(usize::from(gso)).max(1)) as u16;
                    skb.ip_summed = IpSummed::Unnecessary;
                }
                cx.netif_rx(skb);
            });
        });
    }
}

/// Bytes of headers that are to be in the linear part.
const HEADERS: usize = 128;
/// What a driver leaves free in front of a packet (`NET_SKB_PAD`).
const PAD: u32 = 64;
const PAGE: u32 = 4096;
/// Bytes of a packet that a driver puts in one piece: a page less the room in front and what the buffer itself needs.
const ONE_PIECE: u32 = PAGE - 320 - PAD;

fn fill(cx: &Cx<'_>, skb: &mut Skb, bytes: &[u8]) {
    let (headers, rest) = bytes.split_at(bytes.len().min(HEADERS));
    skb.push(headers.len()).copy_from_slice(headers);
    if !rest.is_empty() {
        skb.append(cx, rest);
    }
    skb.set_mac_header();
    // As Linux takes memory for it: one piece, and pages for the rest.
    let len = bytes.len() as u32;
    let rest = len.saturating_sub(ONE_PIECE);
    skb.truesize = truesize_linear(len - rest + PAD) + rest.next_multiple_of(PAGE);
}

impl NetDeviceOps for Driver {
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        _dev: &NetDevice,
        mut skb: Skb,
    ) -> std::result::Result<(), (Skb, DropReason)> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let now = cx.now().ns();
        let bytes = skb.to_vec();
        for piece in segments(bytes, usize::from(skb.gso_size), skb.gso_cwr) {
            queue.push_back((now, piece));
        }
        drop(queue);
        cx.skb_orphan(&mut skb);
        cx.consume_skb(skb);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The packets that a large one stands for (`tcp_gso_segment`), with their checksums.
fn segments(bytes: Vec<u8>, size: usize, cwr: bool) -> Vec<Vec<u8>> {
    let v4 = bytes[0] >> 4 == 4;
    let ip = if v4 { usize::from(bytes[0] & 15) * 4 } else { 40 };
    if size == 0 || bytes.len() < ip + 20 {
        return vec![bytes];
    }
    let headers = ip + usize::from(bytes[ip + 12] >> 4) * 4;
    if bytes.len() <= headers + size {
        return vec![bytes];
    }
    let (head, data) = bytes.split_at(headers);
    let seq = u32::from_be_bytes([head[ip + 4], head[ip + 5], head[ip + 6], head[ip + 7]]);
    let id = u16::from_be_bytes([head[4], head[5]]);
    let count = data.len().div_ceil(size);
    data.chunks(size)
        .enumerate()
        .map(|(i, part)| {
            let mut piece = [head, part].concat();
            piece[ip + 4..ip + 8].copy_from_slice(&seq.wrapping_add((i * size) as u32).to_be_bytes());
            let first_or_last = |flag: u8, keep: bool| if keep { 0xff } else { !flag };
            piece[ip + 13] &= first_or_last(0x80, i == 0 || cwr) & first_or_last(0x09, i + 1 == count);
            let len = piece.len();
            if v4 {
                piece[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                piece[4..6].copy_from_slice(&id.wrapping_add(i as u16).to_be_bytes());
                piece[10..12].fill(0);
                let sum = wire::checksum::checksum(&piece[..ip]);
                piece[10..12].copy_from_slice(&sum.to_be_bytes());
            } else {
                piece[4..6].copy_from_slice(&((len - 40) as u16).to_be_bytes());
            }
            piece[ip + 16..ip + 18].fill(0);
            if let Some(sent) = crate::packet::Sent::parse(0, piece.clone()) {
                let sum = crate::packet::pseudo(&sent.tuple(), 6, sent.transport()).fold();
                piece[ip + 16..ip + 18].copy_from_slice(&sum.to_be_bytes());
            }
            piece
        })
        .collect()
}
