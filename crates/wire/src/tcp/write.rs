//! Writing TCP options, in the order of Linux's `tcp_options_write`, each padded to four bytes.

use super::options::{
    AccEcn, FastOpen, MAX_TCP_OPTION_SPACE, TCPOPT_ACCECN0, TCPOPT_ACCECN1, TCPOPT_AO, TCPOPT_EXP,
    TCPOPT_FASTOPEN, TCPOPT_FASTOPEN_MAGIC, TCPOPT_MD5SIG, TCPOPT_MSS, TCPOPT_NOP, TCPOPT_SACK,
    TCPOPT_SACK_PERM, TCPOPT_TIMESTAMP, TCPOPT_WINDOW, TcpOptions, TcpTimestamp,
};

/// Write the NOP-padded timestamp option, 12 bytes: the fast path of an established connection.
#[inline]
#[must_use]
pub(super) fn timestamp_bytes(first: [u8; 2], ts: TcpTimestamp) -> [u8; 12] {
    let [a, b, c, d] = ts.val.to_be_bytes();
    let [e, f, g, h] = ts.ecr.to_be_bytes();
    [first[0], first[1], TCPOPT_TIMESTAMP, 10, a, b, c, d, e, f, g, h]
}

/// Where the options go; remembers how many bytes were wanted even when they do not fit.
struct Writer<'b> {
    buf: &'b mut [u8],
    at: usize,
}

impl Writer<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(slot) = self.buf.get_mut(self.at..end) {
            slot.copy_from_slice(bytes);
        }
        self.at = end;
    }

    fn pad(&mut self) {
        while !self.at.is_multiple_of(4) {
            self.put(&[TCPOPT_NOP]);
        }
    }
}

/// A length byte; what does not fit one cannot be sent, and [`TcpOptions::emit`] sees that.
const fn size(len: usize) -> u8 {
    if len > 255 { 255 } else { len as u8 }
}

const fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

fn fastopen_len(fastopen: FastOpen<'_>) -> usize {
    let cookie = fastopen.cookie.map_or(0, <[u8]>::len);
    padded(cookie + if fastopen.exp { 4 } else { 2 })
}

fn write_fastopen(w: &mut Writer<'_>, fastopen: FastOpen<'_>) {
    let cookie = fastopen.cookie.unwrap_or(&[]);
    if fastopen.exp {
        let [m0, m1] = TCPOPT_FASTOPEN_MAGIC.to_be_bytes();
        w.put(&[TCPOPT_EXP, size(cookie.len() + 4), m0, m1]);
    } else {
        w.put(&[TCPOPT_FASTOPEN, size(cookie.len() + 2)]);
    }
    w.put(cookie);
    w.pad();
}

/// What stands in front of an option to align it.
const NOPS: [u8; 2] = [TCPOPT_NOP, TCPOPT_NOP];

/// Bytes of an option that are yet to be written, in place of the padding of what follows.
#[derive(Default)]
struct Odd {
    bytes: [u8; 2],
    len: usize,
}

impl Odd {
    /// They, and padding behind them.
    fn take(&mut self) -> [u8; 2] {
        let Odd { bytes: [a, b], len } = std::mem::take(self);
        match len {
            0 => NOPS,
            1 => [a, TCPOPT_NOP],
            _ => [a, b],
        }
    }
}

/// Writes all of it but one or two odd bytes.
fn write_accecn(w: &mut Writer<'_>, accecn: AccEcn<'_>) -> Odd {
    let kind = if accecn.order1 { TCPOPT_ACCECN1 } else { TCPOPT_ACCECN0 };
    let head = [kind, size(accecn.data.len() + 2)];
    let len = accecn.odd();
    let mut odd = Odd { bytes: head, len };
    match accecn.data.len().checked_sub(len) {
        // The head alone, and odd itself.
        None => {}
        Some(whole) => {
            let (whole, rest) = accecn.data.split_at(whole);
            w.put(&head);
            w.put(whole);
            odd.bytes[..len].copy_from_slice(rest);
            if len == 0 {
                w.pad();
            }
        }
    }
    odd
}

impl TcpOptions<'_> {
    /// Bytes that an Accurate ECN option adds: its odd ones may stand where others have padding.
    fn accecn_len(&self, accecn: AccEcn<'_>) -> usize {
        let room = match () {
            () if self.sack_perm && self.timestamp.is_none() || !self.sack.as_slice().is_empty() => 2,
            () if self.wscale.is_some() => 1,
            () => 0,
        };
        let len = accecn.data.len() + 2;
        padded(if accecn.odd() <= room { len - accecn.odd() } else { len })
    }

    /// Bytes [`emit`](Self::emit) writes: a multiple of four. More than [`MAX_TCP_OPTION_SPACE`] cannot be sent.
    #[inline]
    #[must_use]
    pub fn emit_len(&self) -> usize {
        let sacks = self.sack.as_slice().len();
        let alone = self.sack_perm && self.timestamp.is_none();
        self.md5.map_or(0, |_| 20)
            + self.ao.map_or(0, |ao| padded(ao.len() + 2))
            + self.mss.map_or(0, |_| 4)
            + self.timestamp.map_or(0, |_| 12)
            + if alone { 4 } else { 0 }
            + self.wscale.map_or(0, |_| 4)
            + if sacks > 0 { 4 + 8 * sacks } else { 0 }
            + self.accecn.map_or(0, |a| self.accecn_len(a))
            + self.fastopen.map_or(0, fastopen_len)
    }

    /// Write them at the start of `buf`; gives the bytes written, or 0 if they do not fit in `buf` or in a header.
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        let mut w = Writer { buf, at: 0 };
        if let Some(md5) = self.md5 {
            w.put(&[TCPOPT_NOP, TCPOPT_NOP, TCPOPT_MD5SIG, 18]);
            w.put(md5);
        }
        if let Some(ao) = self.ao {
            w.put(&[TCPOPT_AO, size(ao.len() + 2)]);
            w.put(ao);
            w.pad();
        }
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            w.put(&[TCPOPT_MSS, 4, a, b]);
        }
        match (self.timestamp, self.sack_perm) {
            (Some(ts), true) => w.put(&timestamp_bytes([TCPOPT_SACK_PERM, 2], ts)),
            (Some(ts), false) => w.put(&timestamp_bytes(NOPS, ts)),
            _ => {}
        }
        let mut odd = self.accecn.map_or_else(Odd::default, |accecn| write_accecn(&mut w, accecn));
        if self.sack_perm && self.timestamp.is_none() {
            let [a, b] = odd.take();
            w.put(&[a, b, TCPOPT_SACK_PERM, 2]);
        }
        if let Some(scale) = self.wscale {
            // Two odd bytes are not torn apart for the one there is room for.
            let first = if odd.len == 1 { odd.take()[0] } else { TCPOPT_NOP };
            w.put(&[first, TCPOPT_WINDOW, 3, scale]);
        }
        let sacks = self.sack.as_slice();
        if !sacks.is_empty() {
            let len = 2 + 8 * sacks.len() as u8;
            let [a, b] = odd.take();
            w.put(&[a, b, TCPOPT_SACK, len]);
            for block in sacks {
                w.put(&block.start.to_be_bytes());
                w.put(&block.end.to_be_bytes());
            }
        } else if odd.len > 0 {
            w.put(&odd.take());
            w.pad();
        }
        if let Some(fastopen) = self.fastopen {
            write_fastopen(&mut w, fastopen);
        }
        if w.at > w.buf.len().min(MAX_TCP_OPTION_SPACE) {
            return 0;
        }
        w.at
    }
}
