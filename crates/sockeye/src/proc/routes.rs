//! Routes: `route`, `ipv6_route` (`fib_route_seq_show`, `ipv6_route_native_seq_show`).

use super::{hex, padded, pi6};
use ip::IpNet;
use ip::fib::{Route, RouteType};
use ip::protocol::Family;
use net::UserCx;
use std::fmt::Write;
use uapi::RT_TABLE_MAIN;

/// `RTF_UP`, `RTF_GATEWAY`, `RTF_HOST`, `RTF_REJECT` of `linux/route.h`.
const RTF_UP: u32 = 1;
const RTF_GATEWAY: u32 = 2;
const RTF_HOST: u32 = 4;
const RTF_REJECT: u32 = 0x200;
/// `RTF_NONEXTHOP`, `RTF_LOCAL` of `linux/ipv6_route.h`.
const RTF_NONEXTHOP: u32 = 0x0020_0000;
const RTF_LOCAL: u32 = 0x8000_0000;

fn leads_nowhere(route: &Route) -> bool {
    route.kind.errno().is_some()
}

/// `route`: the main table without broadcasts, groups and this host's own addresses.
pub(super) fn route(cx: &UserCx<'_>) -> String {
    let mut text = String::new();
    let header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    padded(&mut text, header, 127);
    for route in IpNet::of(cx.net).fib.routes(Family::V4) {
        let shown = route.table == RT_TABLE_MAIN
            && !matches!(route.kind, RouteType::Local | RouteType::Broadcast | RouteType::Multicast);
        if !shown {
            continue;
        }
        let mut flags = if leads_nowhere(&route) { RTF_REJECT } else { 0 } | RTF_UP;
        if route.gateway.is_some() {
            flags |= RTF_GATEWAY;
        }
        if route.len == 32 {
            flags |= RTF_HOST;
        }
        let any = || "00000000".to_owned();
        let mask = u32::MAX.checked_shl(32 - u32::from(route.len)).unwrap_or(0).to_be();
        let line = format!(
            "{}\t{}\t{}\t{flags:04X}\t0\t0\t{}\t{mask:08X}\t{}\t{}\t{}",
            route.dev.as_ref().map_or("*", |dev| dev.name.as_str()),
            hex(route.dst, false),
            route.gateway.filter(|gateway| gateway.is_v4()).map_or_else(any, |gateway| hex(gateway, false)),
            route.priority,
            match route.metrics.advmss {
                0 => 0,
                mss => mss + 40,
            },
            0,
            0,
        );
        padded(&mut text, &line, 127);
    }
    text
}

/// What stands at the end of each table: nothing is reachable (`fib6_null_entry`).
const NULL_ENTRY: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
    00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

/// `ipv6_route`: the main table, then that of this host's own addresses.
pub(super) fn ipv6_route(cx: &UserCx<'_>) -> String {
    let routes = IpNet::of(cx.net).fib.routes(Family::V6);
    let any = "0".repeat(32);
    let mut text = String::new();
    for main in [true, false] {
        for route in routes.iter().filter(|route| (route.table == RT_TABLE_MAIN) == main) {
            if route.kind == RouteType::Multicast {
                continue;
            }
            let local = route.kind == RouteType::Local;
            let flags = RTF_UP
                | if route.gateway.is_some() { RTF_GATEWAY } else { RTF_NONEXTHOP }
                | if route.len == 128 && !local { RTF_HOST } else { 0 }
                | if local { RTF_LOCAL } else { 0 }
                | if leads_nowhere(route) { RTF_REJECT } else { 0 };
            let _ = writeln!(
                text,
                "{} {:02x} {any} 00 {} {:08x} {:08x} {:08x} {flags:08x} {:>8}",
                pi6(route.dst),
                route.len,
                route.gateway.map_or_else(|| any.clone(), pi6),
                route.priority,
                1 + u32::from(local),
                0,
                route.dev.as_ref().map_or("lo", |dev| dev.name.as_str()),
            );
        }
        text += NULL_ENTRY;
    }
    text
}
