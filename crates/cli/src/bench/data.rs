//! The bytes that are moved, and the proof that they arrived.
//!
//! A stream is a row of 64 KiB blocks, each its number and then one fixed pattern. The receiver
//! checks the first 8 MiB in full, then every block number and one byte in 4,096: less than the
//! copy costs.

/// Bytes of a block.
pub(super) const BLOCK: usize = 64 * 1024;
/// Bytes checked in full.
const FULL: u64 = 8 << 20;
/// After that, one byte in this many.
const SAMPLE: u64 = 4096;

/// Bytes that look like noise, the same every time.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The sender of a stream.
pub(super) struct Source {
    block: Vec<u8>,
    /// Bytes sent.
    pub(super) sent: u64,
}

impl Source {
    pub(super) fn new() -> Self {
        let mut source = Source { block: pattern(BLOCK), sent: 0 };
        source.number();
        source
    }

    fn number(&mut self) {
        let number = self.sent / BLOCK as u64;
        self.block[..8].copy_from_slice(&number.to_le_bytes());
    }

    /// The rest of the current block.
    pub(super) fn chunk(&self) -> &[u8] {
        &self.block[(self.sent % BLOCK as u64) as usize..]
    }

    pub(super) fn advance(&mut self, n: usize) {
        self.sent += n as u64;
        if n > 0 && self.sent.is_multiple_of(BLOCK as u64) {
            self.number();
        }
    }
}

/// The receiver of a stream.
pub(super) struct Sink {
    pattern: Vec<u8>,
    /// Bytes received.
    pub(super) got: u64,
}

impl Sink {
    pub(super) fn new() -> Self {
        Sink { pattern: pattern(BLOCK), got: 0 }
    }

    fn expected(&self, at: u64) -> u8 {
        let in_block = (at % BLOCK as u64) as usize;
        if in_block < 8 { (at / BLOCK as u64).to_le_bytes()[in_block] } else { self.pattern[in_block] }
    }

    /// Takes the next bytes; panics when they are not the right ones.
    pub(super) fn check(&mut self, bytes: &[u8]) {
        let (begin, end) = (self.got, self.got + bytes.len() as u64);
        let mut at = begin;
        while at < end {
            let got = bytes[(at - begin) as usize];
            assert!(got == self.expected(at), "the stream differs at byte {at}");
            let in_block = at % BLOCK as u64;
            at += if at < FULL || in_block < 8 { 1 } else { SAMPLE - at % SAMPLE };
        }
        self.got = end;
    }
}

/// Datagrams: a number, then the pattern.
pub(super) struct Datagrams {
    pattern: Vec<u8>,
}

impl Datagrams {
    pub(super) fn new(size: usize) -> Self {
        Datagrams { pattern: pattern(size.max(8)) }
    }

    /// A datagram to put numbers into.
    pub(super) fn template(&self) -> Vec<u8> {
        self.pattern.clone()
    }

    /// Panics when a datagram is not the one numbered `seq`; one in 64 is checked in full.
    pub(super) fn check(&self, got: &[u8], seq: u64) {
        assert!(got.len() == self.pattern.len(), "a datagram of {} bytes", got.len());
        assert!(got[..8] == seq.to_le_bytes(), "datagram {seq} is missing");
        if seq.is_multiple_of(64) {
            assert!(got[8..] == self.pattern[8..], "datagram {seq} differs");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "differs at byte 70001")]
    fn a_wrong_byte_is_seen() {
        let mut source = Source::new();
        let mut sink = Sink::new();
        let mut sent = 0;
        while sent < 200_000 {
            let mut chunk = source.chunk()[..1000.min(source.chunk().len())].to_vec();
            if (sent..sent + chunk.len()).contains(&70_001) {
                chunk[70_001 - sent] ^= 1;
            }
            sink.check(&chunk);
            source.advance(chunk.len());
            sent += chunk.len();
        }
    }

    #[test]
    fn a_right_stream_passes() {
        let mut source = Source::new();
        let mut sink = Sink::new();
        while sink.got < 9 << 20 {
            let chunk = source.chunk().to_vec();
            sink.check(&chunk);
            source.advance(chunk.len());
        }
        assert_eq!(sink.got, source.sent);
    }
}
