//! What a sender waits for, and how long: nothing (it is busy), the peer's window, its own buffer
//! (`enum tcp_chrono`; the last fields of `TCP_INFO`).

use crate::sock::{Sk, TcpSock};

/// Data is under way or waits.
pub const BUSY: u8 = 1;
/// The peer's window is too small.
pub const RWND_LIMITED: u8 = 2;
/// The send buffer is.
pub const SNDBUF_LIMITED: u8 = 3;

/// The stop-watch: one of the conditions holds at a time, and each has its sum.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chrono {
    /// When the condition began, ms.
    start: u32,
    /// Sums, ms.
    sums: [u32; 3],
    /// The condition, 0 for none.
    now: u8,
}

fn set(sk: &mut Sk<'_>, condition: u8) {
    let now = sk.jiffies32();
    let chrono = &mut sk.chrono;
    if let Some(i) = usize::from(chrono.now).checked_sub(1) {
        chrono.sums[i] = chrono.sums[i].wrapping_add(now.wrapping_sub(chrono.start));
    }
    (chrono.start, chrono.now) = (now, condition);
}

/// A condition begins to hold; it counts unless one of more weight does (`tcp_chrono_start`).
#[inline]
pub fn start(sk: &mut Sk<'_>, condition: u8) {
    if condition > sk.chrono.now {
        set(sk, condition);
    }
}

/// A condition holds no more (`tcp_chrono_stop`).
#[inline]
pub fn stop(sk: &mut Sk<'_>, condition: u8) {
    if sk.chrono.now == 0 {
        return;
    }
    if sk.send_queue.is_empty() {
        set(sk, 0);
    } else if condition == sk.chrono.now && condition != BUSY {
        set(sk, BUSY);
    }
}

/// The times in all, by the peer's window, by the buffer; µs (`tcp_get_info_chrono_stats`).
#[must_use]
pub fn times(tp: &TcpSock) -> (u64, u64, u64) {
    let chrono = &tp.chrono;
    let of = |condition: u8| {
        let mut ms = chrono.sums[usize::from(condition) - 1];
        if condition == chrono.now {
            ms = ms.wrapping_add(tp.jiffies32().wrapping_sub(chrono.start));
        }
        u64::from(ms) * 1000
    };
    let (rwnd, sndbuf) = (of(RWND_LIMITED), of(SNDBUF_LIMITED));
    (of(BUSY) + rwnd + sndbuf, rwnd, sndbuf)
}
