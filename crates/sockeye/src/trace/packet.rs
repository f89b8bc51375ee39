//! A packet in one line, much as tcpdump writes it.

use std::fmt::Write;
use std::net::IpAddr;
use uapi::InetAddr;
use wire::{Ipv4Hdr, Ipv6Hdr, TcpHdr, UdpHdr};

/// An address without its mapping.
pub(super) fn addr(addr: InetAddr) -> String {
    match addr.as_v4() {
        Some(v4) => v4.to_string(),
        None => addr.as_v6().to_string(),
    }
}

/// The packet that begins with its network header.
pub fn summary(bytes: &[u8]) -> String {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => match Ipv4Hdr::view(bytes) {
            Some((ip, _)) => {
                let end = usize::from(ip.tot_len()).min(bytes.len());
                let payload = bytes.get(ip.header_len()..end).unwrap_or(&[]);
                let ends = (IpAddr::V4(ip.saddr()), IpAddr::V4(ip.daddr()));
                if ip.fragment_offset() != 0 {
                    return format!("IP {} > {}: fragment at {}", ends.0, ends.1, ip.fragment_offset());
                }
                transport("IP", ends, ip.protocol(), payload)
            }
            None => "IP truncated".to_owned(),
        },
        Some(6) => match Ipv6Hdr::view(bytes) {
            Some((ip, payload)) => {
                let ends = (IpAddr::V6(ip.saddr()), IpAddr::V6(ip.daddr()));
                transport("IP6", ends, ip.next_header(), payload)
            }
            None => "IP6 truncated".to_owned(),
        },
        _ => format!("{} bytes", bytes.len()),
    }
}

fn transport(ip: &str, (from, to): (IpAddr, IpAddr), protocol: u8, payload: &[u8]) -> String {
    match protocol {
        6 if TcpHdr::view(payload).is_some() => {
            let mut text = tcp(payload);
            if let Some((tcp, _)) = TcpHdr::view(payload) {
                text = format!("{ip} {from}.{} > {to}.{}: {text}", tcp.source(), tcp.dest());
            }
            text
        }
        17 => match UdpHdr::view(payload) {
            Some((udp, rest)) => {
                format!("{ip} {from}.{} > {to}.{}: UDP, length {}", udp.source(), udp.dest(), rest.len())
            }
            None => format!("{ip} {from} > {to}: UDP truncated"),
        },
        1 | 58 => {
            let (name, at) = if protocol == 1 { ("ICMP", 0) } else { ("ICMP6", 0) };
            let kind = payload.get(at).copied().unwrap_or(0);
            let code = payload.get(at + 1).copied().unwrap_or(0);
            format!("{ip} {from} > {to}: {name} type {kind} code {code}, length {}", payload.len())
        }
        protocol => format!("{ip} {from} > {to}: protocol {protocol}, length {}", payload.len()),
    }
}

/// Flags as tcpdump abbreviates them.
const FLAGS: [(u8, char); 8] =
    [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U'), (64, 'E'), (128, 'W')];

fn tcp(segment: &[u8]) -> String {
    let Some((tcp, _)) = TcpHdr::view(segment) else { return String::new() };
    let bits = segment.get(13).copied().unwrap_or(0);
    let flags: String = FLAGS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, c)| *c).collect();
    let len = segment.len().saturating_sub(tcp.header_len());
    let seq = tcp.seq();
    let mut text = format!("Flags [{flags}], seq {seq}");
    if len > 0 {
        let _ = write!(text, ":{}", seq.wrapping_add(len as u32));
    }
    if bits & 16 != 0 {
        let _ = write!(text, ", ack {}", tcp.ack_seq());
    }
    let _ = write!(text, ", win {}, length {len}", tcp.window());
    text
}
