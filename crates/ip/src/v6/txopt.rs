//! Extension headers of packets sent (`struct ipv6_txoptions`, `ipv6_push_nfrag_opts`).

use uapi::{Errno, InetAddr, Result};
use wire::ipv6::ext::{NEXTHDR_DEST, NEXTHDR_HOP, NEXTHDR_ROUTING};

/// How many bytes of extension headers a packet may carry: they stand in the linear part, before the
/// transport header. Linux allows 64 KiB; programs use some dozens.
pub const MAX_LEN: usize = 96;

/// Extension headers as the user gave them, each whole, lengths checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxOptions {
    /// Hop-by-hop options (`hopopt`).
    pub hop: Option<Vec<u8>>,
    /// Destination options for the hops of the routing header (`dst0opt`).
    pub dst0: Option<Vec<u8>>,
    /// Routing header (`srcrt`).
    pub routing: Option<Vec<u8>>,
    /// Destination options (`dst1opt`).
    pub dst1: Option<Vec<u8>>,
    /// What a socket is charged for keeping them, bytes.
    pub omem: u32,
}

impl TxOptions {
    /// Checks one header as a socket is given it: its length field must be its length. `EINVAL`;
    /// `EMSGSIZE` for more than fits.
    pub fn check(bytes: &[u8]) -> Result<()> {
        let &[_, len, ..] = bytes else { return Err(Errno::EINVAL) };
        if (usize::from(len) + 1) * 8 != bytes.len() {
            return Err(Errno::EINVAL);
        }
        if bytes.len() > MAX_LEN { Err(Errno::EMSGSIZE) } else { Ok(()) }
    }

    fn headers(&self) -> impl DoubleEndedIterator<Item = (u8, &[u8])> {
        // dst0 is for the hops of a routing header and nothing without one.
        let dst0 = self.dst0.as_deref().filter(|_| self.routing.is_some());
        [
            (NEXTHDR_HOP, self.hop.as_deref()),
            (NEXTHDR_DEST, dst0),
            (NEXTHDR_ROUTING, self.routing.as_deref()),
            (NEXTHDR_DEST, self.dst1.as_deref()),
        ]
        .into_iter()
        .filter_map(|(kind, bytes)| Some((kind, bytes?)))
    }

    /// Bytes of all headers (`opt_nflen + opt_flen`).
    pub fn len(&self) -> usize {
        self.headers().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Bytes of the headers that every fragment carries (`opt_nflen`).
    pub fn unfragmentable_len(&self) -> usize {
        self.len() - self.dst1.as_ref().map_or(0, Vec::len)
    }

    /// True without headers.
    pub fn is_empty(&self) -> bool {
        self.headers().next().is_none()
    }

    /// The first hop of a routing header; the header's last place is for the destination.
    pub fn first_hop(&self) -> Option<InetAddr> {
        let hop: [u8; 16] = self.routing.as_ref()?.get(8..24)?.try_into().ok()?;
        Some(InetAddr::from_octets(hop))
    }

    /// Writes the headers in order into `out`, which has [`TxOptions::len`] bytes, for a packet to
    /// `daddr` with `protocol`; gives the kind of the first.
    pub(crate) fn write(&self, out: &mut [u8], protocol: u8, daddr: InetAddr) -> u8 {
        let mut next = protocol;
        let mut end = out.len();
        for (kind, bytes) in self.headers().rev() {
            let Some(start) = end.checked_sub(bytes.len()) else { break };
            let room = &mut out[start..end];
            room.copy_from_slice(bytes);
            room[0] = next;
            if kind == NEXTHDR_ROUTING && room.len() >= 24 {
                // The first hop is in the IP header already; the others move up.
                let last = room.len() - 16;
                room.copy_within(24.., 8);
                room[last..].copy_from_slice(&daddr.octets());
            }
            next = kind;
            end = start;
        }
        next
    }
}
