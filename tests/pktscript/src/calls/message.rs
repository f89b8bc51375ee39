//! `sendmsg()`, `recvmsg()` and control messages.

use super::{Args, Done, Prepared};
use crate::ast::Expr;
use crate::run::{Run, Stop};
use crate::symbols::NLA;
use sockeye::stack::MsgHdr;
use sockeye::stack::msg::RecvMsg;
use sockeye::uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
use sockeye::vfs::{IovSink, IovSource};
use std::io::IoSlice;

type Ready = Result<Prepared, Stop>;

fn get<'f>(fields: &'f [(String, Expr)], name: &str) -> Option<&'f Expr> {
    fields.iter().find(|field| field.0 == name).map(|field| &field.1)
}

fn lengths(args: &Args<'_>, fields: &[(String, Expr)]) -> Result<Vec<usize>, Stop> {
    get(fields, "msg_iov").map_or(Ok(Vec::new()), |expr| args.iovec(expr))
}

pub(super) fn sendmsg(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let fields = args.fields(&args.list[1])?;
    let lens = lengths(args, fields)?;
    let flags = args.int(2)? as u32;
    let name = match get(fields, "msg_name") {
        Some(name) => Some(super::setup::peer(run, args, fd, name)?),
        None => None,
    };
    if !matches!(get(fields, "msg_control"), None | Some(Expr::List(_))) {
        return Err(args.bad("control messages of this kind"));
    }
    Ok(Prepared::new(move |task| {
        let bufs: Vec<Vec<u8>> = lens.iter().map(|n| vec![0; *n]).collect();
        let slices: Vec<IoSlice<'_>> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
        let mut msg = MsgHdr::new(IovSource::new(&slices), flags);
        msg.name = name.as_deref();
        task.sendmsg(fd, &mut msg).map(|n| n as i64)
    }))
}

/// A control message that a script expects.
struct Wanted {
    level: i64,
    kind: i64,
    data: Data,
}

/// What a script says of its data.
enum Data {
    /// One `int`.
    Int(i64),
    /// A time since the script began, microseconds; 0 is any.
    Time(i64),
    /// `struct sock_extended_err`: errno, origin, type, code, info, data.
    Error([i64; 6]),
    /// Attributes, with their types and lengths; -1 is any.
    Stats(Vec<(u16, usize, i64)>),
}

fn wanted(args: &Args<'_>, expr: &Expr) -> Result<Wanted, Stop> {
    let fields = args.fields(expr)?;
    let data = match get(fields, "cmsg_data") {
        Some(Expr::Fields(inner)) if inner.iter().any(|field| field.0 == "scm_sec") => {
            let (sec, nsec) = (args.field(inner, "scm_sec")?, args.field(inner, "scm_nsec")?);
            Data::Time(sec * 1_000_000 + nsec / 1000)
        }
        Some(Expr::Fields(inner)) if inner.iter().any(|field| field.0 == "ee_errno") => {
            let field = |name| args.field(inner, name);
            Data::Error([
                field("ee_errno")?,
                field("ee_origin")?,
                field("ee_type")?,
                field("ee_code")?,
                field("ee_info")?,
                field("ee_data")?,
            ])
        }
        Some(Expr::Fields(inner)) => {
            let row = |field: &(String, Expr)| {
                let row = NLA.iter().find(|row| row.0 == field.0);
                let (_, kind, len) = row.ok_or_else(|| args.bad(&format!("attribute {}", field.0)))?;
                Ok((*kind, *len, args.value(&field.1)?))
            };
            Data::Stats(inner.iter().map(row).collect::<Result<_, Stop>>()?)
        }
        Some(other) => Data::Int(args.value(other)?),
        None => return Err(args.bad("a control message without data")),
    };
    Ok(Wanted { level: args.field(fields, "cmsg_level")?, kind: args.field(fields, "cmsg_type")?, data })
}

fn word(bytes: &[u8], at: usize, len: usize) -> i64 {
    let mut eight = [0; 8];
    if let Some(part) = bytes.get(at..at + len) {
        eight[..len].copy_from_slice(part);
    }
    i64::from_ne_bytes(eight)
}

impl Data {
    /// What the data is not, if it is not this.
    fn differs(&self, run: &Run, bytes: &[u8]) -> Option<(String, String)> {
        let differ = |wanted: String, got: String| if wanted == got { None } else { Some((wanted, got)) };
        match self {
            Data::Int(value) => differ(format!("{value}"), format!("{}", word(bytes, 0, 4) as i32)),
            Data::Time(usecs) => {
                let ns = word(bytes, 0, 8).wrapping_mul(1_000_000_000).wrapping_add(word(bytes, 8, 8));
                let got = run.usecs_of_realtime(ns as u64);
                if *usecs == 0 || (usecs - got).abs() <= run.settings.tolerance_usecs {
                    return None;
                }
                Some((format!("time stamp {usecs} us"), format!("{got} us")))
            }
            Data::Error(fields) => {
                let got = [
                    word(bytes, 0, 4),
                    word(bytes, 4, 1),
                    word(bytes, 5, 1),
                    word(bytes, 6, 1),
                    word(bytes, 8, 4),
                    word(bytes, 12, 4),
                ];
                let low = fields.map(|field| field & 0xffff_ffff);
                differ(format!("ee {low:?}"), format!("ee {got:?}"))
            }
            Data::Stats(rows) => stats_differ(rows, bytes, run.settings.tolerance_usecs),
        }
    }
}

/// Attributes whose values are microseconds, which may be off by the tolerance unless they are 0.
const TIMES: [u16; 3] = [1, 2, 3];

fn stats_differ(rows: &[(u16, usize, i64)], bytes: &[u8], tolerance: i64) -> Option<(String, String)> {
    let mut at = 0;
    for (kind, len, value) in rows {
        let (nla_len, nla_kind) = (word(bytes, at, 2) as usize, word(bytes, at + 2, 2) as u16);
        if (nla_kind, nla_len) != (*kind, len + 4) {
            let got = format!("attribute {nla_kind} of {nla_len} bytes");
            return Some((format!("attribute {kind} of {} bytes", len + 4), got));
        }
        let got = word(bytes, at + 4, *len);
        let near = TIMES.contains(kind) && *value != 0 && (value - got).abs() <= tolerance;
        if *value != -1 && *value != got && !near {
            return Some((format!("attribute {kind} = {value}"), format!("{got}")));
        }
        at += nla_len.next_multiple_of(4);
    }
    if at < bytes.len() {
        Some(("no more attributes".into(), format!("{} bytes", bytes.len() - at)))
    } else {
        None
    }
}

pub(super) fn recvmsg(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let fields = args.fields(&args.list[1])?;
    let total: usize = lengths(args, fields)?.iter().sum();
    let flags = args.int(2)? as u32;
    let wanted_flags = args.field(fields, "msg_flags")?;
    let control = match get(fields, "msg_control") {
        Some(Expr::List(list)) => {
            list.iter().map(|expr| wanted(args, expr)).collect::<Result<Vec<_>, _>>()?
        }
        None => Vec::new(),
        Some(_) => return Err(args.bad("control messages of this kind")),
    };
    // Room for control messages is what those of the script take; a script without any gives none.
    let room = if control.is_empty() { 0 } else { 1024 };
    let body = move |task: &sockeye::Task| {
        let (mut buf, mut name, mut data) = (vec![0; total], [0; 128], vec![0; room]);
        let mut msg = RecvMsg::new(IovSink::from_slice(&mut buf), flags);
        msg.name = Some(&mut name);
        msg.control = CmsgWriter::new(&mut data, CmsgLayout::NATIVE);
        let result = task.recvmsg(fd, &mut msg).map(|n| n as i64);
        let (out, len) = (msg.out_flags, msg.control.len());
        data.truncate(len);
        Done { result, data, extra: vec![i64::from(out)] }
    };
    Ok(Prepared::with(body).check(move |run, done| {
        if done.result.is_err() {
            return Ok(());
        }
        if done.extra[0] != wanted_flags {
            return Err((format!("msg_flags {wanted_flags:#x}"), format!("{:#x}", done.extra[0])));
        }
        let got: Vec<_> = CmsgIter::new(&done.data, CmsgLayout::NATIVE).filter_map(Result::ok).collect();
        if got.len() != control.len() {
            let kinds: Vec<_> = got.iter().map(|cmsg| (cmsg.level, cmsg.kind)).collect();
            return Err((format!("{} control messages", control.len()), format!("{kinds:?}")));
        }
        for (wanted, got) in control.iter().zip(&got) {
            let names = (i64::from(got.level), i64::from(got.kind));
            if names != (wanted.level, wanted.kind) {
                let wanted = (wanted.level, wanted.kind);
                return Err((format!("control message {wanted:?}"), format!("{names:?}")));
            }
            if let Some(differ) = wanted.data.differs(run, got.data) {
                return Err(differ);
            }
        }
        Ok(())
    }))
}
