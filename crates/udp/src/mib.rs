//! Counters of a datagram: each is kept once a family (`UDP_INC_STATS`, `UDP6_INC_STATS`).

use net::Cx;
use net::mib::{Mib, Udp, Udp6};
use uapi::IPPROTO_UDP;

/// What is counted: the counter of IPv4, and that of IPv6.
pub(crate) struct Counter(Udp, Udp6);

macro_rules! counters {
    ($($name:ident = $mib:ident;)*) => {
        $(pub(crate) const $name: Counter = Counter(Udp::$mib, Udp6::$mib);)*
    };
}

counters! {
    IN_DATAGRAMS = InDatagrams;
    NO_PORTS = NoPorts;
    IN_ERRORS = InErrors;
    OUT_DATAGRAMS = OutDatagrams;
    RCVBUF_ERRORS = RcvbufErrors;
    SNDBUF_ERRORS = SndbufErrors;
    IN_CSUM_ERRORS = InCsumErrors;
    IGNORED_MULTI = IgnoredMulti;
    MEM_ERRORS = MemErrors;
}

/// Counts a datagram of `protocol`; UDP-Lite's are not shown and not counted.
#[inline]
pub(crate) fn inc(cx: &Cx<'_>, protocol: u16, v6: bool, counter: &Counter) {
    add(cx, protocol, v6, counter, 1);
}

/// Counts `n` of them.
#[inline]
pub(crate) fn add(cx: &Cx<'_>, protocol: u16, v6: bool, counter: &Counter, n: u64) {
    if i32::from(protocol) == IPPROTO_UDP {
        let mib: Mib = if v6 { counter.1.into() } else { counter.0.into() };
        cx.add(mib, n);
    }
}
