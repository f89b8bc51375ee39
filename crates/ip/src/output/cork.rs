//! One datagram from many calls: `UDP_CORK`, `MSG_MORE` (`struct inet_cork`, `ip_append_data`,
//! `ip_push_pending_frames`).
//!
//! The route and the settings are those of the first call. Bytes are appended to one buffer; it is
//! cut into fragments when it is sent.

use super::{Datagram, Ipcm, Room};
use crate::sock::InetSock;
use net::{Cx, Dst, Skb};
use std::sync::Arc;
use uapi::{Errno, InetAddr, Result};
use vfs::iov::IovSource;

/// A datagram that is being built.
pub struct Cork {
    /// The route.
    pub dst: Arc<Dst>,
    /// Source.
    pub saddr: InetAddr,
    /// Destination.
    pub daddr: InetAddr,
    /// The destination's port, host order.
    pub dport: u16,
    /// The port it comes from, where that is noted at its beginning.
    pub sport: u16,
    /// Protocol.
    pub protocol: u8,
    /// What the first call asked for.
    pub ipc: Ipcm,
    /// The bytes so far, without transport header.
    skb: Option<Skb>,
}

impl Cork {
    /// Begins a datagram (`ip_setup_cork`).
    pub fn new(
        dst: Arc<Dst>,
        (saddr, daddr, dport): (InetAddr, InetAddr, u16),
        protocol: u8,
        ipc: Ipcm,
    ) -> Self {
        Cork { dst, saddr, daddr, dport, sport: 0, protocol, ipc, skb: None }
    }

    /// Where it goes.
    pub fn datagram(&self) -> Datagram<'_> {
        Datagram {
            dst: &self.dst,
            saddr: self.saddr,
            daddr: self.daddr,
            protocol: self.protocol,
            ipc: &self.ipc,
        }
    }

    /// Bytes so far (`cork->length`), without transport header.
    pub fn len(&self) -> usize {
        self.skb.as_ref().map_or(0, |skb| skb.len())
    }

    /// True before the first call, though that may have had no byte.
    pub fn is_empty(&self) -> bool {
        self.skb.is_none()
    }

    /// How long it may become.
    pub fn room(&self, inet: &InetSock) -> Room {
        super::room(inet, &self.datagram())
    }
}

/// Appends `len` bytes of the user's to a datagram (`ip_append_data`, `ip6_append_data`).
/// `transhdrlen` is the length of the transport header that will stand before it. `EMSGSIZE` when it
/// becomes too long: the bytes before stay. `EFAULT` when the user's memory ends early.
pub fn append_data(
    cx: &Cx<'_>,
    inet: &InetSock,
    cork: &mut Cork,
    from: &mut IovSource<'_>,
    len: usize,
    transhdrlen: usize,
) -> Result<()> {
    if cork.len() + len + transhdrlen > cork.room(inet).max {
        return Err(Errno::EMSGSIZE);
    }
    let skb = cork.skb.get_or_insert_with(|| cx.alloc_skb());
    if skb.append_from(cx, from, len) == len { Ok(()) } else { Err(Errno::EFAULT) }
}

/// The finished datagram with data at its first payload byte (`ip_finish_skb`): the caller puts the
/// transport header before it and gives it to [`super::send_skb`].
pub fn make_skb(cx: &Cx<'_>, cork: &mut Cork) -> Skb {
    cork.skb.take().unwrap_or_else(|| cx.alloc_skb())
}

/// Throws away what is pending (`ip_flush_pending_frames`).
pub fn flush(cx: &Cx<'_>, inet: &mut InetSock) {
    if let Some(cork) = inet.cork.take()
        && let Some(skb) = cork.skb
    {
        cx.consume_skb(skb);
    }
}
