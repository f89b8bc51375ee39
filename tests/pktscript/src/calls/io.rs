//! Reading and writing.

use super::{Args, Done, Prepared};
use crate::ast::Expr;
use crate::file::ZeroFile;
use crate::run::{Run, Stop};
use sockeye::uapi::Errno;
use sockeye::vfs::{IovSink, IovSource};
use std::io::IoSlice;

type Ready = Result<Prepared, Stop>;

pub(super) fn read(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    args.buffer(1)?;
    let count = args.size(2)?;
    Ok(Prepared::new(move |task| task.read(fd, &mut vec![0; count]).map(|n| n as i64)))
}

/// `recv()`, and `recvfrom()` whose address nobody looks at.
pub(super) fn recv(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    args.buffer(1)?;
    let (count, flags) = (args.size(2)?, args.int(3)?);
    Ok(Prepared::new(move |task| task.recv(fd, &mut vec![0; count], flags).map(|n| n as i64)))
}

pub(super) fn readv(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let total: usize = args.iovec(&args.list[1])?.iter().sum();
    Ok(Prepared::new(move |task| {
        let mut buf = vec![0; total];
        task.readv(fd, &mut IovSink::from_slice(&mut buf)).map(|n| n as i64)
    }))
}

pub(super) fn write(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    args.buffer(1)?;
    let count = args.size(2)?;
    Ok(Prepared::new(move |task| task.write(fd, &vec![0; count]).map(|n| n as i64)))
}

pub(super) fn writev(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    let lens = args.iovec(&args.list[1])?;
    Ok(Prepared::new(move |task| {
        let bufs: Vec<Vec<u8>> = lens.iter().map(|n| vec![0; *n]).collect();
        let slices: Vec<IoSlice<'_>> = bufs.iter().map(|buf| IoSlice::new(buf)).collect();
        task.writev(fd, &mut IovSource::new(&slices)).map(|n| n as i64)
    }))
}

pub(super) fn send(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    args.buffer(1)?;
    let (count, flags) = (args.size(2)?, args.int(3)?);
    Ok(Prepared::new(move |task| task.send(fd, &vec![0; count], flags).map(|n| n as i64)))
}

pub(super) fn sendto(run: &mut Run, args: &Args<'_>) -> Ready {
    let fd = args.fd(run, 0)?;
    args.buffer(1)?;
    let (count, flags) = (args.size(2)?, args.int(3)?);
    let addr = super::setup::peer(run, args, fd, &args.list[4])?;
    Ok(Prepared::new(move |task| task.sendto(fd, &vec![0; count], flags, &addr).map(|n| n as i64)))
}

pub(super) fn pipe(_: &mut Run, args: &Args<'_>) -> Ready {
    let Expr::List(list) = &args.list[0] else { return Err(args.bad("expected two descriptors")) };
    let script = list.iter().map(|expr| args.value(expr)).collect::<Result<Vec<_>, _>>()?;
    let body = |task: &sockeye::Task| match task.pipe2(0) {
        Ok(fds) => Done { result: Ok(0), data: Vec::new(), extra: fds.map(i64::from).to_vec() },
        Err(errno) => Done::plain(Err(errno)),
    };
    Ok(Prepared::with(body).check(move |run, done| {
        for (script, live) in script.iter().zip(&done.extra) {
            run.map_fd(*script as i32, *live as i32);
        }
        Ok(())
    }))
}

pub(super) fn splice(run: &mut Run, args: &Args<'_>) -> Ready {
    let (from, to) = (args.fd(run, 0)?, args.fd(run, 2)?);
    if args.int(1)? != 0 || args.int(3)? != 0 {
        return Err(args.bad("an offset"));
    }
    let (len, flags) = (args.size(4)?, args.int(5)? as u32);
    Ok(Prepared::new(move |task| task.splice(from, to, len, flags).map(|n| n as i64)))
}

/// `open()`: the files of a script are those that its commands made, all zeros.
pub(super) fn open(run: &mut Run, args: &Args<'_>) -> Ready {
    let Expr::Str(path) = &args.list[0] else { return Err(args.bad("expected a path")) };
    let size = run.files.get(&*String::from_utf8_lossy(path)).copied();
    let flags = args.int(1)? as u32;
    let script = args.value(&args.call.result)?;
    let body = move |task: &sockeye::Task| {
        let Some(size) = size else { return Err(Errno::ENOENT) };
        task.call(|p| task.files().open(p, 0, || Ok(ZeroFile::open(size, flags)))).map(i64::from)
    };
    let mut ready = Prepared::new(body).check(move |run, done| {
        if let Ok(fd) = done.result {
            run.map_fd(script as i32, fd as i32);
        }
        Ok(())
    });
    ready.fd = true;
    Ok(ready)
}

pub(super) fn sendfile(run: &mut Run, args: &Args<'_>) -> Ready {
    let (to, from) = (args.fd(run, 0)?, args.fd(run, 1)?);
    let (mut offset, count) = (args.bracketed(2)?, args.size(3)?);
    Ok(Prepared::new(move |task| task.sendfile(to, from, Some(&mut offset), count).map(|n| n as i64)))
}
