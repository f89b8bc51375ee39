//! `select(2)` and `pselect(2)`.

use crate::files::Files;
use crate::poll::PollTable;
use crate::wait::{Deadline, Timeout};
use kern::context::Process;
use uapi::poll::{
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLNVAL, EPOLLOUT, EPOLLPRI, EPOLLRDBAND, EPOLLRDNORM, EPOLLWRBAND,
    EPOLLWRNORM,
};
use uapi::{Errno, Result};

/// What counts for each of the three sets (`POLLIN_SET`, `POLLOUT_SET`, `POLLEX_SET`).
const SETS: [u32; 3] = [
    EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLNVAL,
    EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR | EPOLLNVAL,
    EPOLLPRI | EPOLLNVAL,
];

/// One of the sets of `select(2)`: a bit for each descriptor.
pub type FdSet<'a> = Option<&'a mut [u64]>;

fn bit(set: &FdSet<'_>, fd: usize) -> bool {
    let word = set.as_ref().and_then(|s| s.get(fd / 64));
    word.is_some_and(|w| w >> (fd % 64) & 1 != 0)
}

/// `select(2)` and `pselect(2)`: how many bits are set in the answer, which replaces `sets` (read, write, except).
///
/// Descriptors at or beyond the room of the table are not looked at, as in Linux.
///
/// # Errors
/// `EINVAL` if `n` is negative, `EBADF` if a descriptor is not open, `ERESTARTNOHAND` (`EINTR` for the program) for a signal; the sets
/// stay as they are then.
pub fn select(
    p: &Process<'_>,
    files: &Files,
    n: i32,
    sets: &mut [FdSet<'_>; 3],
    timeout: Timeout,
) -> Result<usize> {
    let n = usize::try_from(n).map_err(|_| Errno::EINVAL)?.min(files.size());
    let mut asked = Vec::new();
    for fd in 0..n {
        let which = [0, 1, 2].map(|i| bit(&sets[i], fd));
        if which != [false; 3] {
            files.with(p, fd as i32, |_| ())?;
            asked.push((fd as i32, which, [false; 3]));
        }
    }
    let deadline = timeout.deadline(p);
    let mut found = scan(p, files, &mut asked);
    if found == 0 && deadline != Deadline::Now {
        let mut table = PollTable::default();
        for (fd, which, _) in &asked {
            let mask = (0..3).filter(|&i| which[i]).fold(0, |m, i| m | SETS[i]);
            table.add(p, files, *fd, mask);
        }
        found = table.wait(p, deadline, || Some(scan(p, files, &mut asked)).filter(|&n| n > 0))?;
    }
    for (i, set) in sets.iter_mut().enumerate() {
        let Some(set) = set else {
            continue;
        };
        // Whole words are written back, up to n.
        for word in set.iter_mut().take(n.div_ceil(64)) {
            *word = 0;
        }
        for (fd, _, out) in &asked {
            if out[i]
                && let Some(word) = set.get_mut(*fd as usize / 64)
            {
                *word |= 1 << (fd % 64);
            }
        }
    }
    Ok(found)
}

/// A descriptor, in which sets it is asked for, and in which it is found.
type Asked = (i32, [bool; 3], [bool; 3]);

fn scan(p: &Process<'_>, files: &Files, asked: &mut [Asked]) -> usize {
    let mut found = 0;
    for (fd, which, out) in asked {
        let mask = files.with(p, *fd, |file| file.ops().poll(p, file)).unwrap_or(EPOLLNVAL);
        for i in 0..3 {
            out[i] = which[i] && mask & SETS[i] != 0;
            found += usize::from(out[i]);
        }
    }
    found
}
