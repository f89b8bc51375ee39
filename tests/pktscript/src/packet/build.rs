//! Packets for the stack.

use super::{IPPROTO_TCP, IPPROTO_UDP, Tuple, pseudo};
use crate::ast::{Echoed, Icmp, IpInfo, Opt, Tcp, Tos};
use std::net::IpAddr;

const IPPROTO_ICMP: u8 = 1;
const IPPROTO_ICMPV6: u8 = 58;

/// The magic number of an experimental Fast Open option (RFC 7413, RFC 6994).
const TFO_MAGIC: [u8; 2] = [0xf9, 0x89];

/// The bytes of options as they are on the wire.
pub fn options(list: &[Opt]) -> Vec<u8> {
    let mut out = Vec::new();
    for option in list {
        match option {
            Opt::Nop => out.push(1),
            Opt::Eol => out.push(0),
            other => {
                let (kind, data) = numbered(other);
                out.extend([kind, data.len() as u8 + 2]);
                out.extend(data);
            }
        }
    }
    out
}

fn numbered(option: &Opt) -> (u8, Vec<u8>) {
    let pair = |a: u32, b: u32| [a.to_be_bytes(), b.to_be_bytes()].concat();
    match option {
        Opt::Nop | Opt::Eol => (1, Vec::new()),
        Opt::Mss(mss) => (2, mss.to_be_bytes().to_vec()),
        Opt::Wscale(shift) => (3, vec![*shift]),
        Opt::SackOk => (4, Vec::new()),
        Opt::Sack(blocks) => (5, blocks.iter().flat_map(|(left, right)| pair(*left, *right)).collect()),
        Opt::Ts(value, echo) => (8, pair(*value, *echo)),
        Opt::Md5(digest) => (19, digest.clone()),
        Opt::FastOpen(cookie, false) => (34, cookie.clone()),
        Opt::FastOpen(cookie, true) => (254, [&TFO_MAGIC[..], cookie].concat()),
        Opt::AccEcn(first, counters) => {
            let bytes = counters.iter().flat_map(|counter| counter.to_be_bytes().into_iter().skip(1));
            (if *first { 172 } else { 174 }, bytes.collect())
        }
    }
}

/// The flags of a header, AE as bit 8; and whether a digit gave the three bits of ECN.
pub fn flags(text: &str) -> (u16, bool) {
    let mut bits = 0;
    let mut ace = false;
    for c in text.chars() {
        bits |= match c {
            'F' => 0x01,
            'S' => 0x02,
            'R' => 0x04,
            'P' => 0x08,
            '.' => 0x10,
            'U' => 0x20,
            'E' => 0x40,
            'W' => 0x80,
            'A' => 0x100,
            digit => {
                let count = digit.to_digit(8).unwrap_or(0) as u16;
                ace |= count != 0;
                count << 6
            }
        };
    }
    (bits, ace)
}

/// A TCP segment with zeros for data. `seq`, `ack` and options are in the stack's terms already.
///
/// # Errors
/// When it is no possible segment.
pub fn tcp(ip: &IpInfo, tuple: &Tuple, segment: &Tcp, list: &[Opt]) -> Result<Vec<u8>, String> {
    let options = options(list);
    if !options.len().is_multiple_of(4) || options.len() > 40 {
        return Err(format!("{} bytes of TCP options", options.len()));
    }
    let header = 20 + options.len();
    let (bits, _) = flags(&segment.flags);
    let mut bytes = Vec::with_capacity(header + usize::from(segment.len));
    bytes.extend(tuple.source.1.to_be_bytes());
    bytes.extend(tuple.dest.1.to_be_bytes());
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    bytes.extend((((header / 4) as u16) << 12 | bits).to_be_bytes());
    bytes.extend(segment.window.unwrap_or(0).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(segment.urg.to_be_bytes());
    bytes.extend(options);
    bytes.resize(header + usize::from(segment.len), 0);
    let sum = pseudo(tuple, IPPROTO_TCP, &bytes).fold();
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    around(ip, tuple, IPPROTO_TCP, bytes)
}

/// A datagram of zeros.
///
/// # Errors
/// When it is too long.
pub fn udp(ip: &IpInfo, tuple: &Tuple, len: u16) -> Result<Vec<u8>, String> {
    let total = len.checked_add(8).ok_or("a datagram that is too long")?;
    let mut bytes = Vec::new();
    for field in [tuple.source.1, tuple.dest.1, total, 0] {
        bytes.extend(field.to_be_bytes());
    }
    bytes.resize(usize::from(total), 0);
    let sum = pseudo(tuple, IPPROTO_UDP, &bytes).fold_udp();
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    around(ip, tuple, IPPROTO_UDP, bytes)
}

/// An ICMP message about a packet that the stack sent: `about` are that packet's addresses, and
/// `echoed` what it says of the rest, in the stack's terms.
///
/// # Errors
/// For a type or code that is not known.
pub fn icmp(
    ip: &IpInfo,
    tuple: &Tuple,
    about: &Tuple,
    message: &Icmp,
    echoed: Echoed,
) -> Result<Vec<u8>, String> {
    let v4 = tuple.source.0.is_ipv4();
    let (kind, code) = type_and_code(v4, message)?;
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    if let Some(mtu) = message.mtu {
        bytes[4..8].copy_from_slice(&mtu.to_be_bytes());
    }
    if let Some(id) = message.id {
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
    }
    match echoed {
        Echoed::Raw(len) => bytes.resize(usize::from(len).max(8), 0),
        Echoed::Tcp(seq) => {
            let mut inner = Vec::new();
            inner.extend(about.source.1.to_be_bytes());
            inner.extend(about.dest.1.to_be_bytes());
            inner.extend(seq.to_be_bytes());
            bytes.extend(around(&IpInfo::default(), about, IPPROTO_TCP, inner)?);
        }
        Echoed::Udp(len) => {
            let mut inner = Vec::new();
            for field in [about.source.1, about.dest.1, len.saturating_add(8), 0] {
                inner.extend(field.to_be_bytes());
            }
            bytes.extend(around(&IpInfo::default(), about, IPPROTO_UDP, inner)?);
        }
    }
    let sum =
        if v4 { wire::checksum::checksum(&bytes) } else { pseudo(tuple, IPPROTO_ICMPV6, &bytes).fold() };
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    around(ip, tuple, if v4 { IPPROTO_ICMP } else { IPPROTO_ICMPV6 }, bytes)
}

/// A type of ICMP: its name, its number, its codes.
type Type = (&'static str, u8, &'static [(&'static str, u8)]);

/// Names of types with their codes, for IPv4.
const TYPES_V4: &[Type] = &[
    ("echo_reply", 0, &[]),
    (
        "unreachable",
        3,
        &[
            ("net_unreachable", 0),
            ("host_unreachable", 1),
            ("protocol_unreachable", 2),
            ("port_unreachable", 3),
            ("frag_needed", 4),
            ("source_route_failed", 5),
            ("net_unknown", 6),
            ("host_unknown", 7),
            ("source_host_isolated", 8),
            ("net_prohibited", 9),
            ("host_prohibited", 10),
            ("net_unreachable_for_tos", 11),
            ("host_unreachable_for_tos", 12),
            ("packet_filtered", 13),
            ("precedence_violation", 14),
            ("precedence_cutoff", 15),
        ],
    ),
    ("source_quench", 4, &[]),
    ("redirect", 5, &[]),
    ("echo_request", 8, &[]),
    ("time_exceeded", 11, &[]),
    ("parameter_problem", 12, &[]),
    ("timestamp_request", 13, &[]),
    ("timestamp_reply", 14, &[]),
];

/// The same for IPv6.
const TYPES_V6: &[Type] = &[
    (
        "unreachable",
        1,
        &[
            ("net_unreachable", 0),
            ("no_route", 0),
            ("admin_prohibited", 1),
            ("not_neighbour", 2),
            ("address_unreachable", 3),
            ("port_unreachable", 4),
        ],
    ),
    ("packet_too_big", 2, &[]),
    ("time_exceeded", 3, &[("exceeded_hop_limit", 0), ("exceeded_frag_time", 1)]),
    ("parameter_problem", 4, &[("header_field", 0), ("unknown_next_header", 1), ("unknown_option", 2)]),
    ("echo_request", 128, &[]),
    ("echo_reply", 129, &[]),
];

pub(crate) fn type_and_code(v4: bool, message: &Icmp) -> Result<(u8, u8), String> {
    let types = if v4 { TYPES_V4 } else { TYPES_V6 };
    let row = types.iter().find(|row| row.0 == message.kind);
    let numbered = |text: &str, prefix: &str| text.strip_prefix(prefix).and_then(|n| n.parse().ok());
    let unknown = || format!("ICMP type {} code {:?}", message.kind, message.code);
    let kind = row.map(|row| row.1).or_else(|| numbered(&message.kind, "type_")).ok_or_else(unknown)?;
    let Some(name) = &message.code else { return Ok((kind, 0)) };
    let listed = row.and_then(|row| row.2.iter().find(|code| code.0 == name)).map(|code| code.1);
    Ok((kind, listed.or_else(|| numbered(name, "code_")).ok_or_else(unknown)?))
}

/// Puts an IP header before a transport part.
fn around(info: &IpInfo, tuple: &Tuple, protocol: u8, transport: Vec<u8>) -> Result<Vec<u8>, String> {
    let tos = match info.tos {
        Tos::Any | Tos::Ect01 => 0,
        Tos::Ecn(bits) | Tos::Byte(bits) => bits,
    };
    let ttl = info.ttl.unwrap_or(255);
    let len = transport.len();
    let mut bytes;
    match (tuple.source.0, tuple.dest.0) {
        (IpAddr::V4(source), IpAddr::V4(dest)) => {
            let total = u16::try_from(len + 20).map_err(|_| "a packet that is too long")?;
            bytes = vec![0x45, tos];
            bytes.extend(total.to_be_bytes());
            bytes.extend([0, 0, 0, 0, ttl, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(dest.octets());
            let sum = wire::checksum::checksum(&bytes);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(dest)) => {
            let len = u16::try_from(len).map_err(|_| "a packet that is too long")?;
            let first = 6u32 << 28 | u32::from(tos) << 20 | info.flow_label;
            bytes = first.to_be_bytes().to_vec();
            bytes.extend(len.to_be_bytes());
            bytes.extend([protocol, ttl]);
            bytes.extend(source.octets());
            bytes.extend(dest.octets());
        }
        _ => return Err("addresses of two families".into()),
    }
    bytes.extend(transport);
    Ok(bytes)
}
