//! The packet buffer, `struct sk_buff`: headers in a linear part, payload in shared fragments.
//!
//! ```text
//!   head            data          tail      end
//!   |- headroom ----|-- linear ---|- room --|   + frags: [buf, offset, len] …
//!                   len = linear + fragments
//! ```
//!
//! The linear part lies inside the buffer itself and holds headers and small payloads; it is
//! copied when a buffer is cloned. Larger payloads lie in reference-counted fragments that clones
//! share, so a byte is copied once from the user and once to the user. Buffers and fragments come
//! from [`Pool`]s; on the warm path nothing is allocated.

mod data;
mod pool;
mod queue;

pub use pool::{Depot, Pool};
pub use queue::SkbQueue;

use crate::cx::Cx;
use crate::sock::AnySock;
use kern::time::Time;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

/// Bytes of the linear part, headroom included.
pub const HEAD_SIZE: usize = 288;
/// Bytes reserved in front of the data of a fresh buffer: Ethernet, IPv6 with options, TCP with
/// options (`MAX_TCP_HEADER` and `LL_MAX_HEADER`).
pub const HEADROOM: usize = 192;
/// The most payload that is kept in the linear part.
pub const LINEAR_MAX: usize = HEAD_SIZE - HEADROOM;

/// What is known of the transport checksum (`skb->ip_summed`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum IpSummed {
    /// Nothing: the receiver must verify it.
    #[default]
    None,
    /// Verified already.
    Unnecessary,
    /// Not computed yet: `csum_start`, `csum_offset` say where it goes. A packet that never leaves
    /// this host arrives so, and is trusted.
    Partial,
}

/// Whom the packet is for, by its link-layer address (`skb->pkt_type`, `PACKET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PktType {
    /// This host.
    #[default]
    Host,
    /// Everybody on the link.
    Broadcast,
    /// A group.
    Multicast,
    /// Somebody else.
    OtherHost,
    /// Sent by this host.
    Outgoing,
    /// Looped back multicast.
    Loopback,
}

/// A piece of payload: a range of a shared buffer (`skb_frag_t`).
#[derive(Clone)]
pub struct Frag {
    buf: Arc<Vec<u8>>,
    off: u32,
    len: u32,
}

impl Frag {
    fn bytes(&self) -> &[u8] {
        &self.buf[self.off as usize..(self.off + self.len) as usize]
    }
}

/// What an [`Skb`] points to.
pub struct SkBuff {
    head: [u8; HEAD_SIZE],
    frags: Vec<Frag>,
    meta: Meta,
    /// Where it is known by those who share its data ([`Shares`]).
    place: u16,
    /// The socket whose send buffer holds it while a device does (`skb->sk`, `sock_wfree`).
    pub owner: Option<Arc<dyn AnySock>>,
}

/// What is known of a packet beside its bytes. It is small and copied as a whole: into a clone, and
/// fresh into a buffer that is used again.
#[derive(Clone, Copy)]
pub struct Meta {
    data: u16,
    tail: u16,
    network: u16,
    transport: u16,
    mac: u16,
    data_len: u32,
    /// Ethertype, host order (`ETH_P_*`).
    pub protocol: u16,
    /// The device it came in by, or goes out by: an interface index, 0 for none.
    pub iif: u32,
    /// The L3 master or original device for `IP_PKTINFO`, when it differs from `iif`; else 0.
    pub pkt_type: PktType,
    /// State of the transport checksum.
    pub ip_summed: IpSummed,
    /// Where the checksummed area begins, from `head` (`CHECKSUM_PARTIAL`).
    pub csum_start: u16,
    /// Where the checksum goes, from `csum_start`.
    pub csum_offset: u16,
    /// The size of the segments this packet stands for; 0 for a single one (`gso_size`).
    pub gso_size: u16,
    /// How many segments it stands for (`gso_segs`); at least 1 on the wire.
    pub gso_segs: u16,
    /// CWR is every segment's, not only the first one's (`SKB_GSO_TCP_ACCECN`).
    pub gso_cwr: bool,
    /// IP-layer notes (`IPCB(skb)->flags`, `IP6CB(skb)->flags`): owned by the ip room.
    pub ip_flags: u16,
    /// Offset of the IPv6 "next header" byte of the last extension header, or length of the IPv4
    /// options: owned by the ip room.
    pub ip_opt: u16,
    /// Flow hash, 0 when unknown (`skb->hash`).
    pub hash: u32,
    /// `SO_MARK` (`skb->mark`).
    pub mark: u32,
    /// `SO_PRIORITY` (`skb->priority`).
    pub priority: u32,
    /// Bytes charged to socket buffers, as Linux would count them (`skb->truesize`).
    pub truesize: u32,
    /// When it was received or is to be sent, if known (`skb->tstamp`).
    pub tstamp: Option<Time>,
    /// How many packets its socket had dropped when it was queued (`SOCK_SKB_CB(skb)->dropcount`).
    pub dropcount: u32,
    /// A call looked at it with `MSG_PEEK` (`skb->peeked`).
    pub peeked: bool,
    /// Which times of it are to be told ([`crate::sock::txstamp`]; `skb_shinfo(skb)->tx_flags`).
    pub tx_flags: u8,
    /// The number they are told with (`skb_shinfo(skb)->tskey`).
    pub tskey: u32,
    /// Whose clone it is: the place of the original and what it was for then.
    origin: Option<(u16, u32)>,
}

impl Meta {
    /// Of an empty buffer.
    const FRESH: Meta = Meta {
        data: HEADROOM as u16,
        tail: HEADROOM as u16,
        network: HEADROOM as u16,
        transport: HEADROOM as u16,
        mac: HEADROOM as u16,
        data_len: 0,
        protocol: 0,
        iif: 0,
        pkt_type: PktType::Host,
        ip_summed: IpSummed::None,
        csum_start: 0,
        csum_offset: 0,
        gso_size: 0,
        gso_segs: 0,
        gso_cwr: false,
        ip_flags: 0,
        ip_opt: 0,
        hash: 0,
        mark: 0,
        priority: 0,
        truesize: 0,
        tstamp: None,
        dropcount: 0,
        peeked: false,
        tx_flags: 0,
        tskey: 0,
        origin: None,
    };
}

impl Deref for SkBuff {
    type Target = Meta;
    #[inline]
    fn deref(&self) -> &Meta {
        &self.meta
    }
}

impl DerefMut for SkBuff {
    #[inline]
    fn deref_mut(&mut self) -> &mut Meta {
        &mut self.meta
    }
}

/// A packet buffer. Get one from [`crate::Cx::alloc_skb`], give it back with
/// [`crate::Cx::consume_skb`] or [`crate::Cx::drop_skb`]; plain dropping is allowed but bypasses
/// the pool.
pub struct Skb(Box<SkBuff>);

impl Deref for Skb {
    type Target = SkBuff;
    #[inline]
    fn deref(&self) -> &SkBuff {
        &self.0
    }
}

impl DerefMut for Skb {
    #[inline]
    fn deref_mut(&mut self) -> &mut SkBuff {
        &mut self.0
    }
}

impl Default for Skb {
    fn default() -> Self {
        Skb::at(0)
    }
}

impl Skb {
    fn at(place: u16) -> Self {
        let (frags, owner) = (Vec::new(), None);
        Skb(Box::new(SkBuff { head: [0; HEAD_SIZE], frags, meta: Meta::FRESH, place, owner }))
    }
}

impl SkBuff {
    /// Everything but the bytes, as in a fresh buffer. The fragments are gone already.
    #[inline]
    fn reset(&mut self) {
        self.meta = Meta::FRESH;
        self.owner = None;
    }

    /// All bytes from `data` on (`skb->len`).
    #[inline]
    pub fn len(&self) -> usize {
        self.linear_len() + self.meta.data_len as usize
    }

    /// True when there is no byte.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in the linear part (`skb_headlen`).
    #[inline]
    pub fn linear_len(&self) -> usize {
        usize::from(self.meta.tail - self.meta.data)
    }

    /// Bytes free in front of the data (`skb_headroom`).
    #[inline]
    pub fn headroom(&self) -> usize {
        usize::from(self.meta.data)
    }

    /// Bytes free behind the linear part (`skb_tailroom`); 0 once there are fragments.
    #[inline]
    pub fn tailroom(&self) -> usize {
        if self.frags.is_empty() { HEAD_SIZE - usize::from(self.meta.tail) } else { 0 }
    }

    /// The linear bytes from `data` on.
    #[inline]
    pub fn linear(&self) -> &[u8] {
        &self.head[usize::from(self.meta.data)..usize::from(self.meta.tail)]
    }

    /// The linear bytes from `data` on.
    #[inline]
    pub fn linear_mut(&mut self) -> &mut [u8] {
        &mut self.head[usize::from(self.meta.data)..usize::from(self.meta.tail)]
    }

    /// Grows the data to the front (`skb_push`). Headers are bounded by [`HEADROOM`]; a caller that
    /// pushes more has lost count, which is a bug and panics.
    #[inline]
    pub fn push(&mut self, n: usize) -> &mut [u8] {
        self.meta.data = self.meta.data.checked_sub(n as u16).expect("skb headroom exhausted");
        &mut self.head[usize::from(self.meta.data)..usize::from(self.meta.data) + n]
    }

    /// Shrinks the data at the front, within the linear part (`skb_pull`); false when it is shorter.
    #[inline]
    pub fn pull(&mut self, n: usize) -> bool {
        let fits = n <= self.linear_len();
        if fits {
            self.meta.data += n as u16;
        }
        fits
    }

    /// Grows the linear part at the back (`skb_put`); `None` when there is no room for `n` bytes.
    #[inline]
    pub fn put(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        let at = usize::from(self.meta.tail);
        self.meta.tail += n as u16;
        Some(&mut self.head[at..at + n])
    }

    /// The network header begins at `data` (`skb_reset_network_header`).
    #[inline]
    pub fn set_network_header(&mut self) {
        self.meta.network = self.meta.data;
    }

    /// The transport header begins at `data` (`skb_reset_transport_header`).
    #[inline]
    pub fn set_transport_header(&mut self) {
        self.meta.transport = self.meta.data;
    }

    /// The link-layer header begins at `data` (`skb_reset_mac_header`).
    #[inline]
    pub fn set_mac_header(&mut self) {
        self.meta.mac = self.meta.data;
    }

    /// The linear bytes from the network header on (`skb_network_header`), also after it was pulled.
    #[inline]
    pub fn network(&self) -> &[u8] {
        &self.head[usize::from(self.meta.network)..usize::from(self.meta.tail)]
    }

    /// The linear bytes from the network header on.
    #[inline]
    pub fn network_mut(&mut self) -> &mut [u8] {
        &mut self.head[usize::from(self.meta.network)..usize::from(self.meta.tail)]
    }

    /// The linear bytes from the transport header on (`skb_transport_header`).
    #[inline]
    pub fn transport(&self) -> &[u8] {
        &self.head[usize::from(self.meta.transport)..usize::from(self.meta.tail)]
    }

    /// The linear bytes from the transport header on.
    #[inline]
    pub fn transport_mut(&mut self) -> &mut [u8] {
        &mut self.head[usize::from(self.meta.transport)..usize::from(self.meta.tail)]
    }

    /// The link-layer header: from where it began to the network header.
    #[inline]
    pub fn mac_header(&self) -> &[u8] {
        self.head.get(usize::from(self.meta.mac)..usize::from(self.meta.network)).unwrap_or(&[])
    }

    /// How far the network header lies behind `data` (`skb_network_offset`); 0 when it was pulled.
    #[inline]
    pub fn network_offset(&self) -> usize {
        usize::from(self.meta.network.saturating_sub(self.meta.data))
    }

    /// How far the transport header lies behind the network header (`skb_network_header_len`).
    #[inline]
    pub fn network_header_len(&self) -> usize {
        usize::from(self.meta.transport.saturating_sub(self.meta.network))
    }

    /// Moves `data` back to the network header (`skb_push(skb, skb_network_offset)`).
    #[inline]
    pub fn push_to_network_header(&mut self) {
        self.meta.data = self.meta.network;
    }

    /// Declares the transport checksum to be still missing (`CHECKSUM_PARTIAL`): it covers all from
    /// the transport header on and goes `offset` bytes behind its beginning.
    #[inline]
    pub fn csum_partial(&mut self, offset: u16) {
        self.meta.ip_summed = IpSummed::Partial;
        self.meta.csum_start = self.meta.transport;
        self.meta.csum_offset = offset;
    }

    /// Where in [`SkBuff::linear`] the area of a partial checksum begins.
    pub fn csum_start_in_linear(&self) -> usize {
        usize::from(self.meta.csum_start.saturating_sub(self.meta.data))
    }

    /// The bytes from `data` on, piece by piece.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.linear()).chain(self.frags.iter().map(Frag::bytes))
    }

    /// How many fragments follow the linear part (`skb_shinfo(skb)->nr_frags`).
    pub fn nr_frags(&self) -> usize {
        self.frags.len()
    }

    /// True while somebody else holds the original of this clone (`skb_cloned`).
    #[inline]
    pub fn is_shared(&self, cx: &Cx<'_>) -> bool {
        self.meta.origin.is_some_and(|(place, was)| cx.net.depot.shares.now(place) == was)
    }

    /// True for a clone, whether the original is still there or not.
    #[inline]
    pub fn is_clone(&self) -> bool {
        self.meta.origin.is_some()
    }

    fn frag_range(&self) -> Range<usize> {
        0..self.frags.len()
    }
}
