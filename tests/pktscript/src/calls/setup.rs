//! Calls that make, connect and end sockets.

use super::{Args, Prepared};
use crate::ast::Expr;
use crate::flow::{Flow, Stage};
use crate::run::{Run, Stop};
use crate::settings::IpVersion;
use sockeye::sockaddr;
use sockeye::uapi::socket::{AF_INET, AF_INET6};
use sockeye::vfs::fcntl::Arg;
use std::net::{IpAddr, SocketAddr};

type Ready = Result<Prepared, Stop>;

/// The address of a side as sockets of this run see it.
fn address(run: &Run, addr: IpAddr, port: u16) -> Vec<u8> {
    let addr = match (run.settings.ip, addr) {
        (IpVersion::Mapped, IpAddr::V4(v4)) => IpAddr::V6(v4.to_ipv6_mapped()),
        (_, addr) => addr,
    };
    sockaddr(SocketAddr::new(addr, port)).as_ref().to_vec()
}

pub(super) fn socket(run: &mut Run, args: &Args<'_>) -> Ready {
    let family = match &args.list[0] {
        Expr::Ellipsis if run.settings.ip == IpVersion::V4 => AF_INET,
        Expr::Ellipsis => AF_INET6,
        _ => args.int(0)?,
    };
    let (kind, protocol) = (args.int(1)?, args.int(2)?);
    let script = args.value(&args.call.result)?;
    let mut ready = Prepared::new(move |task| task.socket(family, kind, protocol).map(i64::from)).check(
        move |run, done| {
            if let Ok(fd) = done.result {
                let flow = Flow::new(run.settings.local, run.settings.remote);
                run.add_flow(flow, fd as i32);
                run.map_fd(script as i32, fd as i32);
            }
            Ok(())
        },
    );
    ready.fd = true;
    Ok(ready)
}

pub(super) fn bind(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let addr = match &args.list[1] {
        Expr::Ellipsis => address(run, run.settings.local, run.settings.bind_port),
        other => explicit(args, other)?,
    };
    Ok(Prepared::new(move |task| task.bind(fd, &addr).map(|()| 0)))
}

/// `{sa_family = …, sin_port = htons(…), sin_addr = inet_addr("…")}`
fn explicit(args: &Args<'_>, expr: &Expr) -> Result<Vec<u8>, Stop> {
    let fields = args.fields(expr)?;
    let port = args.field(fields, "sin_port")? as u16;
    let addr = fields.iter().find_map(|(_, value)| match value {
        Expr::Addr(addr) => Some(*addr),
        _ => None,
    });
    let addr = addr.ok_or_else(|| args.bad("expected an address"))?;
    Ok(sockaddr(SocketAddr::new(addr, port)).as_ref().to_vec())
}

pub(super) fn listen(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, backlog) = (args.fd(run, 0)?, args.int(1)?);
    Ok(Prepared::new(move |task| task.listen(fd, backlog).map(|()| 0)).check(move |run, done| {
        if done.result.is_ok()
            && let Some(flow) = run.flow_of(fd)
        {
            flow.stage = Stage::Listening;
        }
        Ok(())
    }))
}

pub(super) fn accept(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let script = args.value(&args.call.result)?;
    let mut ready = Prepared::new(move |task| task.accept4(fd, 0).map(i64::from)).check(move |run, done| {
        let Ok(fd) = done.result else { return Ok(()) };
        run.map_fd(script as i32, fd as i32);
        if run.accepted(fd as i32) {
            Ok(())
        } else {
            Err(("a connection of the script".into(), "another".into()))
        }
    });
    ready.fd = true;
    Ok(ready)
}

/// The address that `connect()` and its kin are given: the peer's, or no family to disconnect.
pub(super) fn peer(run: &mut Run, args: &Args<'_>, fd: i32, expr: &Expr) -> Result<Vec<u8>, Stop> {
    if *expr != Expr::Ellipsis {
        if let Expr::Fields(_) = expr {
            return explicit(args, expr);
        }
        let family = args.value(expr)? as u16;
        if family == 0
            && let Some(flow) = run.flow_of(fd)
        {
            flow.stage = Stage::New;
        }
        let mut bytes = vec![0; 16];
        bytes[..2].copy_from_slice(&family.to_ne_bytes());
        return Ok(bytes);
    }
    let port = run.settings.connect_port;
    let remote = run.settings.remote;
    if let Some(flow) = run.flow_of(fd)
        && flow.stage == Stage::New
    {
        flow.stage = Stage::Connecting;
        flow.remote = (remote, port);
    }
    Ok(address(run, remote, port))
}

pub(super) fn connect(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let addr = peer(run, args, fd, &args.list[1])?;
    Ok(Prepared::new(move |task| task.connect(fd, &addr).map(|()| 0)))
}

pub(super) fn close(run: &mut Run, args: &Args<'_>) -> Ready {
    let (script, fd) = (args.int(0)?, args.fd(run, 0)?);
    Ok(Prepared::new(move |task| task.close(fd).map(|()| 0)).check(move |run, _| {
        run.unmap_fd(script);
        Ok(())
    }))
}

pub(super) fn shutdown(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, how) = (args.fd(run, 0)?, args.int(1)?);
    Ok(Prepared::new(move |task| task.shutdown(fd, how).map(|()| 0)))
}

pub(super) fn fcntl(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, cmd) = (args.fd(run, 0)?, args.int(1)?);
    let arg = if args.list.len() == 3 { args.value(&args.list[2])? as u64 } else { 0 };
    Ok(Prepared::new(move |task| task.fcntl(fd, cmd, Arg::Int(arg))))
}

pub(super) fn ioctl(run: &mut Run, args: &Args<'_>) -> Ready {
    let (fd, cmd) = (args.fd(run, 0)?, args.int(1)? as u32);
    if args.list.len() == 2 {
        return Ok(Prepared::new(move |task| task.ioctl(fd, cmd, &mut []).map(i64::from)));
    }
    let expected = args.bracketed(2)?;
    let body = move |task: &sockeye::Task| {
        let mut arg = [0; 4];
        let result = task.ioctl(fd, cmd, &mut arg).map(i64::from);
        super::Done { result, data: arg.to_vec(), extra: vec![i64::from(i32::from_ne_bytes(arg))] }
    };
    Ok(Prepared::with(body).check(move |_, done| {
        let got = done.extra[0];
        if got == expected { Ok(()) } else { Err((format!("[{expected}]"), format!("[{got}]"))) }
    }))
}
