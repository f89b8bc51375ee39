//! Addresses, data and answers of scripts.

use sockeye::uapi::SockAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Looks a socket's port up by its name.
pub(crate) type Ports<'a> = &'a dyn Fn(&str) -> u16;

/// What stands before `#`, and the length that is claimed after it.
pub(crate) fn claimed(text: &str) -> (&str, Option<i32>) {
    match text.split_once('#') {
        Some((text, len)) => (text, len.parse().ok()),
        None => (text, None),
    }
}

/// The bytes of an address as a script writes it; `None` for `-`.
pub(crate) fn address(text: &str, ports: Ports<'_>) -> Option<Vec<u8>> {
    if text == "-" {
        return None;
    }
    let (text, family) = text.split_once('!').map_or((text, None), |(t, f)| (t, f.parse::<u16>().ok()));
    let mut bytes = match text.strip_prefix("x/") {
        Some(bytes) => unhex(bytes),
        None => inet_address(text, ports)?,
    };
    if let (Some(family), Some(first)) = (family, bytes.get_mut(..2)) {
        first.copy_from_slice(&family.to_ne_bytes());
    }
    Some(bytes)
}

fn inet_address(text: &str, ports: Ports<'_>) -> Option<Vec<u8>> {
    let mut parts = text.split('/');
    let (kind, host) = (parts.next()?, parts.next()?);
    let port = match parts.next()? {
        port if port.starts_with('@') => ports(&port[1..]),
        port => port.parse().ok()?,
    };
    let scope_id = parts.next().and_then(|s| s.parse().ok()).unwrap_or(0);
    let addr = match kind {
        "4" => SockAddr::Inet { addr: host.parse::<Ipv4Addr>().ok()?, port },
        _ => SockAddr::Inet6 { addr: host.parse::<Ipv6Addr>().ok()?, port, flowinfo: 0, scope_id },
    };
    let mut bytes = vec![0; 128];
    let len = addr.encode(&mut bytes);
    bytes.truncate(len);
    Some(bytes)
}

/// Control messages as a script writes them: `level:type:bytes,…`, `=BYTES` as they are, `-` for none.
pub(crate) fn messages(text: &str) -> Vec<u8> {
    if let Some(bytes) = text.strip_prefix('=') {
        return unhex(bytes);
    }
    let mut all = Vec::new();
    for message in text.split(',').filter(|message| *message != "-") {
        let mut parts = message.split(':');
        let mut next = || parts.next().unwrap_or_default();
        let (level, kind) = (number(next()) as i32, number(next()) as i32);
        all.extend(crate::control(level, kind, &unhex(next())));
    }
    all
}

/// The bytes of data as a script writes it.
pub(crate) fn data(text: &str) -> Vec<u8> {
    if let Some(hex) = text.strip_prefix('=') {
        return unhex(hex);
    }
    match text.strip_prefix('*').and_then(|n| n.parse().ok()) {
        Some(n) => vec![b'x'; n],
        None => text.as_bytes().to_vec(),
    }
}

/// Bytes as an answer shows them: text, or hexadecimal, or how many.
pub(crate) fn show(bytes: &[u8]) -> String {
    if bytes.len() > 64 {
        return format!("*{}", bytes.len());
    }
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("0x{}", hex(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal text.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter_map(|c| char::from(c).to_digit(16).map(|d| d as u8)).collect();
    digits.as_chunks::<2>().0.iter().map(|[a, b]| a << 4 | b).collect()
}

/// A number as a script writes it.
pub(crate) fn number(text: &str) -> i64 {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).unwrap_or(0),
        None => text.parse().unwrap_or(0),
    }
}

/// An address as an answer shows it; `port` says how a port is shown.
pub(crate) fn show_address(bytes: &[u8], port: impl Fn(u16) -> String) -> String {
    match SockAddr::parse(bytes) {
        _ if bytes.is_empty() => "-".to_owned(),
        Ok(SockAddr::Inet { addr, port: p }) => format!("4/{addr}/{}", port(p)),
        Ok(SockAddr::Inet6 { addr, port: p, flowinfo, scope_id }) => {
            format!("6/{}/{}/{scope_id}/{flowinfo}", hex(&addr.octets()), port(p))
        }
        _ => match bytes {
            // An abstract name of five digits: chosen by chance.
            [1, 0, 0, name @ ..] if name.len() == 5 && name.iter().all(u8::is_ascii_hexdigit) => {
                "1/@".to_owned()
            }
            _ => format!("0x{}", hex(bytes)),
        },
    }
}
