//! Sleeping on a wait queue without the sock's lock.

use super::{SockCommon, Timeo};
use crate::cx::UserCx;
use kern::wait::WaitQueue;
use uapi::{Errno, Result};

/// Waits on `wq` until `cond` gives a value; `exclusive` when one of all who wait is enough.
///
/// # Errors
/// `EAGAIN` when `timeo` ends, `ERESTARTSYS` or `EINTR` on a signal.
#[inline]
pub fn wait_on<R>(
    cx: &UserCx<'_>,
    sk: &SockCommon,
    (wq, exclusive, mask): (&WaitQueue, bool, u32),
    timeo: Timeo,
    mut cond: impl FnMut() -> Option<R>,
) -> Result<R> {
    if let Some(value) = cond() {
        return Ok(value);
    }
    if timeo == Timeo::Never {
        return Err(Errno::EAGAIN);
    }
    cx.trace(|| crate::trace::Event::Sleep { cookie: sk.cookie(cx.net) });
    let parker = cx.process.cpu.parker().clone();
    let key = wq.add(parker.clone(), exclusive);
    let result = loop {
        parker.prepare();
        if let Some(value) = cond() {
            break Ok(value);
        }
        if cx.process.signal_pending() {
            break Err(timeo.intr_errno());
        }
        if timeo.has_passed(cx) {
            break Err(Errno::EAGAIN);
        }
        cx.process.sleep(timeo.deadline());
        cx.refresh_now();
    };
    // Who was woken alone and does not take what he was woken for wakes the next.
    if exclusive && result.is_err() {
        wq.finish_wait(key, &parker, mask);
    } else {
        wq.remove(key);
    }
    result
}
