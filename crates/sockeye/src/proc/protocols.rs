//! `protocols`: one table a protocol (`proto_seq_printf`), and the caches that its socks come from.

use super::sockstat::InUse;
use kern::slab::CacheStats;
use net::UserCx;
use net::sock::{MemAccount, Proto};
use std::fmt::Write;
use tcp::{Tcp, TcpNet};
use uapi::{AF_INET, AF_INET6};
use udp::UdpNet;

/// A protocol of a family; those of no internet family stand with IPv4.
struct Row {
    name: &'static str,
    family: i32,
    /// Bytes before the data of a packet (`max_header`).
    max_header: u32,
    /// A letter for each operation, in the order of the header: `y` for those it has.
    operations: &'static str,
    cache: fn(&UserCx<'_>) -> CacheStats,
    in_use: fn(&InUse) -> usize,
    /// Whether its socks have a cache of their own, `yes` or `no`, as Linux has it.
    slab: &'static str,
    /// The account that its sends and receives are charged to.
    account: Option<Account>,
}

type Account = for<'a> fn(&'a UserCx<'_>) -> &'a MemAccount;

fn tcp_memory<'a>(cx: &'a UserCx<'_>) -> &'a MemAccount {
    &cx.net.generic::<TcpNet>().memory
}

fn udp_memory<'a>(cx: &'a UserCx<'_>) -> &'a MemAccount {
    &UdpNet::of(cx.net).memory
}

fn stats<P: Proto>(cx: &UserCx<'_>) -> CacheStats {
    P::slab(cx.net).stats()
}

const STREAM: &str = "yyyyyyyyyyyynyyyyy";
const DATAGRAM: &str = "yyynyyynyyyynnyyyn";
const RAW: &str = "yyynyyynyyyyyyyynn";
const LOCAL: &str = "ynnnnnnnnnnnnnnnnn";
const NONE: &str = "nnnnnnnnnnnnnnnnnn";
const PING: &str = "yyynnynnyyyyyynyyn";

/// The latest registered first, as Linux lists them.
const ROWS: &[Row] = &[
    Row { slab: "no", ..row("PACKET", AF_INET, NONE, stats::<packet::Packet>, |n| n.packet) },
    row("PINGv6", AF_INET6, PING, stats::<raw::Ping>, |n| n.ping),
    row("RAWv6", AF_INET6, RAW, stats::<raw::Raw>, |n| n.raw),
    Row {
        account: Some(udp_memory),
        ..row("UDPLITEv6", AF_INET6, DATAGRAM, stats::<udp::Udp>, |n| n.udplite)
    },
    Row { account: Some(udp_memory), ..row("UDPv6", AF_INET6, DATAGRAM, stats::<udp::Udp>, |n| n.udp) },
    Row {
        max_header: 192,
        account: Some(tcp_memory),
        ..row("TCPv6", AF_INET6, STREAM, stats::<Tcp>, |n| n.tcp)
    },
    row("UNIX-STREAM", AF_INET, LOCAL, stats::<unix::Unix>, |n| n.unix_stream),
    row("UNIX", AF_INET, LOCAL, stats::<unix::Unix>, |n| n.unix),
    Row { account: Some(udp_memory), ..row("UDP-Lite", AF_INET, DATAGRAM, stats::<udp::Udp>, |n| n.udplite) },
    row("PING", AF_INET, PING, stats::<raw::Ping>, |n| n.ping),
    row("RAW", AF_INET, RAW, stats::<raw::Raw>, |n| n.raw),
    Row { account: Some(udp_memory), ..row("UDP", AF_INET, DATAGRAM, stats::<udp::Udp>, |n| n.udp) },
    Row {
        max_header: 192,
        account: Some(tcp_memory),
        ..row("TCP", AF_INET, STREAM, stats::<Tcp>, |n| n.tcp)
    },
    Row { slab: "no", ..row("NETLINK", AF_INET, NONE, stats::<netlink::Netlink>, |n| n.netlink) },
];

const fn row(
    name: &'static str,
    family: i32,
    operations: &'static str,
    cache: fn(&UserCx<'_>) -> CacheStats,
    in_use: fn(&InUse) -> usize,
) -> Row {
    Row { name, family, max_header: 0, operations, cache, in_use, slab: "yes", account: None }
}

/// Socks that are in use, of all protocols, whether in a table or not.
pub(super) fn sockets(cx: &UserCx<'_>) -> u64 {
    [stats::<Tcp>(cx), stats::<udp::Udp>(cx), stats::<raw::Raw>(cx), stats::<raw::Ping>(cx)]
        .iter()
        .map(|stats| stats.active)
        .sum::<u64>()
        + netlink::NetlinkNet::of(cx.net).slab_stats().active
        + unix::UnixNet::of(cx.net).slab_stats().active
        + stats::<packet::Packet>(cx).active
}

/// `protocols`.
pub(super) fn protocols(cx: &UserCx<'_>) -> String {
    let mut text =
        "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re \
                    bi br ha uh gp em\n"
            .to_owned();
    let counts = [InUse::count(cx, AF_INET), InUse::count(cx, AF_INET6)];
    for row in ROWS {
        let count = &counts[usize::from(row.family == AF_INET6)];
        let account = row.account.map(|account| account(cx));
        let memory = account.map_or(-1, |account| account.total().max(0));
        let pressure = match account {
            Some(account) if account.has_pressure() => {
                if account.under_pressure() {
                    "yes"
                } else {
                    "no"
                }
            }
            _ => "NI",
        };
        let _ = write!(
            text,
            "{:<9} {:4} {:6}  {memory:6} {pressure:<3} {:6}   {:<3}  {:<10}",
            row.name,
            (row.cache)(cx).object_size,
            (row.in_use)(count),
            row.max_header,
            row.slab,
            "kernel",
        );
        for letter in row.operations.chars() {
            let _ = write!(text, " {letter:>2}");
        }
        text.push('\n');
    }
    text
}
