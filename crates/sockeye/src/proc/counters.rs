//! Counters: `snmp`, `snmp6`, `netstat` (`snmp_seq_show`, `snmp6_seq_show`, `netstat_seq_show`).

use net::UserCx;
use net::mib::{Icmp, Icmp6, Ip, Ip6, IpExt, Mib, Mibs, Tcp, TcpExt, Udp, Udp6};
use std::fmt::Write;

/// The counter of a message type.
type ByType = fn(u8) -> Mib;

/// A line of names, a line of values.
fn group(text: &mut String, title: &str, names: &[&str], values: &[u64]) {
    let _ = writeln!(text, "{title}: {}", names.join(" "));
    let values: Vec<String> = values.iter().map(u64::to_string).collect();
    let _ = writeln!(text, "{title}: {}", values.join(" "));
}

/// The sums of a whole group, which begins with `first`.
fn sums(mibs: &Mibs, first: impl Into<Mib>, names: &[&str]) -> Vec<u64> {
    mibs.sums(first.into(), names.len())
}

/// At most so many message types a line (`PERLINE`).
const PER_LINE: usize = 16;

/// `IcmpMsg`: the types that were seen.
fn messages(text: &mut String, mibs: &Mibs) {
    let ways: [(&str, ByType); 2] = [("In", Mib::icmp_in), ("Out", Mib::icmp_out)];
    let seen: Vec<(String, u64)> = ways
        .iter()
        .flat_map(|(way, mib)| {
            (0..=u8::MAX).map(move |kind| (format!("{way}Type{kind}"), mibs.sum(mib(kind))))
        })
        .filter(|(_, sum)| *sum != 0)
        .collect();
    for line in seen.chunks(PER_LINE) {
        let (names, values): (Vec<&str>, Vec<u64>) =
            line.iter().map(|(name, sum)| (name.as_str(), *sum)).unzip();
        group(text, "IcmpMsg", &names, &values);
    }
}

/// `snmp`.
pub(super) fn snmp(cx: &UserCx<'_>) -> String {
    let mibs = &cx.net.mib;
    let setting = |path: &str| {
        cx.net.sysctl.read(cx.net, path).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let mut text = String::new();
    let with = |more: &[&'static str], names: &[&'static str]| [more, names].concat();
    // RFC 1213: 1 forwards, 2 does not.
    let forwarding = if setting("net/ipv4/ip_forward") != 0 { 1 } else { 2 };
    let ip = [vec![forwarding, setting("net/ipv4/ip_default_ttl")], sums(mibs, Ip::InReceives, Ip::NAMES)];
    group(&mut text, "Ip", &with(&["Forwarding", "DefaultTTL"], Ip::NAMES), &ip.concat());
    group(&mut text, "Icmp", Icmp::NAMES, &sums(mibs, Icmp::InMsgs, Icmp::NAMES));
    messages(&mut text, mibs);
    // RFC 1213's constant rows; no limit of connections is -1, which a counter cannot be.
    let fixed = ["RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn"];
    let _ = writeln!(text, "Tcp: {}", with(&fixed, Tcp::NAMES).join(" "));
    let tcp: Vec<String> = sums(mibs, Tcp::ActiveOpens, Tcp::NAMES).iter().map(u64::to_string).collect();
    let _ = writeln!(text, "Tcp: 1 200 120000 -1 {}", tcp.join(" "));
    group(&mut text, "Udp", Udp::NAMES, &sums(mibs, Udp::InDatagrams, Udp::NAMES));
    // Not counted (see docs/DIVERGENCES.md).
    group(&mut text, "UdpLite", Udp::NAMES, &vec![0; Udp::NAMES.len()]);
    text
}

/// `netstat`.
pub(super) fn netstat(cx: &UserCx<'_>) -> String {
    let mibs = &cx.net.mib;
    let mut text = String::new();
    group(&mut text, "TcpExt", TcpExt::NAMES, &sums(mibs, TcpExt::SyncookiesSent, TcpExt::NAMES));
    group(&mut text, "IpExt", IpExt::NAMES, &sums(mibs, IpExt::InNoRoutes, IpExt::NAMES));
    text
}

/// `snmp6`: a line a counter.
pub(super) fn snmp6(cx: &UserCx<'_>) -> String {
    let mibs = &cx.net.mib;
    let mut text = String::new();
    let mut all = |prefix: &str, names: &[&str], values: &[u64]| {
        for (name, value) in names.iter().zip(values) {
            let _ = writeln!(text, "{:<32}\t{value}", format!("{prefix}{name}"));
        }
    };
    all("Ip6", Ip6::NAMES, &sums(mibs, Ip6::InReceives, Ip6::NAMES));
    all("Icmp6", Icmp6::NAMES, &sums(mibs, Icmp6::InMsgs, Icmp6::NAMES));
    let ways: [(&str, ByType); 2] = [("In", Mib::icmp6_in), ("Out", Mib::icmp6_out)];
    for (way, mib) in ways {
        for kind in 0..=u8::MAX {
            if let sum @ 1.. = mibs.sum(mib(kind)) {
                all("Icmp6", &[&format!("{way}Type{kind}")], &[sum]);
            }
        }
    }
    all("Udp6", Udp6::NAMES, &sums(mibs, Udp6::InDatagrams, Udp6::NAMES));
    // Not counted (see docs/DIVERGENCES.md); without the counter of datagrams for several.
    let lite: Vec<&str> = Udp6::NAMES.iter().copied().filter(|name| *name != "IgnoredMulti").collect();
    all("UdpLite6", &lite, &vec![0; lite.len()]);
    text
}
