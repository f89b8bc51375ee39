//! Bytes into every parser, as a packet, a header or a message.

use super::ignore;
use std::net::{Ipv4Addr, Ipv6Addr};
use wire::{Ipv4Packet, Ipv6Packet, TcpSegment, UdpDatagram};

/// Runs one input: the first byte says which parser, the rest is for it.
pub fn run(data: &[u8]) -> Vec<u32> {
    let Some((which, bytes)) = data.split_first() else { return Vec::new() };
    let (v4, v6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    match which % 11 {
        0 => ignore(Ipv4Packet::parse(bytes)),
        1 => ignore(Ipv4Packet::parse_quoted(bytes)),
        2 => ignore(Ipv6Packet::parse(bytes)),
        3 => ignore(Ipv6Packet::parse_quoted(bytes)),
        4 => {
            if let Ok(segment) = TcpSegment::parse(bytes) {
                let options = segment.parse_options();
                let again = wire::tcp::TcpRepr::from_segment(&segment);
                let mut room = [0; 128];
                if again.header_len() <= room.len() {
                    again.emit(&mut room);
                }
                ignore(options);
            }
            ignore(wire::tcp::check_v4(bytes, v4, v4));
            ignore(wire::tcp::check_v6(bytes, v6, v6));
        }
        5 => ignore(UdpDatagram::parse(bytes)),
        6 => ignore(wire::icmp::parse(bytes)),
        7 => ignore(wire::icmpv6::parse(bytes, v6, v6)),
        8 => ignore(wire::igmp::parse(bytes)),
        9 => ignore(wire::ethernet::parse(bytes)),
        _ => ignore(uapi_addresses(bytes)),
    }
    Vec::new()
}

/// A `struct sockaddr` and control messages, as a program would hand them in.
fn uapi_addresses(bytes: &[u8]) -> usize {
    use sockeye::uapi::cmsg::{CmsgIter, CmsgLayout};
    let addr = sockeye::socket_addr(bytes).is_some();
    usize::from(addr) + CmsgIter::new(bytes, CmsgLayout::NATIVE).count()
}
