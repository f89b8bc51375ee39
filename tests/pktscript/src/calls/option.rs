//! Socket options.

use super::{Args, Done, Prepared};
use crate::ast::Expr;
use crate::run::{Run, Stop};
use std::net::IpAddr;

type Ready = Result<Prepared, Stop>;

/// The bytes of an option's value.
fn value(args: &Args<'_>, expr: &Expr) -> Result<Vec<u8>, Stop> {
    match expr {
        Expr::List(_) => Ok((args.bracketed(3)? as i32).to_ne_bytes().to_vec()),
        Expr::Str(bytes) => Ok(bytes.clone()),
        Expr::Addr(IpAddr::V6(v6)) => Ok(v6.octets().to_vec()),
        Expr::Fields(fields) if fields.iter().any(|field| field.0 == "onoff") => {
            let field = |name| args.field(fields, name).map(|value| (value as i32).to_ne_bytes());
            Ok([field("onoff")?, field("linger")?].concat())
        }
        _ => Err(args.bad("an option value of this kind")),
    }
}

pub(super) fn setsockopt(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, level, name) = (args.fd(run, 0)?, args.int(1)?, args.int(2)?);
    let mut bytes = value(args, &args.list[3])?;
    bytes.resize(args.size(4)?, 0);
    Ok(Prepared::new(move |task| task.setsockopt(fd, level, name, &bytes).map(|()| 0)))
}

pub(super) fn getsockopt(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, level, name) = (args.fd(run, 0)?, args.int(1)?, args.int(2)?);
    let expected = value(args, &args.list[3])?;
    let len = usize::try_from(args.bracketed(4)?).map_err(|_| args.bad("a negative length"))?;
    let number = matches!(args.list[3], Expr::List(_));
    let body = move |task: &sockeye::Task| {
        let mut buf = vec![0; len];
        match task.getsockopt(fd, level, name, &mut buf) {
            Ok(len) => Done { result: Ok(0), data: buf, extra: vec![len as i64] },
            Err(errno) => Done::plain(Err(errno)),
        }
    };
    Ok(Prepared::with(body).check(move |_, done| {
        if done.result.is_err() {
            return Ok(());
        }
        if done.extra[0] != len as i64 {
            return Err((format!("length {len}"), format!("length {}", done.extra[0])));
        }
        if done.data == expected {
            return Ok(());
        }
        let show = |bytes: &[u8]| match bytes.try_into() {
            Ok(four) if number => format!("[{}]", i32::from_ne_bytes(four)),
            _ => format!("{bytes:?}"),
        };
        Err((show(&expected), show(&done.data)))
    }))
}
