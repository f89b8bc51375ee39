//! Values as strace writes them.

use std::net::SocketAddr;
use uapi::socket::{
    FAMILIES, SO_LINGER, SO_RCVTIMEO_OLD, SO_SNDTIMEO_OLD, SOCK_FLAGS, SOCK_TYPE_MASK, SOL_SOCKET, type_name,
};

/// The second argument of `socket()`.
pub(super) fn socket_type(word: i32) -> String {
    let (kind, flags) = (word & SOCK_TYPE_MASK, word & !SOCK_TYPE_MASK);
    let flags_text = SOCK_FLAGS.flags(flags as u32 as u64).to_string();
    match (kind, flags) {
        (kind, 0) => type_name(kind).to_owned(),
        (0, _) => flags_text,
        (kind, _) => format!("{}|{flags_text}", type_name(kind)),
    }
}

/// A `struct sockaddr` of any family.
pub(super) fn address(bytes: &[u8]) -> String {
    match sockeye::socket_addr(bytes) {
        Some(SocketAddr::V4(addr)) => format!(
            "{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}",
            addr.port(),
            addr.ip()
        ),
        Some(SocketAddr::V6(addr)) => format!(
            "{{sa_family=AF_INET6, sin6_port=htons({}), sin6_flowinfo=htonl({}), inet_pton(AF_INET6, \"{}\", \
             &sin6_addr), sin6_scope_id={}}}",
            addr.port(),
            addr.flowinfo(),
            addr.ip(),
            addr.scope_id()
        ),
        None => match bytes {
            [a, b, rest @ ..] => {
                let family = FAMILIES.show(u16::from_ne_bytes([*a, *b]).into());
                format!("{{sa_family={family}, sa_data={}}}", escaped(rest))
            }
            _ => "{}".to_owned(),
        },
    }
}

/// A string in quotes, with C's escapes: octal ones as short as what follows allows.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\r' => text.push_str("\\r"),
            0x0b => text.push_str("\\v"),
            0x0c => text.push_str("\\f"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ if bytes.get(i + 1).is_some_and(u8::is_ascii_digit) => text += &format!("\\{byte:03o}"),
            _ => text += &format!("\\{byte:o}"),
        }
    }
    text.push('"');
    text
}

/// The value of an option.
pub(super) fn option_value(level: i32, option: i32, bytes: &[u8]) -> String {
    let int =
        |at: usize| bytes.get(at..at + 4).and_then(|b| b.first_chunk()).map_or(0, |b| i32::from_ne_bytes(*b));
    let long =
        |at: usize| bytes.get(at..at + 8).and_then(|b| b.first_chunk()).map_or(0, |b| i64::from_ne_bytes(*b));
    match (level, option, bytes.len()) {
        (SOL_SOCKET, SO_LINGER, 8) => format!("{{l_onoff={}, l_linger={}}}", int(0), int(4)),
        (SOL_SOCKET, SO_RCVTIMEO_OLD | SO_SNDTIMEO_OLD, 16) => {
            format!("{{tv_sec={}, tv_usec={}}}", long(0), long(8))
        }
        (_, _, 4) => format!("[{}]", int(0)),
        _ => escaped(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let v4 = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            address(&v4),
            "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}"
        );
        let mut v6 = [0; 28];
        (v6[0], v6[3], v6[23], v6[24]) = (10, 7, 1, 3);
        assert_eq!(
            address(&v6),
            "{sa_family=AF_INET6, sin6_port=htons(7), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", \
             &sin6_addr), sin6_scope_id=3}"
        );
        assert_eq!(address(&[0, 0, 1, b'a']), "{sa_family=AF_UNSPEC, sa_data=\"\\1a\"}");
        assert_eq!(address(&[2]), "{}");
    }

    #[test]
    fn strings() {
        assert_eq!(escaped(b"a\n\0\xff7\"\\"), r#""a\n\0\3777\"\\""#);
    }

    #[test]
    fn types() {
        assert_eq!(socket_type(1), "SOCK_STREAM");
        assert_eq!(socket_type(2 | 0o4000 | 0o2_000_000), "SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC");
    }
}
