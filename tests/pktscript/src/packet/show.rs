//! Packets as a script would write them, for messages.

use super::{IPPROTO_TCP, IPPROTO_UDP, Segment, Sent, be16, be32, options};
use crate::ast::{Body, Packet, Tcp};

fn flag_text(bits: u16) -> String {
    const LETTERS: [(u16, char); 9] = [
        (0x02, 'S'),
        (0x01, 'F'),
        (0x04, 'R'),
        (0x08, 'P'),
        (0x20, 'U'),
        (0x40, 'E'),
        (0x80, 'W'),
        (0x100, 'A'),
        (0x10, '.'),
    ];
    let text: String = LETTERS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, c)| *c).collect();
    if text.is_empty() { "-".into() } else { text }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn option_text(kind: u8, data: &[u8]) -> String {
    match (kind, data.len()) {
        (0, _) => "eol".into(),
        (1, _) => "nop".into(),
        (2, 2) => format!("mss {}", be16(data, 0)),
        (3, 1) => format!("wscale {}", data[0]),
        (4, 0) => "sackOK".into(),
        (5, _) => {
            let blocks = data.chunks(8).map(|block| format!(" {}:{}", be32(block, 0), be32(block, 4)));
            format!("sack{}", blocks.collect::<String>())
        }
        (8, 8) => format!("TS val {} ecr {}", be32(data, 0), be32(data, 4)),
        (19, _) => format!("md5 {}", hex(data)),
        (34, _) => format!("FO {}", hex(data)),
        (254, _) if data.starts_with(&[0xf9, 0x89]) => format!("FOEXP {}", hex(&data[2..])),
        (172 | 174, _) => {
            let names = if kind == 172 { ["e0b", "ceb", "e1b"] } else { ["e1b", "ceb", "e0b"] };
            let counters = data.chunks(3).zip(names).map(|(bytes, name)| {
                let count = bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
                format!(" {name} {count}")
            });
            format!("ECN{}", counters.collect::<String>())
        }
        _ => format!("kind {kind} {}", hex(data)),
    }
}

fn options_text(bytes: &[u8]) -> String {
    let list: Vec<String> = options(bytes).into_iter().map(|(kind, data)| option_text(kind, data)).collect();
    if list.is_empty() { String::new() } else { format!(" <{}>", list.join(",")) }
}

/// A TCP segment.
pub(crate) fn segment(seen: &Segment) -> String {
    let len = seen.payload.len() as u32;
    let mut text = format!("{} {}:{}({})", flag_text(seen.flags), seen.seq, seen.seq.wrapping_add(len), len);
    if seen.flags & 0x10 != 0 {
        text.push_str(&format!(" ack {}", seen.ack));
    }
    text.push_str(&format!(" win {}", seen.window));
    if seen.flags & 0x20 != 0 {
        text.push_str(&format!(" urg {}", seen.urg));
    }
    if seen.tos & 3 != 0 {
        text = format!("[{}] {text}", ["noecn", "ect1", "ect0", "ce"][usize::from(seen.tos & 3)]);
    }
    text + &options_text(&seen.options)
}

/// A packet that is no TCP segment of the connection, in raw numbers.
pub(crate) fn raw(sent: &Sent) -> String {
    let tuple = sent.tuple();
    match sent.protocol() {
        IPPROTO_TCP => {
            let (source, dest) = (tuple.source, tuple.dest);
            let what = segment(&sent.segment());
            format!("{}:{} > {}:{} {what}", source.0, source.1, dest.0, dest.1)
        }
        IPPROTO_UDP => format!("udp {} > {} ({})", tuple.source.1, tuple.dest.1, sent.transport().len() - 8),
        other => format!("protocol {other}, type {} code {}", sent.transport()[0], sent.transport()[1]),
    }
}

fn tcp_text(tcp: &Tcp) -> String {
    let flags = if tcp.flags.is_empty() { "-" } else { &tcp.flags };
    let end = tcp.seq.wrapping_add(u32::from(tcp.len));
    let mut text = format!("{flags} {}:{end}({})", tcp.seq, tcp.len);
    if tcp.flags.contains('.') {
        text.push_str(&format!(" ack {}", tcp.ack));
    }
    if let Some(window) = tcp.window {
        text.push_str(&format!(" win {window}"));
    }
    if tcp.urg != 0 {
        text.push_str(&format!(" urg {}", tcp.urg));
    }
    match &tcp.options {
        None => text + " <...>",
        Some(list) => text + &options_text(&super::build::options(list)),
    }
}

/// What a script expects.
pub(crate) fn expected(packet: &Packet) -> String {
    match &packet.body {
        Body::Tcp(tcp) => tcp_text(tcp),
        Body::Udp(len) => format!("udp ({len})"),
        Body::Icmp(icmp) => format!("icmp {} {}", icmp.kind, icmp.code.as_deref().unwrap_or("")),
    }
}
