//! `fcntl(2)`.

use crate::fasync::Owner;
use crate::file::File;
use crate::files::Files;
use crate::pipe::{pipe_size, set_pipe_size};
use kern::context::Process;
use std::sync::Arc;
use uapi::fcntl::*;
use uapi::{Errno, Result};

/// The largest signal number (`_NSIG`).
const NSIG: u64 = 64;
/// `F_GETLEASE` of a file without a lease.
const F_UNLCK: i64 = 2;
const F_GET_RW_HINT: i32 = 1035;

/// The third argument.
#[derive(Debug)]
pub enum Arg<'a> {
    /// A number.
    Int(u64),
    /// What it points to, of the size the command wants ([`arg_size`]); too little answers `EFAULT`.
    Memory(&'a mut [u8]),
}

impl Arg<'_> {
    fn int(&self) -> u64 {
        match self {
            Arg::Int(n) => *n,
            Arg::Memory(_) => 0,
        }
    }

    fn memory<const N: usize>(&mut self) -> Result<&mut [u8; N]> {
        match self {
            Arg::Memory(memory) => memory.first_chunk_mut().ok_or(Errno::EFAULT),
            Arg::Int(_) => Err(Errno::EFAULT),
        }
    }
}

/// How many bytes the argument of a command points to; 0 if it is a number.
#[must_use]
pub fn arg_size(cmd: i32) -> usize {
    match cmd {
        F_SETOWN_EX | F_GETOWN_EX | F_GETOWNER_UIDS | F_GET_RW_HINT => 8,
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => 32,
        _ => 0,
    }
}

/// `fcntl(2)`.
///
/// # Errors
/// `EBADF`; `EINVAL` for an unknown command or argument; and what the man page has for each.
pub fn fcntl(p: &Process<'_>, files: &Files, fd: i32, cmd: i32, mut arg: Arg<'_>) -> Result<i64> {
    let int = arg.int();
    // These change the table, so they do not hold the file while they do.
    match cmd {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            return files.fcntl_dupfd(p, fd, int as u32, cmd == F_DUPFD_CLOEXEC).map(i64::from);
        }
        F_GETFD => return files.get_close_on_exec(fd).map(i64::from),
        F_SETFD => {
            files.set_close_on_exec(fd, int & FD_CLOEXEC as u64 != 0)?;
            return Ok(0);
        }
        _ => {}
    }
    files.with(p, fd, |file| match cmd {
        F_DUPFD_QUERY => files.with(p, int as i32, |other| i64::from(Arc::ptr_eq(file, other))),
        F_CREATED_QUERY => Ok(0),
        F_NOTIFY if int == 0 => Ok(0),
        F_GETFL => Ok(i64::from(file.flags())),
        F_SETFL => file.set_flags(p, fd, int as u32).map(|()| 0),
        F_GETOWN => Ok(get_owner(file)),
        F_SETOWN => set_owner(p, files, file, int as i32).map(|()| 0),
        F_GETOWN_EX => {
            let (kind, pid) = owner_ex(file);
            let memory = arg.memory::<8>()?;
            memory[..4].copy_from_slice(&kind.to_ne_bytes());
            memory[4..].copy_from_slice(&pid.to_ne_bytes());
            Ok(0)
        }
        F_SETOWN_EX => {
            let memory = arg.memory::<8>()?;
            let [a, b, c, d, e, f, g, h] = *memory;
            let kind = i32::from_ne_bytes([a, b, c, d]);
            let pid = i32::from_ne_bytes([e, f, g, h]);
            set_owner_ex(p, files, file, kind, pid).map(|()| 0)
        }
        F_GETOWNER_UIDS => {
            let (uid, euid) = file.owner().map_or((0, 0), |own| own.uids());
            let memory = arg.memory::<8>()?;
            memory[..4].copy_from_slice(&uid.to_ne_bytes());
            memory[4..].copy_from_slice(&euid.to_ne_bytes());
            Ok(0)
        }
        F_GETSIG => Ok(file.owner().map_or(0, |own| i64::from(own.signum()))),
        F_SETSIG => {
            if int > NSIG {
                return Err(Errno::EINVAL);
            }
            file.owner_or_init().set_signum(int as i32);
            Ok(0)
        }
        F_GETLEASE => Ok(F_UNLCK),
        F_NOTIFY => Err(Errno::ENOTDIR),
        F_GETPIPE_SZ => pipe_size(file).map(i64::from),
        F_SETPIPE_SZ => set_pipe_size(p, files, file, int as u32).map(i64::from),
        F_GET_RW_HINT => {
            *arg.memory::<8>()? = [0; 8];
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    })?
}

/// Type and number, as `struct f_owner_ex` has them.
fn owner_ex(file: &File) -> (i32, u32) {
    match file.owner().map(|own| own.owner()).unwrap_or_default() {
        Owner::None => (F_OWNER_TID, 0),
        Owner::Thread(tid) => (F_OWNER_TID, tid),
        Owner::Process(pid) => (F_OWNER_PID, pid),
        Owner::Group(pgid) => (F_OWNER_PGRP, pgid),
    }
}

/// `F_GETOWN`, `FIOGETOWN`: a group is negative.
#[must_use]
pub fn get_owner(file: &File) -> i64 {
    match owner_ex(file) {
        (F_OWNER_PGRP, pgid) => -i64::from(pgid),
        (_, pid) => i64::from(pid),
    }
}

/// `F_SETOWN`, `FIOSETOWN`, `SIOCSPGRP`: a process, or a group if negative.
///
/// # Errors
/// `EINVAL` for the one number that has no opposite, `ESRCH` if there is nobody of that number.
pub fn set_owner(p: &Process<'_>, files: &Files, file: &File, who: i32) -> Result<()> {
    let pid = who.checked_abs().ok_or(Errno::EINVAL)?;
    let kind = if who < 0 { F_OWNER_PGRP } else { F_OWNER_PID };
    set_owner_ex(p, files, file, kind, pid)
}

fn set_owner_ex(p: &Process<'_>, files: &Files, file: &File, kind: i32, pid: i32) -> Result<()> {
    let raw = pid as u32;
    let owner = match kind {
        F_OWNER_TID => Owner::Thread(raw),
        F_OWNER_PID => Owner::Process(raw),
        F_OWNER_PGRP => Owner::Group(raw),
        _ => return Err(Errno::EINVAL),
    };
    let sink = files.vfs().signal_sink();
    if pid != 0 && (pid < 0 || sink.as_ref().is_some_and(|sink| !sink.exists(owner))) {
        return Err(Errno::ESRCH);
    }
    file.owner_or_init().set(owner, p.cred.uid, p.cred.euid, sink);
    Ok(())
}
