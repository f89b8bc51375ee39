//! Arguments as strace prints them: a row of kinds for each call.

use super::value::{address, escaped, option_value, socket_type};
use ::run::{Answer, Seen};
use uapi::names::{level_name, option_name};
use uapi::socket::{FAMILIES, MSG_FLAGS, SHUT_HOW};
use uapi::{IOCTLS, IPPROTOS};

/// What an argument is. What a call gives back is shown when it has succeeded, as a pointer before.
#[derive(Clone, Copy)]
enum Kind {
    Int,
    Family,
    Type,
    Flags4,
    Protocol,
    /// A sockaddr, its length in the next argument.
    Addr,
    /// A sockaddr given back, the place of its length in the next argument.
    AddrOut,
    /// The place of a length given back.
    LenOut,
    Level,
    Option,
    Flags,
    How,
    Request,
    Pointer,
    /// Data, its length in the next argument.
    Data,
    /// Data given back, as much as the call returned.
    DataOut,
    /// A vector of buffers, their number in the next argument.
    Vector,
    /// The same, given back.
    VectorOut,
    /// A message header.
    Msg,
    /// The same, given back.
    MsgOut,
    /// An option's value, its length in the next argument.
    Value,
    /// An option's value given back, the place of its length in the next argument.
    ValueOut,
}

use Kind::{
    Addr, AddrOut, Data, DataOut, Family, Flags, Flags4, How, Int, LenOut, Level, Msg, MsgOut, Option as Opt,
    Pointer, Protocol, Request, Type, Value, ValueOut, Vector, VectorOut,
};

const CALLS: &[(&str, &[Kind])] = &[
    ("socket", &[Family, Type, Protocol]),
    ("bind", &[Int, Addr, Int]),
    ("connect", &[Int, Addr, Int]),
    ("listen", &[Int, Int]),
    ("accept", &[Int, AddrOut, LenOut]),
    ("accept4", &[Int, AddrOut, LenOut, Flags4]),
    ("getsockname", &[Int, AddrOut, LenOut]),
    ("getpeername", &[Int, AddrOut, LenOut]),
    ("setsockopt", &[Int, Level, Opt, Value, Int]),
    ("getsockopt", &[Int, Level, Opt, ValueOut, LenOut]),
    ("shutdown", &[Int, How]),
    ("sendto", &[Int, Data, Int, Flags, Addr, Int]),
    ("recvfrom", &[Int, DataOut, Int, Flags, AddrOut, LenOut]),
    ("sendmsg", &[Int, Msg, Flags]),
    ("recvmsg", &[Int, MsgOut, Flags]),
    ("sendmmsg", &[Int, Pointer, Int, Flags]),
    ("recvmmsg", &[Int, Pointer, Int, Flags, Pointer]),
    ("recvmmsg_time64", &[Int, Pointer, Int, Flags, Pointer]),
    ("ioctl", &[Int, Request, Pointer]),
    ("read", &[Int, DataOut, Int]),
    ("write", &[Int, Data, Int]),
    ("readv", &[Int, VectorOut, Int]),
    ("writev", &[Int, Vector, Int]),
    ("close", &[Int]),
];

/// strace shows so many bytes of a string.
const SHOWN: usize = 32;

/// The call without its result.
pub(super) fn line(call: &Seen<'_>) -> String {
    let kinds = CALLS.iter().find(|(name, _)| *name == call.name).map_or(&[][..], |(_, kinds)| kinds);
    let args: Vec<String> = kinds.iter().enumerate().map(|(i, kind)| show(call, i, *kind)).collect();
    let end = if call.answer == Answer::Waits { " <unfinished ...>" } else { "" };
    format!("{}({}{end})", call.name, args.join(", "))
}

fn show(call: &Seen<'_>, i: usize, kind: Kind) -> String {
    let raw = call.args[i];
    let int = raw as i32;
    let next = || call.args.get(i + 1).map_or(0, |len| *len as u32 as usize);
    let given_back = match call.answer {
        Answer::Returned(n) => Some(usize::try_from(n).unwrap_or(0)),
        _ => None,
    };
    let shown = match kind {
        Int => Some(int.to_string()),
        Family => Some(FAMILIES.show(int.into()).to_string()),
        Type => Some(socket_type(int)),
        Flags4 => Some(if int == 0 { "0".to_owned() } else { socket_type(int) }),
        Protocol => Some(IPPROTOS.show(int.into()).to_string()),
        Level => Some(level_name(int).map_or_else(|| int.to_string(), str::to_owned)),
        Opt => {
            let level = call.args[i - 1] as i32;
            Some(option_name(level, int).map_or_else(|| int.to_string(), str::to_owned))
        }
        Flags => Some(MSG_FLAGS.flags(raw & 0xffff_ffff).to_string()),
        How => Some(SHUT_HOW.show(int.into()).to_string()),
        Request => Some(IOCTLS.show((raw as u32).into()).to_string()),
        Pointer => None,
        Addr => call.memory(raw, next().min(128)).map(|bytes| address(&bytes)),
        AddrOut if call.peer.is_some() => call.peer.as_deref().map(address),
        LenOut if call.peer.is_some() => call.peer.as_ref().map(|peer| format!("[{}]", peer.len())),
        AddrOut => given_back
            .and_then(|_| given_len(call, call.args[i + 1]))
            .and_then(|len| call.memory(raw, len.min(128)))
            .map(|bytes| address(&bytes)),
        LenOut => given_back.and_then(|_| given_len(call, raw)).map(|len| format!("[{len}]")),
        Data => data(call, raw, next()),
        DataOut => given_back.and_then(|n| data(call, raw, n)),
        Vector => call.vector(raw, next()).map(|iov| vector(call, &iov, usize::MAX)),
        VectorOut => given_back.and_then(|n| call.vector(raw, next()).map(|iov| vector(call, &iov, n))),
        Msg => message(call, raw, usize::MAX),
        MsgOut => given_back.and_then(|n| message(call, raw, n)),
        Value => value(call, raw, next()),
        ValueOut => {
            given_back.and_then(|_| given_len(call, call.args[i + 1])).and_then(|len| value(call, raw, len))
        }
    };
    shown.filter(|_| raw != 0 || is_number(kind)).unwrap_or_else(|| pointer(raw))
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Int | Family | Type | Flags4 | Protocol | Level | Opt | Flags | How | Request)
}

fn pointer(raw: u64) -> String {
    if raw == 0 { "NULL".to_owned() } else { format!("{raw:#x}") }
}

/// The length at `at`.
fn given_len(call: &Seen<'_>, at: u64) -> Option<usize> {
    let bytes = call.memory(at, 4)?;
    usize::try_from(i32::from_ne_bytes(*bytes.first_chunk()?)).ok()
}

fn data(call: &Seen<'_>, at: u64, len: usize) -> Option<String> {
    let bytes = call.memory(at, len.min(SHOWN))?;
    Some(format!("{}{}", escaped(&bytes), if len > SHOWN { "..." } else { "" }))
}

/// The buffers, filled to `n` bytes in all.
fn vector(call: &Seen<'_>, iov: &[(u64, usize)], mut n: usize) -> String {
    let buffers = iov.iter().map(|&(at, len)| {
        let filled = len.min(n);
        n -= filled;
        let base = data(call, at, filled).unwrap_or_else(|| pointer(at));
        format!("{{iov_base={base}, iov_len={len}}}")
    });
    format!("[{}]", buffers.collect::<Vec<_>>().join(", "))
}

fn message(call: &Seen<'_>, at: u64, n: usize) -> Option<String> {
    let msg = call.message(at)?;
    let (name_at, name_len) = msg.name;
    let len = usize::try_from(name_len).unwrap_or(0).min(128);
    let name = (name_at != 0 && len >= 2).then(|| call.memory(name_at, len)).flatten();
    let name = name.map_or_else(|| pointer(name_at), |bytes| address(&bytes));
    Some(format!(
        "{{msg_name={name}, msg_namelen={name_len}, msg_iov={}, msg_iovlen={}, msg_controllen={}, msg_flags={}}}",
        vector(call, &msg.iov, n),
        msg.iov.len(),
        msg.control.1,
        MSG_FLAGS.flags(u64::from(msg.flags)),
    ))
}

fn value(call: &Seen<'_>, at: u64, len: usize) -> Option<String> {
    let bytes = call.memory(at, len.min(64))?;
    Some(option_value(call.args[1] as i32, call.args[2] as i32, &bytes))
}
