//! Waiting for many: poll and epoll.

use super::{Args, Done, Prepared};
use crate::ast::Expr;
use crate::run::{Run, Stop};
use sockeye::Timeout;
use sockeye::uapi::poll::{EpollEvent, PollFd};

type Ready = Result<Prepared, Stop>;

pub(super) fn poll(run: &mut Run, args: &Args<'_>) -> Ready {
    let Expr::List(list) = &args.list[0] else { return Err(args.bad("expected a list")) };
    let mut fds = Vec::new();
    let mut wanted = Vec::new();
    for expr in list {
        let fields = args.fields(expr)?;
        let script = args.field(fields, "fd")? as i32;
        let fd = run.live_fd(script).ok_or_else(|| args.bad("a descriptor that is not open"))?;
        fds.push(PollFd { fd, events: args.field(fields, "events")? as i16, revents: 0 });
        wanted.push(args.field(fields, "revents")?);
    }
    let timeout = Timeout::from_ms(args.int(2)?);
    let body = move |task: &sockeye::Task| {
        let result = task.poll(&mut fds, timeout).map(|n| n as i64);
        Done { result, data: Vec::new(), extra: fds.iter().map(|fd| i64::from(fd.revents)).collect() }
    };
    Ok(Prepared::with(body).check(move |_, done| {
        if done.extra == wanted {
            Ok(())
        } else {
            Err((format!("{wanted:#x?}"), format!("{:#x?}", done.extra)))
        }
    }))
}

pub(super) fn epoll_create(_: &mut Run, args: &Args<'_>) -> Ready {
    let script = args.value(&args.call.result)?;
    let mut ready = Prepared::new(|task| task.epoll_create1(0).map(i64::from)).check(move |run, done| {
        if let Ok(fd) = done.result {
            run.map_fd(script as i32, fd as i32);
        }
        Ok(())
    });
    ready.fd = true;
    Ok(ready)
}

/// The events and the data of `{events=…, fd=…}`; a descriptor is the stack's.
fn event(run: &Run, args: &Args<'_>, expr: &Expr) -> Result<EpollEvent, Stop> {
    let fields = args.fields(expr)?;
    let events = args.field(fields, "events")? as u32;
    let (name, value) = fields.iter().find(|field| field.0 != "events").ok_or_else(|| args.bad("no data"))?;
    let value = args.value(value)?;
    let data = match name.as_str() {
        "fd" => run.live_fd(value as i32).ok_or_else(|| args.bad("a descriptor that is not open"))? as u64,
        _ => value as u64,
    };
    Ok(EpollEvent { events, data })
}

pub(super) fn epoll_ctl(run: &mut Run, args: &Args<'_>) -> Ready {
    let (epfd, op, fd) = (args.fd(run, 0)?, args.int(1)?, args.fd(run, 2)?);
    let event = event(run, args, &args.list[3])?;
    Ok(Prepared::new(move |task| task.epoll_ctl(epfd, op, fd, Some(event)).map(|()| 0)))
}

pub(super) fn epoll_wait(run: &mut Run, args: &Args<'_>) -> Ready {
    let epfd = args.fd(run, 0)?;
    let wanted = event(run, args, &args.list[1])?;
    let (max, timeout) = (args.size(2)?, args.int(3)?);
    let body = move |task: &sockeye::Task| {
        let mut events = vec![EpollEvent::default(); max.min(64)];
        let result = task.epoll_wait(epfd, &mut events, timeout).map(|n| n as i64);
        let first = events.first().copied().unwrap_or_default();
        let (bits, data) = (first.events, first.data);
        Done { result, data: Vec::new(), extra: vec![i64::from(bits), data as i64] }
    };
    Ok(Prepared::with(body).check(move |_, done| {
        let (events, data) = (i64::from(wanted.events), { wanted.data } as i64);
        // Without an event there is no data either.
        let same = done.extra[0] == events && (done.result == Ok(0) || done.extra[1] == data);
        let show = |events, data| format!("events {events:#x} data {data}");
        if same { Ok(()) } else { Err((show(events, data), show(done.extra[0], done.extra[1]))) }
    }))
}
