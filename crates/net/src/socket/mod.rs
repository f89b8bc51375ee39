//! `struct socket`: the face of a socket toward files and system calls.
//!
//! Life: `socket()` takes a file and its [`Socket`] from sockfs ([`file`]), asks the family to make
//! the [`crate::Sock`] and to choose the operations ([`family`]), and installs the file
//! ([`create`]). The last close runs [`ProtoOps::release`] and returns both to sockfs.

pub mod create;
pub mod family;
pub mod file;
mod ops;

pub use ops::{AcceptFlags, PeerCred, ProtoOps, SetRcvlowat, Whose, stubs};

use crate::cx::{Cx, UserCx};
use crate::netns::Net;
use crate::sock::{AnySock, Proto, Sock};
use kern::sync::SetOnce;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};
use uapi::{Errno, Result};
use vfs::inode::InodeAttr;

/// `enum socket_state` (linux/net.h): whether the socket is connected, whatever its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SocketState {
    /// Not allocated.
    Free,
    /// Unconnected to any socket.
    Unconnected,
    /// In process of connecting.
    Connecting,
    /// Connected to a socket.
    Connected,
    /// In process of disconnecting.
    Disconnecting,
}

impl SocketState {
    const ALL: [SocketState; 5] = [
        SocketState::Free,
        SocketState::Unconnected,
        SocketState::Connecting,
        SocketState::Connected,
        SocketState::Disconnecting,
    ];

    /// The name as in the kernel: `SS_UNCONNECTED`.
    pub fn name(self) -> &'static str {
        ["SS_FREE", "SS_UNCONNECTED", "SS_CONNECTING", "SS_CONNECTED", "SS_DISCONNECTING"][self as usize]
    }

    /// From its number.
    pub fn from_raw(raw: u8) -> SocketState {
        Self::ALL[usize::from(raw).min(4)]
    }
}

/// The socket is not sockfs's (`SOCK_EXTERNALLY_ALLOCATED`), bit of [`Socket::flags`].
pub const SOCK_EXTERNALLY_ALLOCATED: u32 = 1 << 5;

static NO_OPS: ProtoOps = stubs::NONE;

/// A socket (`struct socket`), with the attributes of its inode.
pub struct Socket {
    /// The namespace it was made in.
    pub net: Arc<Net>,
    /// Inode number, owner, mode and times.
    pub inode: InodeAttr,
    state: AtomicU8,
    kind: AtomicU16,
    flags: AtomicU32,
    ops: SetOnce<&'static ProtoOps>,
    sk: SetOnce<Arc<dyn AnySock>>,
}

impl Socket {
    /// `type` given to `socket()`.
    #[inline]
    pub fn kind(&self) -> u16 {
        self.kind.load(Relaxed)
    }

    /// Sets the type (`sock->type`), by `sock_create` and SOCK_PACKET's compatibility only.
    pub fn set_kind(&self, kind: u16) {
        self.kind.store(kind, Relaxed);
    }

    /// Connected or not.
    #[inline]
    pub fn state(&self) -> SocketState {
        SocketState::from_raw(self.state.load(Relaxed))
    }

    /// Changes the state; the family's operations do, with the sock locked.
    pub fn set_state(&self, cx: &Cx<'_>, to: SocketState) {
        let from = self.state.load(Relaxed);
        if from != to as u8 {
            self.state.store(to as u8, Relaxed);
            cx.trace(|| crate::trace::Event::SocketState { ino: self.ino(), from, to: to as u8 });
        }
    }

    /// `SOCK_*` flags of the socket (`sock->flags`): `SOCK_ASYNC_NOSPACE`, `SOCK_PASSCRED`, ….
    pub fn flags(&self) -> u32 {
        self.flags.load(Relaxed)
    }

    /// Inode number.
    pub fn ino(&self) -> u64 {
        self.inode.ino()
    }

    /// The operations; the family's create function set them.
    #[inline]
    pub fn ops(&self) -> &'static ProtoOps {
        // Until then every call answers as a socket of no family.
        self.ops.get().copied().unwrap_or(&NO_OPS)
    }

    /// Sets the operations, once.
    pub fn set_ops(&self, ops: &'static ProtoOps) {
        let _ = self.ops.set(ops);
    }

    /// The sock, once the family's create function or `accept()` attached it.
    #[inline]
    pub fn sk(&self) -> Option<&Arc<dyn AnySock>> {
        self.sk.get()
    }

    /// Attaches the sock (`sock_graft`), once.
    pub fn graft(&self, sk: Arc<dyn AnySock>) {
        let common = sk.common();
        common.set_ino(self.ino());
        common.set_uid(self.inode.uid());
        let _ = self.sk.set(sk);
    }

    /// The sock as one of protocol `P`; `EOPNOTSUPP` when it is none (a bug of the table of
    /// operations).
    #[inline]
    pub fn sock<P: Proto>(&self) -> Result<&Sock<P>> {
        let sk: Option<&dyn Any> = self.sk.get().map(|sk| &**sk as _);
        sk.and_then(|sk| sk.downcast_ref()).ok_or(Errno::EOPNOTSUPP)
    }

    /// The context for a call on this socket: in the socket's own namespace, whoever calls.
    #[inline]
    pub fn enter<'c>(&'c self, process: &'c kern::context::Process<'c>) -> UserCx<'c> {
        UserCx::enter(&self.net, process)
    }

    /// A socket that no `socket()` makes and that lives in no file of sockfs: it is a part of another file.
    pub fn external(cx: &UserCx<'_>, net: &Arc<Net>, kind: u16) -> Self {
        let socket = Socket::new(net.clone());
        socket.init(cx.next_ino(), cx.process.cred.euid, cx.process.cred.egid);
        socket.set_kind(kind);
        socket.flags.store(SOCK_EXTERNALLY_ALLOCATED, Relaxed);
        socket
    }

    pub(crate) fn new(net: Arc<Net>) -> Self {
        Socket {
            net,
            inode: InodeAttr::default(),
            state: AtomicU8::new(SocketState::Free as u8),
            kind: AtomicU16::new(0),
            flags: AtomicU32::new(0),
            ops: SetOnce::new(),
            sk: SetOnce::new(),
        }
    }

    /// Fresh fields (`sock_alloc`): unconnected, no operations, no sock, a new inode.
    pub(crate) fn init(&self, ino: u64, uid: u32, gid: u32) {
        self.state.store(SocketState::Unconnected as u8, Relaxed);
        self.flags.store(0, Relaxed);
        self.inode.reset(ino, uapi::fcntl::S_IFSOCK | 0o777, uid, gid);
    }

    /// Takes operations and sock away, by who has the only reference.
    pub(crate) fn detach(&mut self) -> Option<Arc<dyn AnySock>> {
        self.state.store(SocketState::Free as u8, Relaxed);
        self.ops.take();
        self.sk.take()
    }
}
