//! Routing rules: `fib_nl_dumprule`.

use super::{Messages, dump_flags, families, put_addr, put_u32};
use crate::rcv::Request;
use ip::IpNet;
use ip::fib::{Action, RouteType, Rule};
use ip::protocol::Family;
use uapi::socket::{AF_INET, AF_INET6};
use uapi::*;
use zerocopy::IntoBytes;

/// What a rule does (`FR_ACT_*`).
const FR_ACT_TO_TBL: u8 = 1;
const FR_ACT_BLACKHOLE: u8 = 6;
const FR_ACT_UNREACHABLE: u8 = 7;
const FR_ACT_PROHIBIT: u8 = 8;
/// Made by the kernel (`RTPROT_KERNEL`).
const RTPROT_KERNEL: u8 = 2;

fn message(request: &Request<'_, '_>, v4: bool, rule: &Rule) -> Vec<u8> {
    let (action, table) = match rule.action {
        Action::Table(table) => (FR_ACT_TO_TBL, table),
        Action::Reject(RouteType::Unreachable) => (FR_ACT_UNREACHABLE, 0),
        Action::Reject(RouteType::Prohibit) => (FR_ACT_PROHIBIT, 0),
        Action::Reject(_) => (FR_ACT_BLACKHOLE, 0),
    };
    let head = [
        if v4 { AF_INET } else { AF_INET6 } as u8,
        rule.to.map_or(0, |(_, len)| len),
        rule.from.map_or(0, |(_, len)| len),
        rule.tos,
        super::route_dump::short_table(table),
        0,
        0,
        action,
    ];
    let name = |ifindex| request.cx.net.dev.by_index(ifindex).map(|dev| dev.name.clone());
    request.message(RTM_NEWRULE, dump_flags(false), |buf| {
        buf.extend_from_slice(&head);
        buf.extend_from_slice(0u32.as_bytes());
        put_u32(buf, FRA_TABLE, table);
        put_u32(buf, FRA_SUPPRESS_PREFIXLEN, u32::MAX);
        put_attr(buf, FRA_PROTOCOL, &[RTPROT_KERNEL]);
        for (kind, ifindex) in [(FRA_IIFNAME, rule.iif), (FRA_OIFNAME, rule.oif)] {
            if let Some(name) = name(ifindex).filter(|_| ifindex != 0) {
                super::put_str(buf, kind, &name);
            }
        }
        if rule.preference != 0 {
            put_u32(buf, FRA_PRIORITY, rule.preference);
        }
        if let Some((mark, mask)) = rule.fwmark {
            put_u32(buf, FRA_FWMARK, mark);
            put_u32(buf, FRA_FWMASK, mask);
        }
        for (kind, prefix) in [(FRA_DST, rule.to), (FRA_SRC, rule.from)] {
            if let Some((addr, _)) = prefix {
                put_addr(buf, kind, addr);
            }
        }
    })
}

/// All rules, in order.
pub(super) fn dump(request: &Request<'_, '_>) -> Messages {
    let (v4, v6) = families(request);
    let fib = &IpNet::of(request.cx.net).fib;
    let mut messages = Vec::new();
    for (wanted, family) in [(v4, Family::V4), (v6, Family::V6)] {
        let rules = if wanted { fib.rules(family) } else { Vec::new() };
        messages.extend(rules.iter().map(|rule| message(request, family == Family::V4, rule)));
    }
    Ok(messages)
}
