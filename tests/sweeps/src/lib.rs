//! Two kernels behind one trait: the host's, and Sockeye. Tests make the same calls on both and
//! compare every answer.

mod host;
mod ours;

pub use host::{Host, in_private_namespace, without_capabilities};
pub use ours::Ours;

/// An errno's number.
pub type Errno = i32;

/// The calls that the tests compare.
pub trait Kernel {
    /// socket(2)
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32, Errno>;
    /// close(2)
    fn close(&self, fd: i32);
    /// setsockopt(2)
    fn setsockopt(&self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), Errno>;
    /// getsockopt(2) with a buffer of `len` bytes, each `fill` before: the length it gives, and the bytes.
    fn getsockopt(
        &self,
        fd: i32,
        level: i32,
        name: i32,
        len: usize,
        fill: u8,
    ) -> Result<(usize, Vec<u8>), Errno>;
    /// bind(2)
    fn bind(&self, fd: i32, addr: &[u8]) -> Result<(), Errno>;
    /// listen(2)
    fn listen(&self, fd: i32, backlog: i32) -> Result<(), Errno>;
    /// connect(2)
    fn connect(&self, fd: i32, addr: &[u8]) -> Result<(), Errno>;
    /// getsockname(2)
    fn getsockname(&self, fd: i32) -> Result<Vec<u8>, Errno>;
    /// sendmsg(2) with one piece: name, bytes, control messages, flags.
    fn sendmsg(&self, fd: i32, name: &[u8], bytes: &[u8], control: &[u8], flags: i32)
    -> Result<usize, Errno>;
    /// recvmsg(2) with room for so many bytes of data and control messages, never waiting.
    fn recvmsg(&self, fd: i32, room: usize, control: usize, flags: i32) -> Result<Received, Errno>;
}

/// What recvmsg(2) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the call returned.
    pub result: usize,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The sender's address.
    pub name: Vec<u8>,
    /// Control messages: level, type, data.
    pub control: Vec<(i32, i32, Vec<u8>)>,
    /// `msg_flags`
    pub flags: i32,
}

/// The control messages of a buffer, 64-bit layout.
pub fn parse_control(mut bytes: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some((head, _)) = bytes.split_first_chunk::<16>() {
        let word = |at: usize| i32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let len = word(0) as usize;
        let Some(data) = bytes.get(16..len) else { break };
        messages.push((word(8), word(12), data.to_vec()));
        bytes = bytes.get(len.next_multiple_of(8)..).unwrap_or(&[]);
    }
    messages
}

/// One control message, 64-bit layout, with its padding.
pub fn control(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + data.len() as u64).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}
