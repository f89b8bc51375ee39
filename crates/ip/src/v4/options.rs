//! IPv4 header options (`net/ipv4/ip_options.c`): checked, filled in on the way, answered.

use std::net::Ipv4Addr;
use uapi::{Errno, Result};
use wire::ipv4::options::{
    IPOPT_CIPSO, IPOPT_COPY, IPOPT_END, IPOPT_LSRR, IPOPT_NOOP, IPOPT_RA, IPOPT_RR, IPOPT_SSRR,
    IPOPT_TIMESTAMP, IPOPT_TS_PRESPEC, IPOPT_TS_TSANDADDR, IPOPT_TS_TSONLY, MAX_IPOPTLEN,
};

/// Checked options (`struct ip_options`). Offsets count from the end of the fixed header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpOptions {
    data: [u8; MAX_IPOPTLEN],
    len: u8,
    /// First hop of a source route (`faddr`).
    faddr: Option<Ipv4Addr>,
    srr: Option<u8>,
    strict: bool,
    rr: Option<u8>,
    rr_needaddr: bool,
    ts: Option<u8>,
    ts_needaddr: bool,
    ts_needtime: bool,
    router_alert: bool,
    cipso: bool,
    /// The header was written to: its checksum must be computed again (`is_changed`).
    changed: bool,
}

impl Default for IpOptions {
    fn default() -> Self {
        IpOptions {
            data: [IPOPT_END; MAX_IPOPTLEN],
            len: 0,
            faddr: None,
            srr: None,
            strict: false,
            rr: None,
            rr_needaddr: false,
            ts: None,
            ts_needaddr: false,
            ts_needtime: false,
            router_alert: false,
            cipso: false,
            changed: false,
        }
    }
}

/// Where options come from: it decides what is allowed and what is filled in.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// `setsockopt()` or a control message; `raw` with `CAP_NET_RAW`.
    User {
        /// The caller may set options that the kernel does not know.
        raw: bool,
    },
    /// A packet that came in.
    Packet {
        /// Our address that routes record.
        spec_dst: Ipv4Addr,
        /// Milliseconds since midnight UT (`inet_current_timestamp`).
        ms: u32,
        /// True for an address of this host.
        is_local: &'a dyn Fn(Ipv4Addr) -> bool,
    },
    /// A packet that came in and was written to already.
    Seen {
        /// True for an address of this host.
        is_local: &'a dyn Fn(Ipv4Addr) -> bool,
    },
}

fn addr_at(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..at + 4)?.first_chunk().map(|octets| Ipv4Addr::from_octets(*octets))
}

fn put(bytes: &mut [u8], at: usize, value: [u8; 4]) {
    if let Some(room) = bytes.get_mut(at..at + 4) {
        room.copy_from_slice(&value);
    }
}

impl IpOptions {
    /// Checks options (`ip_options_compile`), writing to those of a packet what this host has to
    /// record. `Err` is the offset of the offending byte, from the end of the fixed header.
    pub fn compile(bytes: &[u8], origin: Origin<'_>) -> core::result::Result<IpOptions, usize> {
        let mut o = IpOptions { len: bytes.len().min(MAX_IPOPTLEN) as u8, ..IpOptions::default() };
        o.data[..usize::from(o.len)].copy_from_slice(&bytes[..usize::from(o.len)]);
        let end = usize::from(o.len);
        let mut at = 0;
        while at < end {
            match o.data[at] {
                IPOPT_END => {
                    // What follows the end is made to be nothing.
                    o.changed |= o.data[at..end].iter().any(|&b| b != IPOPT_END);
                    o.data[at..end].fill(IPOPT_END);
                    break;
                }
                IPOPT_NOOP => at += 1,
                kind => {
                    let len = if end - at < 2 { return Err(at) } else { usize::from(o.data[at + 1]) };
                    if len < 2 || len > end - at {
                        return Err(at);
                    }
                    o.one(kind, at, len, origin)?;
                    at += len;
                }
            }
        }
        Ok(o)
    }

    fn one(
        &mut self,
        kind: u8,
        at: usize,
        len: usize,
        origin: Origin<'_>,
    ) -> core::result::Result<(), usize> {
        let unprivileged = matches!(origin, Origin::User { raw: false });
        match kind {
            IPOPT_SSRR | IPOPT_LSRR => self.source_route(kind, at, len, origin),
            IPOPT_RR => self.record_route(at, len, origin),
            IPOPT_TIMESTAMP => self.timestamp(at, len, origin),
            IPOPT_RA if len < 4 => Err(at + 1),
            IPOPT_RA => {
                self.router_alert |= self.data[at + 2..at + 4] == [0, 0];
                Ok(())
            }
            IPOPT_CIPSO if unprivileged || self.cipso => Err(at),
            IPOPT_CIPSO => {
                self.cipso = true;
                Ok(())
            }
            _ if unprivileged => Err(at),
            _ => Ok(()),
        }
    }

    fn source_route(
        &mut self,
        kind: u8,
        at: usize,
        len: usize,
        origin: Origin<'_>,
    ) -> core::result::Result<(), usize> {
        if len < 3 {
            return Err(at + 1);
        }
        if self.data[at + 2] < 4 {
            return Err(at + 2);
        }
        if self.srr.is_some() {
            return Err(at);
        }
        if matches!(origin, Origin::User { .. }) {
            if self.data[at + 2] != 4 || len < 7 || (len - 3) & 3 != 0 {
                return Err(at + 1);
            }
            // The first hop goes to the header; the others move up and the destination comes last.
            self.faddr = addr_at(&self.data, at + 3);
            self.data.copy_within(at + 7..at + len, at + 3);
        }
        self.strict = kind == IPOPT_SSRR;
        self.srr = Some(at as u8);
        Ok(())
    }

    fn record_route(&mut self, at: usize, len: usize, origin: Origin<'_>) -> core::result::Result<(), usize> {
        if self.rr.is_some() {
            return Err(at);
        }
        if len < 3 {
            return Err(at + 1);
        }
        let next = usize::from(self.data[at + 2]);
        if next < 4 {
            return Err(at + 2);
        }
        if next <= len && matches!(origin, Origin::Seen { .. }) {
            // Where there is room, we had a place before it.
            self.rr_needaddr = true;
        } else if next <= len {
            if next + 3 > len {
                return Err(at + 2);
            }
            if let Origin::Packet { spec_dst, .. } = origin {
                put(&mut self.data, at + next - 1, spec_dst.octets());
                self.changed = true;
            }
            self.data[at + 2] += 4;
            self.rr_needaddr = true;
        }
        self.rr = Some(at as u8);
        Ok(())
    }

    fn timestamp(&mut self, at: usize, len: usize, origin: Origin<'_>) -> core::result::Result<(), usize> {
        if self.ts.is_some() {
            return Err(at);
        }
        if len < 4 {
            return Err(at + 1);
        }
        let next = usize::from(self.data[at + 2]);
        if next < 5 {
            return Err(at + 2);
        }
        let flags = self.data[at + 3];
        if next > len {
            if flags >> 4 == 15 {
                return Err(at + 3);
            }
            if matches!(origin, Origin::Packet { .. }) {
                self.data[at + 3] = flags & 0xf | ((flags >> 4) + 1) << 4;
                self.changed = true;
            }
            self.ts = Some(at as u8);
            return Ok(());
        }
        if let Origin::Seen { is_local } = origin {
            self.ts_needaddr = flags & 0xf == IPOPT_TS_TSANDADDR;
            self.ts_needtime = match flags & 0xf {
                IPOPT_TS_PRESPEC => next > 12 && addr_at(&self.data, at + next - 9).is_some_and(is_local),
                kind => self.ts_needaddr || kind == IPOPT_TS_TSONLY,
            };
            self.ts = Some(at as u8);
            return Ok(());
        }
        if next + 3 > len {
            return Err(at + 2);
        }
        let mut time_at = None;
        match flags & 0xf {
            IPOPT_TS_TSONLY => {
                time_at = Some(at + next - 1);
                self.data[at + 2] += 4;
            }
            IPOPT_TS_TSANDADDR | IPOPT_TS_PRESPEC if next + 7 > len => return Err(at + 2),
            IPOPT_TS_TSANDADDR => {
                if let Origin::Packet { spec_dst, .. } = origin {
                    put(&mut self.data, at + next - 1, spec_dst.octets());
                }
                time_at = Some(at + next + 3);
                self.ts_needaddr = true;
                self.data[at + 2] += 8;
            }
            IPOPT_TS_PRESPEC => {
                let ours = match origin {
                    Origin::User { .. } | Origin::Seen { .. } => true,
                    Origin::Packet { is_local, .. } => {
                        addr_at(&self.data, at + next - 1).is_some_and(is_local)
                    }
                };
                if ours {
                    time_at = Some(at + next + 3);
                    self.data[at + 2] += 8;
                }
            }
            _ if matches!(origin, Origin::User { raw: false }) => return Err(at + 3),
            _ => {}
        }
        self.ts_needtime = time_at.is_some();
        if let (Some(place), Origin::Packet { ms, .. }) = (time_at, origin) {
            put(&mut self.data, place, ms.to_be_bytes());
            self.changed = true;
        }
        self.ts = Some(at as u8);
        Ok(())
    }

    /// Options as a socket is given them (`ip_options_get`): padded to four bytes and checked.
    /// `EINVAL` for more than 40 bytes or what does not pass.
    pub fn from_user(bytes: &[u8], raw: bool) -> Result<IpOptions> {
        if bytes.len() > MAX_IPOPTLEN {
            return Err(Errno::EINVAL);
        }
        let mut padded = [IPOPT_END; MAX_IPOPTLEN];
        padded[..bytes.len()].copy_from_slice(bytes);
        let len = bytes.len().next_multiple_of(4);
        IpOptions::compile(&padded[..len], Origin::User { raw }).map_err(|_| Errno::EINVAL)
    }

    /// The bytes that go into a header, padding included.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }

    /// How many there are (`optlen`).
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// True without options.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where packets go first with a source route (`opt->faddr` when `opt->srr`).
    #[inline]
    pub fn first_hop(&self) -> Option<Ipv4Addr> {
        self.faddr
    }

    /// True for a strict source route, whose first hop must be on a link.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// True with a source route (`opt->srr`).
    pub fn has_source_route(&self) -> bool {
        self.srr.is_some()
    }

    /// True when a source route has hops left for others to take.
    pub(crate) fn source_route_pending(&self) -> bool {
        self.srr.is_some_and(|at| self.data[usize::from(at) + 2] <= self.data[usize::from(at) + 1])
    }

    /// True with a router alert.
    pub fn router_alert(&self) -> bool {
        self.router_alert
    }

    /// True when compiling changed the bytes of a packet.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The options as `getsockopt(IP_OPTIONS)` and `IP_RETOPTS` show them: what was filled in for
    /// the way undone (`ip_options_undo`).
    pub fn undone(&self) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        if let (Some(at), Some(first)) = (self.srr, self.faddr) {
            let at = usize::from(at);
            let len = usize::from(bytes[at + 1]);
            bytes.copy_within(at + 3..at + len - 4, at + 7);
            put(&mut bytes, at + 3, first.octets());
        }
        if let (Some(at), true) = (self.rr, self.rr_needaddr) {
            let at = usize::from(at);
            bytes[at + 2] -= 4;
            let next = usize::from(bytes[at + 2]);
            put(&mut bytes, at + next - 1, [0; 4]);
        }
        if let Some(at) = self.ts.map(usize::from) {
            let mut clear = |wanted: bool| {
                if wanted {
                    bytes[at + 2] -= 4;
                    let next = usize::from(bytes[at + 2]);
                    if bytes[at + 3] & 0xf != IPOPT_TS_PRESPEC || self.ts_needtime {
                        put(&mut bytes, at + next - 1, [0; 4]);
                    }
                }
            };
            clear(self.ts_needtime);
            clear(self.ts_needaddr);
            if bytes[at + 3] & 0xf == IPOPT_TS_PRESPEC && self.ts_needtime {
                bytes[at + 2] -= 4;
            }
        }
        bytes
    }

    /// The bytes for a packet to `daddr` from `source` at `ms` after midnight (`ip_options_build`).
    pub(crate) fn build(&self, daddr: Ipv4Addr, source: Ipv4Addr, ms: u32) -> [u8; MAX_IPOPTLEN] {
        let mut bytes = self.data;
        if let Some(at) = self.srr.map(usize::from) {
            let len = usize::from(bytes[at + 1]);
            put(&mut bytes, at + len - 4, daddr.octets());
        }
        if let (Some(at), true) = (self.rr.map(usize::from), self.rr_needaddr) {
            let next = usize::from(bytes[at + 2]);
            put(&mut bytes, at + next - 5, source.octets());
        }
        if let Some(at) = self.ts.map(usize::from) {
            let next = usize::from(bytes[at + 2]);
            if self.ts_needaddr {
                put(&mut bytes, at + next - 9, source.octets());
            }
            if self.ts_needtime {
                put(&mut bytes, at + next - 5, ms.to_be_bytes());
            }
        }
        bytes
    }

    /// What an answer to a packet with these options carries: the route recorded so far and the
    /// source route backwards (`__ip_options_echo`). `saddr` is the packet's source.
    pub fn echo(&self, saddr: Ipv4Addr, is_local: &dyn Fn(Ipv4Addr) -> bool) -> Option<IpOptions> {
        let mut out = IpOptions::default();
        let mut at = 0;
        let take = |from: u8| {
            let from = usize::from(from);
            let len = usize::from(self.data[from + 1]);
            (&self.data[from..from + len], len, usize::from(self.data[from + 2]))
        };
        if let Some(rr) = self.rr {
            let (bytes, len, next) = take(rr);
            out.data[at..at + len].copy_from_slice(bytes);
            out.rr = Some(at as u8);
            if self.rr_needaddr && next <= len {
                if next + 3 > len {
                    return None;
                }
                out.data[at + 2] = next as u8 + 4;
                out.rr_needaddr = true;
            }
            at += len;
        }
        if let Some(ts) = self.ts {
            let (bytes, len, mut next) = take(ts);
            out.data[at..at + len].copy_from_slice(bytes);
            out.ts = Some(at as u8);
            if next <= len {
                if self.ts_needaddr {
                    out.ts_needaddr = true;
                    next += 4;
                }
                if self.ts_needtime {
                    if next + 3 > len {
                        return None;
                    }
                    if bytes[3] & 0xf != IPOPT_TS_PRESPEC {
                        out.ts_needtime = true;
                        next += 4;
                    } else if next + 7 <= len && addr_at(bytes, next - 1).is_some_and(is_local) {
                        out.ts_needtime = true;
                        next += 8;
                    }
                }
                out.data[at + 2] = next as u8;
            }
            at += len;
        }
        if let Some(srr) = self.srr {
            at = self.echo_route(&mut out, at, take(srr).0, saddr);
        }
        out.len = at.next_multiple_of(4) as u8;
        Some(out)
    }

    fn echo_route(&self, out: &mut IpOptions, at: usize, route: &[u8], saddr: Ipv4Addr) -> usize {
        let next = usize::from(route[2]).min(route.len() + 1);
        // Hops taken so far, the last first: they are the way back.
        let mut hops: Vec<Ipv4Addr> = Vec::new();
        let mut place = next.saturating_sub(4);
        while place > 3 {
            hops.extend(addr_at(route, place - 1));
            place -= 4;
        }
        // RFC 1812: a route that names its own source is repaired.
        if hops.len() > 1 && hops.last() == Some(&saddr) {
            hops.pop();
        }
        let Some((first, rest)) = hops.split_first() else { return at };
        out.faddr = Some(*first);
        out.strict = self.strict;
        out.srr = Some(at as u8);
        // One place stays for the destination, which `build` fills in.
        let len = 3 + 4 * (rest.len() + 1);
        out.data[at] = route[0];
        out.data[at + 1] = len as u8;
        out.data[at + 2] = 4;
        for (i, hop) in rest.iter().enumerate() {
            put(&mut out.data, at + 3 + 4 * i, hop.octets());
        }
        at + len
    }
}

/// Makes the options of a packet what all but its first fragment carry: those without the copy bit
/// become nothing (`ip_options_fragment`).
pub(crate) fn strip_uncopied(bytes: &mut [u8]) {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            IPOPT_END => return,
            IPOPT_NOOP => at += 1,
            kind => {
                let len = bytes.get(at + 1).map_or(0, |&len| usize::from(len));
                if len < 2 || len > bytes.len() - at {
                    return;
                }
                if kind & IPOPT_COPY == 0 {
                    bytes[at..at + len].fill(IPOPT_NOOP);
                }
                at += len;
            }
        }
    }
}

#[cfg(test)]
mod tests;
