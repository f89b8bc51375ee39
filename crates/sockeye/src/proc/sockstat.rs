//! How many sockets: `sockstat`, `sockstat6` (`sockstat_seq_show`). Counted at the reading, so that nothing counts on the way
//! of packets.

use ip::IpNet;
use ip::protocol::Family;
use net::UserCx;
use std::sync::atomic::Ordering::Relaxed;
use tcp::TcpNet;
use tcp::hash::Found;
use uapi::{AF_INET, AF_INET6, IPPROTO_UDP, IPPROTO_UDPLITE};
use udp::UdpNet;

/// Sockets of a family in the tables of each protocol.
pub(super) struct InUse {
    pub tcp: usize,
    pub time_waits: usize,
    pub udp: usize,
    pub udplite: usize,
    pub raw: usize,
    pub ping: usize,
    pub unix_stream: usize,
    pub unix: usize,
    pub packet: usize,
    pub netlink: usize,
}

impl InUse {
    pub(super) fn count(cx: &UserCx<'_>, family: i32) -> InUse {
        let is = |it: u16| usize::from(i32::from(it) == family);
        let netlink = netlink::NetlinkNet::of(cx.net).slab_stats().active as usize;
        let (unix_stream, unix) = unix::UnixNet::of(cx.net).in_use();
        let mut count = InUse {
            tcp: 0,
            time_waits: 0,
            udp: 0,
            udplite: 0,
            raw: 0,
            ping: 0,
            unix_stream,
            unix,
            packet: 0,
            netlink,
        };
        packet::PacketNet::of(cx.net).for_each(cx, |_| count.packet += 1);
        let hash = &cx.net.generic::<TcpNet>().hash;
        for sk in hash.listening.all() {
            count.tcp += is(sk.family());
            cx.sock_put(sk);
        }
        hash.established.for_each(|_, found| match found {
            Found::Sock(sk) => count.tcp += is(sk.family()),
            // One number for both families.
            Found::TimeWait(_) => count.time_waits += 1,
            Found::Request(_) => {}
        });
        let udp = UdpNet::of(cx.net);
        udp.table(IPPROTO_UDP as u16).for_each(|_, sk| count.udp += is(sk.family()));
        udp.table(IPPROTO_UDPLITE as u16).for_each(|_, sk| count.udplite += is(sk.family()));
        raw::RawNet::of(cx.net).table(family as u16).for_each(|_, _| count.raw += 1);
        cx.net.generic::<raw::PingNet>().for_each(|sk| count.ping += is(sk.family()));
        count
    }
}

/// `sockstat`.
pub(super) fn sockstat(cx: &UserCx<'_>) -> String {
    let count = InUse::count(cx, AF_INET);
    let tcp = cx.net.generic::<TcpNet>();
    let frags = &IpNet::of(cx.net).frags;
    format!(
        "sockets: used {}\nTCP: inuse {} orphan {} tw {} alloc {} mem {}\nUDP: inuse {} mem {}\nUDPLITE: inuse {}\n\
         RAW: inuse {}\nFRAG: inuse {} memory {}\n",
        super::protocols::sockets(cx),
        count.tcp,
        tcp.orphans.load(Relaxed),
        count.time_waits,
        tcp.slab().stats().active,
        tcp.memory.total().max(0),
        count.udp,
        UdpNet::of(cx.net).memory.total().max(0),
        count.udplite,
        count.raw,
        frags.inuse(Family::V4),
        frags.mem(Family::V4),
    )
}

/// `sockstat6`.
pub(super) fn sockstat6(cx: &UserCx<'_>) -> String {
    let count = InUse::count(cx, AF_INET6);
    let frags = &IpNet::of(cx.net).frags;
    format!(
        "TCP6: inuse {}\nUDP6: inuse {}\nUDPLITE6: inuse {}\nRAW6: inuse {}\nFRAG6: inuse {} memory {}\n",
        count.tcp,
        count.udp,
        count.udplite,
        count.raw,
        frags.inuse(Family::V6),
        frags.mem(Family::V6),
    )
}
