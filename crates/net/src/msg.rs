//! The suitcase: `struct msghdr` as it travels inside the stack.

use uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
use vfs::iov::{IovSink, IovSource};

/// A message on its way down: `sendmsg`'s `struct msghdr`. All memory is the caller's and hostile.
pub struct MsgHdr<'a> {
    /// `msg_name`: the destination as raw sockaddr bytes; `None` for a null pointer.
    pub name: Option<&'a [u8]>,
    /// `msg_iov`.
    pub iov: IovSource<'a>,
    /// `msg_control`: raw control messages.
    pub control: &'a [u8],
    /// How its control messages are laid out: the caller's word size.
    pub layout: CmsgLayout,
    /// The call's `MSG_*` flags (`MSG_DONTWAIT` is added for a non-blocking file).
    pub flags: u32,
}

impl<'a> MsgHdr<'a> {
    /// A message of bytes alone, as `write()` and `send()` make it.
    pub fn new(iov: IovSource<'a>, flags: u32) -> Self {
        MsgHdr { name: None, iov, control: &[], layout: CmsgLayout::NATIVE, flags }
    }

    /// The control messages; `EINVAL` when malformed.
    pub fn cmsgs(&self) -> CmsgIter<'_> {
        CmsgIter::new(self.control, self.layout)
    }
}

/// A message on its way up: `recvmsg`'s `struct msghdr`.
pub struct RecvMsg<'a> {
    /// Where the sender's address goes; the bytes that do not fit are cut, `name_len` tells all.
    pub name: Option<&'a mut [u8]>,
    /// The length of the sender's address, before cutting; 0 when there is none.
    pub name_len: usize,
    /// `msg_iov`.
    pub iov: IovSink<'a>,
    /// Where control messages go; it notes `MSG_CTRUNC` when they do not fit.
    pub control: CmsgWriter<'a>,
    /// The call's `MSG_*` flags (`MSG_DONTWAIT` is added for a non-blocking file).
    pub flags: u32,
    /// `msg_flags` on return.
    pub out_flags: u32,
    /// It is for `splice()`, which takes no byte that is out of band.
    pub splice: bool,
}

impl<'a> RecvMsg<'a> {
    /// Room for bytes alone, as `read()` and `recv()` give it.
    pub fn new(iov: IovSink<'a>, flags: u32) -> Self {
        RecvMsg {
            name: None,
            name_len: 0,
            iov,
            control: CmsgWriter::new(&mut [], CmsgLayout::NATIVE),
            flags,
            out_flags: 0,
            splice: false,
        }
    }

    /// Fills in the sender's address, cut to the room there is.
    pub fn set_name(&mut self, sockaddr: &[u8]) {
        if let Some(name) = &mut self.name {
            let n = name.len().min(sockaddr.len());
            name[..n].copy_from_slice(&sockaddr[..n]);
            self.name_len = sockaddr.len();
        }
    }
}
