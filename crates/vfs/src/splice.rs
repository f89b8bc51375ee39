//! `splice(2)`, `tee(2)`, `sendfile(2)`: bytes from file to file.
//!
//! Nothing is saved by it here: pages are copied. What counts is that programs get Linux's answers.

use crate::file::File;
use crate::files::Files;
use crate::iov::{IovSink, IovSource};
use crate::pipe::{PAGE, Page, Pipe, Ring};
use crate::rw::MAX_RW_COUNT;
use kern::context::Process;
use kern::sync::SpinGuard;
use uapi::fcntl::{O_APPEND, O_NONBLOCK};
use uapi::{Errno, Result};

/// Do not wait for a pipe.
pub const SPLICE_F_NONBLOCK: u32 = 2;
/// All flags there are (`SPLICE_F_ALL`).
const SPLICE_F_ALL: u32 = 15;
/// Pages one call hands to a socket at once.
const BATCH: usize = 16;

/// `splice(2)`: bytes moved. `offset_in` and `offset_out` say whether the caller gave one; nothing here has a position.
///
/// # Errors
/// `EINVAL` if neither is a pipe, both are the same, a file cannot, or for unknown flags; `ESPIPE` for an offset into a pipe; `EBADF`,
/// `EAGAIN`, `EPIPE` (the caller sends `SIGPIPE`), `ERESTARTSYS`.
#[expect(clippy::too_many_arguments, reason = "the arguments of one system call")]
pub fn splice(
    p: &Process<'_>,
    files: &Files,
    fd_in: i32,
    offset_in: bool,
    fd_out: i32,
    offset_out: bool,
    len: usize,
    flags: u32,
) -> Result<usize> {
    if len == 0 {
        return Ok(0);
    }
    if flags & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    with_both(p, files, fd_in, fd_out, |from, to| {
        let (source, sink) = (Pipe::of(from), Pipe::of(to));
        if source.is_some() && offset_in || sink.is_some() && offset_out {
            return Err(Errno::ESPIPE);
        }
        check_modes(from, to)?;
        let wait = |pipe_file: u32| flags & SPLICE_F_NONBLOCK == 0 && pipe_file & O_NONBLOCK == 0;
        match (source, sink) {
            (None, None) => Err(Errno::EINVAL),
            (Some(i), Some(o)) if core::ptr::eq(i, o) => Err(Errno::EINVAL),
            (Some(i), Some(o)) => move_pages(p, i, o, len, wait(from.flags() | to.flags()), true),
            _ if offset_in || offset_out => Err(Errno::EINVAL),
            (Some(pipe), None) if to.flags() & O_APPEND == 0 && to.ops().can_splice() => {
                from_pipe(p, pipe, to, len.min(MAX_RW_COUNT), wait(from.flags()))
            }
            (None, Some(pipe)) => to_pipe(p, from, pipe, len, wait(to.flags())),
            _ => Err(Errno::EINVAL),
        }
    })
}

fn check_modes(from: &File, to: &File) -> Result<()> {
    if from.readable() && to.writable() { Ok(()) } else { Err(Errno::EBADF) }
}

/// `tee(2)`: bytes copied from pipe to pipe.
///
/// # Errors
/// `EINVAL` if they are not two pipes, or for unknown flags; `EBADF`, `EAGAIN`, `EPIPE`, `ERESTARTSYS`.
pub fn tee(p: &Process<'_>, files: &Files, fd_in: i32, fd_out: i32, len: usize, flags: u32) -> Result<usize> {
    if flags & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    with_both(p, files, fd_in, fd_out, |from, to| {
        check_modes(from, to)?;
        match (Pipe::of(from), Pipe::of(to)) {
            (Some(i), Some(o)) if !core::ptr::eq(i, o) => {
                let wait = (from.flags() | to.flags()) & O_NONBLOCK == 0 && flags & SPLICE_F_NONBLOCK == 0;
                move_pages(p, i, o, len, wait, false)
            }
            _ => Err(Errno::EINVAL),
        }
    })
}

/// `sendfile(2)`: bytes sent. With `offset` it reads from there and moves it on.
///
/// # Errors
/// `EINVAL` if the source has no position (a socket may only go into a pipe) or a file cannot; `ESPIPE` for an offset where there is
/// none; `EBADF`, `EAGAIN`, and what the files say.
pub fn sendfile(
    p: &Process<'_>,
    files: &Files,
    fd_out: i32,
    fd_in: i32,
    offset: Option<&mut i64>,
    count: usize,
) -> Result<usize> {
    files.with(p, fd_in, |from| {
        if !from.readable() {
            return Err(Errno::EBADF);
        }
        if let Some(at) = &offset {
            from.ops().pread(p, from, &mut IovSink::default(), **at)?;
        }
        files.with(p, fd_out, |to| {
            if !to.writable() {
                return Err(Errno::EBADF);
            }
            let count = count.min(MAX_RW_COUNT);
            let wait = to.flags() & O_NONBLOCK == 0;
            if let Some(pipe) = Pipe::of(to)
                && offset.is_none()
            {
                return to_pipe(p, from, pipe, count, wait);
            }
            if from.ops().llseek(p, from, 0, 1).is_err() || to.flags() & O_APPEND != 0 {
                return Err(Errno::EINVAL);
            }
            if count == 0 {
                return Ok(0);
            }
            if !from.ops().can_splice() || !to.ops().can_splice() {
                return Err(Errno::EINVAL);
            }
            copy(p, from, to, offset, count)
        })?
    })?
}

fn with_both<R>(
    p: &Process<'_>,
    files: &Files,
    fd_in: i32,
    fd_out: i32,
    f: impl FnOnce(&File, &File) -> Result<R>,
) -> Result<R> {
    files.with(p, fd_in, |from| files.with(p, fd_out, |to| f(from, to))?)?
}

/// From a file that has a position to one that takes what comes.
fn copy(
    p: &Process<'_>,
    from: &File,
    to: &File,
    mut offset: Option<&mut i64>,
    count: usize,
) -> Result<usize> {
    let mut page = vec![0; count.min(BATCH * PAGE)];
    let mut done = 0;
    while done < count {
        let want = page.len().min(count - done);
        let mut sink = IovSink::from_slice(&mut page[..want]);
        let got = match &offset {
            Some(at) => from.ops().pread(p, from, &mut sink, **at),
            None => from.ops().read(p, from, &mut sink),
        };
        let wrote = match got {
            Ok(0) => return Ok(done),
            Ok(n) => to.ops().write(p, to, &mut IovSource::from_slice(&page[..n])).map(|w| (n, w)),
            Err(e) => Err(e),
        };
        let (read, sent) = match wrote {
            Ok(both) => both,
            Err(_) if done > 0 => return Ok(done),
            Err(e) => return Err(e),
        };
        done += sent;
        match &mut offset {
            Some(at) => **at += sent as i64,
            // What was read and found no room is read again next time.
            None if sent < read => drop(from.ops().llseek(p, from, sent as i64 - read as i64, 1)),
            None => {}
        }
        if sent < read {
            break;
        }
    }
    Ok(done)
}

/// Why a pipe has nothing to do at the moment.
fn must_end(p: &Process<'_>, wait: bool) -> Option<Errno> {
    if !wait {
        return Some(Errno::EAGAIN);
    }
    p.signal_pending().then_some(Errno::ERESTARTSYS)
}

/// Wait until there is data (`ipipe_prep`); `None` if there will be none.
fn wait_for_data<'a>(p: &Process<'_>, pipe: &'a Pipe, wait: bool) -> Result<Option<SpinGuard<'a, Ring>>> {
    loop {
        let ring = pipe.ring.lock();
        if !ring.pages.is_empty() {
            return Ok(Some(ring));
        }
        if !ring.writers {
            return Ok(None);
        }
        drop(ring);
        if let Some(e) = must_end(p, wait) {
            return Err(e);
        }
        pipe.sleep(p, true, |ring| !ring.pages.is_empty() || !ring.writers);
    }
}

/// Wait until there is room (`wait_for_space`, `opipe_prep`): how many pages.
fn wait_for_room(p: &Process<'_>, pipe: &Pipe, wait: bool) -> Result<usize> {
    loop {
        let ring = pipe.ring.lock();
        if !ring.readers {
            return Err(Errno::EPIPE);
        }
        if !ring.full() {
            return Ok(ring.max - ring.pages.len());
        }
        drop(ring);
        if let Some(e) = must_end(p, wait) {
            return Err(e);
        }
        pipe.sleep(p, false, |ring| !ring.full() || !ring.readers);
    }
}

/// `splice_to_socket`: each batch of pages is one write.
fn from_pipe(p: &Process<'_>, pipe: &Pipe, to: &File, len: usize, wait: bool) -> Result<usize> {
    let mut done = 0;
    let result = loop {
        if done == len {
            break Ok(());
        }
        // Having sent something, it does not wait for more.
        let ring = match wait_for_data(p, pipe, wait && done == 0) {
            Ok(Some(ring)) => ring,
            Ok(None) => break Ok(()),
            Err(e) => break Err(e),
        };
        let mut batch = Vec::new();
        for page in ring.pages.iter().take(BATCH) {
            let room = (len - done).saturating_sub(batch.len());
            batch.extend_from_slice(&page.bytes()[..page.len().min(room)]);
        }
        drop(ring);
        match to.ops().write(p, to, &mut IovSource::from_slice(&batch)) {
            Ok(0) => break Ok(()),
            Ok(n) => {
                done += n;
                if pipe.ring.lock().consume(n) {
                    pipe.wake_writers();
                }
            }
            Err(e) => break Err(e),
        }
    };
    match result {
        Err(e) if done == 0 => Err(e),
        _ => Ok(done),
    }
}

/// `splice_file_to_pipe`, `copy_splice_read`: one read, as long as the pipe has pages for it.
fn to_pipe(p: &Process<'_>, from: &File, pipe: &Pipe, len: usize, wait: bool) -> Result<usize> {
    let room = wait_for_room(p, pipe, wait)?;
    if len == 0 {
        return Ok(0);
    }
    if !from.ops().can_splice() || Pipe::of(from).is_some() {
        return Err(Errno::EINVAL);
    }
    let mut data = vec![0; len.min(room * PAGE)];
    let n = from.ops().splice_read(p, from, &mut IovSink::from_slice(&mut data))?;
    if n > 0 {
        let mut ring = pipe.ring.lock();
        ring.pages.extend(data[..n].chunks(PAGE).map(|page| Page::filled(page.to_vec())));
        drop(ring);
        pipe.wake_readers();
    }
    Ok(n)
}

/// `splice_pipe_to_pipe`, and `link_pipe` if the source keeps what it has.
fn move_pages(p: &Process<'_>, from: &Pipe, to: &Pipe, len: usize, wait: bool, take: bool) -> Result<usize> {
    loop {
        let over = wait_for_data(p, from, wait)?.is_none();
        wait_for_room(p, to, wait)?;
        if over {
            return Ok(0);
        }
        // Never both locks at once: two calls may go in opposite directions. What is taken out is put in at the next moment.
        let room = {
            let ring = to.ring.lock();
            ring.max.saturating_sub(ring.pages.len())
        };
        let (mut moved, mut freed, mut pages) = (0, false, Vec::new());
        let mut ring = from.ring.lock();
        while pages.len() < room && moved < len {
            let at = if take { 0 } else { pages.len() };
            let Some(page) = ring.pages.get(at) else {
                break;
            };
            let mut page = page.copy(len - moved);
            if take && page.len() == ring.pages[0].len() {
                // A whole page goes as it is.
                page = ring.pages.pop_front().unwrap_or(page);
                freed = true;
            } else if take {
                ring.consume(page.len());
            }
            moved += page.len();
            pages.push(page);
        }
        drop(ring);
        if moved == 0 {
            continue;
        }
        to.ring.lock().pages.extend(pages);
        to.wake_readers();
        if freed {
            from.wake_writers();
        }
        return Ok(moved);
    }
}
