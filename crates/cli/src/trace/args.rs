//! Arguments as strace prints them: a row of kinds for each call.

use ::run::Seen;
use uapi::names::{level_name, option_name};
use uapi::socket::{FAMILIES, MSG_FLAGS, SHUT_HOW, SOCK_FLAGS, SOCK_TYPE_MASK, type_name};
use uapi::{IOCTLS, IPPROTOS};

/// What an argument is.
#[derive(Clone, Copy)]
enum Kind {
    Int,
    Family,
    Type,
    Protocol,
    /// A sockaddr, its length in the next argument.
    Addr,
    Level,
    Option,
    Flags,
    How,
    Request,
    Pointer,
    /// Data, its length in the next argument.
    Data,
    /// An option's value, its length in the next argument.
    Value,
}

use Kind::{
    Addr, Data, Family, Flags, How, Int, Level, Option as Opt, Pointer, Protocol, Request, Type, Value,
};

const CALLS: &[(&str, &[Kind])] = &[
    ("socket", &[Family, Type, Protocol]),
    ("bind", &[Int, Addr, Int]),
    ("connect", &[Int, Addr, Int]),
    ("listen", &[Int, Int]),
    ("accept", &[Int, Pointer, Pointer]),
    ("accept4", &[Int, Pointer, Pointer, Type]),
    ("getsockname", &[Int, Pointer, Pointer]),
    ("getpeername", &[Int, Pointer, Pointer]),
    ("setsockopt", &[Int, Level, Opt, Value, Int]),
    ("getsockopt", &[Int, Level, Opt, Pointer, Pointer]),
    ("shutdown", &[Int, How]),
    ("sendto", &[Int, Data, Int, Flags, Addr, Int]),
    ("recvfrom", &[Int, Pointer, Int, Flags, Pointer, Pointer]),
    ("sendmsg", &[Int, Pointer, Flags]),
    ("recvmsg", &[Int, Pointer, Flags]),
    ("sendmmsg", &[Int, Pointer, Int, Flags]),
    ("recvmmsg", &[Int, Pointer, Int, Flags, Pointer]),
    ("ioctl", &[Int, Request, Pointer]),
];

/// The call without its result.
pub(super) fn line(call: &Seen<'_>) -> String {
    let kinds = CALLS.iter().find(|(name, _)| *name == call.name).map_or(&[][..], |(_, kinds)| kinds);
    let args: Vec<String> = kinds.iter().enumerate().map(|(i, kind)| show(call, i, *kind)).collect();
    format!("{}({})", call.name, args.join(", "))
}

fn show(call: &Seen<'_>, i: usize, kind: Kind) -> String {
    let raw = call.args[i];
    let int = raw as i32;
    let len = || call.args.get(i + 1).map_or(0, |len| *len as u32 as usize);
    match kind {
        Int => int.to_string(),
        Family => FAMILIES.show(int.into()).to_string(),
        Type => socket_type(int),
        Protocol => IPPROTOS.show(int.into()).to_string(),
        Level => level_name(int).map_or_else(|| int.to_string(), str::to_owned),
        Opt => {
            let level = call.args[i - 1] as i32;
            option_name(level, int).map_or_else(|| int.to_string(), str::to_owned)
        }
        Flags => MSG_FLAGS.flags(raw & 0xffff_ffff).to_string(),
        How => SHUT_HOW.show(int.into()).to_string(),
        Request => IOCTLS.show((raw as u32).into()).to_string(),
        Pointer if raw == 0 => "NULL".to_owned(),
        Pointer => format!("{raw:#x}"),
        Addr if raw == 0 => "NULL".to_owned(),
        Addr => call.memory(raw, len().min(128)).map_or_else(|| format!("{raw:#x}"), |bytes| address(&bytes)),
        Data => call.memory(raw, len().min(32)).map_or_else(
            || format!("{raw:#x}"),
            |bytes| format!("\"{}\"{}", bytes.escape_ascii(), if len() > 32 { "..." } else { "" }),
        ),
        Value => value(call, raw, len()),
    }
}

fn socket_type(word: i32) -> String {
    let (kind, flags) = (word & SOCK_TYPE_MASK, word & !SOCK_TYPE_MASK);
    let flags_text = SOCK_FLAGS.flags(flags as u32 as u64).to_string();
    match (kind, flags) {
        (kind, 0) => type_name(kind).to_owned(),
        (0, _) => flags_text,
        (kind, _) => format!("{}|{flags_text}", type_name(kind)),
    }
}

fn address(bytes: &[u8]) -> String {
    match sockeye::socket_addr(bytes) {
        Some(addr) => format!("{{{}, {addr}}}", if addr.is_ipv4() { "AF_INET" } else { "AF_INET6" }),
        None => match bytes {
            [a, b, ..] => format!("{{{}, ...}}", FAMILIES.show(u16::from_ne_bytes([*a, *b]).into())),
            _ => "{}".to_owned(),
        },
    }
}

fn value(call: &Seen<'_>, at: u64, len: usize) -> String {
    match call.memory(at, len.min(64)) {
        Some(bytes) => match bytes.first_chunk::<4>() {
            Some(int) if len == 4 => format!("[{}]", i32::from_ne_bytes(*int)),
            _ => format!("\"{}\"", bytes.escape_ascii()),
        },
        None => format!("{at:#x}"),
    }
}
