//! Bytes that can be checked by where they are, and their way from one end to the other.

use crate::{Conn, Pair};
use sockeye::uapi::Errno;

const PERIOD: usize = 251 * 256;

/// A stream of bytes without end: any piece of it is known by its place.
pub struct Pattern(Vec<u8>);

impl Default for Pattern {
    fn default() -> Self {
        // Its period is no multiple of any segment's size, so that a misplaced piece shows.
        let mut state = 1u32;
        let byte = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let one: Vec<u8> = (0..PERIOD).map(byte).collect();
        Pattern([&one[..], &one[..], &one[..]].concat())
    }
}

impl Pattern {
    /// The most bytes that [`Pattern::at`] gives at once.
    pub const MOST: usize = 2 * PERIOD;

    /// `len` bytes from `place` on.
    ///
    /// # Panics
    /// When that is more than [`Pattern::MOST`].
    pub fn at(&self, place: u64, len: usize) -> &[u8] {
        let from = (place % PERIOD as u64) as usize;
        &self.0[from..from + len]
    }
}

/// One direction of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes the sender's socket took.
    pub sent: u64,
    /// Bytes the receiver had, all as they should be.
    pub received: u64,
    /// The receiver saw the end.
    pub end: bool,
}

/// Sends `up` bytes from client to server and `down` the other way, both at once, and checks each
/// byte. Gives up after `limit` nanoseconds of virtual time.
///
/// # Panics
/// When a byte is wrong, a call fails or the time is over.
pub fn transfer(pair: &Pair, conn: Conn, up: u64, down: u64, limit: u64) {
    let pattern = Pattern::default();
    let mut ways = [(up, Progress::default()), (down, Progress::default())];
    let mut buf = vec![0; Pattern::MOST];
    let done = pair.world.run_until(limit, || {
        for (index, (total, progress)) in ways.iter_mut().enumerate() {
            let ((tx, out), (rx, from)) = match index {
                0 => ((&pair.client, conn.client), (&pair.server, conn.server)),
                _ => ((&pair.server, conn.server), (&pair.client, conn.client)),
            };
            while progress.sent < *total {
                let len = (*total - progress.sent).min(65_536) as usize;
                match tx.send(out, pattern.at(progress.sent, len), 0) {
                    Ok(n) => progress.sent += n as u64,
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => panic!("send: {errno:?} after {progress:?}"),
                }
            }
            while progress.received < *total {
                match rx.recv(from, &mut buf, 0) {
                    Ok(0) => panic!("the end after {progress:?}"),
                    Ok(n) => {
                        assert!(
                            buf[..n] == *pattern.at(progress.received, n),
                            "wrong bytes: {progress:?}, {n}"
                        );
                        progress.received += n as u64;
                    }
                    Err(Errno::EAGAIN) => break,
                    Err(errno) => panic!("recv: {errno:?} after {progress:?}"),
                }
            }
        }
        ways.iter().all(|(total, progress)| progress.received == *total)
    });
    assert!(done, "the time is over: {ways:?}, {:?}", pair.world.now());
}
