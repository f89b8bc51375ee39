//! `/dev/net/tun`, opened (`tun_chr_open`, `tun_fops`).

use super::{Tun, ioctl};
use kern::context::Process;
use kern::cred::Cred;
use kern::signals::Signals;
use kern::wait::WaitQueue;
use net::msg::{MsgHdr, RecvMsg};
use net::sock::{Proto, Timeo};
use net::socket::{ProtoOps, stubs};
use net::{Net, Sock, Socket, UserCx};
use std::sync::Arc;
use uapi::fcntl::{O_NONBLOCK, O_RDWR, S_IFCHR};
use uapi::socket::{MSG_DONTWAIT, SOCK_DGRAM};
use uapi::{Errno, Result};
use vfs::fasync::FasyncList;
use vfs::file::{File, FileOps};
use vfs::inode::Stat;
use vfs::iov::{IovSink, IovSource};

/// A character device of the miscellaneous ones: major 10, minor 200.
const RDEV: u64 = 10 << 8 | 200;

/// The operations of the socket (`tun_socket_ops`): two.
static TUN_SOCKET_OPS: ProtoOps =
    ProtoOps { name: "tun_socket_ops", sendmsg: tun_sendmsg, recvmsg: tun_recvmsg, ..stubs::NONE };

fn tun_sendmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
    Tun::sendmsg(sock.sock::<Tun>()?, cx, msg)
}

fn tun_recvmsg(sock: &Socket, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
    Tun::recvmsg(sock.sock::<Tun>()?, cx, msg)
}

/// The file: a socket, and nothing else.
struct TunFile {
    socket: Socket,
    /// The same sock as the socket's, by its type.
    sk: Arc<Sock<Tun>>,
}

/// A file of `/dev/net/tun`, with no device yet: `TUNSETIFF` makes one.
pub fn open(p: &Process<'_>, net: &Arc<Net>, flags: u32) -> Arc<File> {
    let cx = UserCx::enter(net, p);
    let socket = Socket::external(&cx, net, SOCK_DGRAM as u16);
    let sk = Sock::<Tun>::alloc(&cx, 0, SOCK_DGRAM as u16, 0);
    socket.set_ops(&TUN_SOCKET_OPS);
    socket.graft(sk.clone());
    File::new(Arc::new(TunFile { socket, sk }), O_RDWR | flags & O_NONBLOCK)
}

fn message_flags(file: &File) -> u32 {
    if file.nonblock() { MSG_DONTWAIT } else { 0 }
}

impl FileOps for TunFile {
    fn read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        let mut msg = RecvMsg::new(std::mem::take(to), message_flags(file));
        let cx = self.socket.enter(p);
        let result = (self.socket.ops().recvmsg)(&self.socket, &cx, &mut msg);
        *to = msg.iov;
        result
    }

    fn write(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        let mut msg = MsgHdr::new(std::mem::take(from), message_flags(file));
        let cx = self.socket.enter(p);
        let result = (self.socket.ops().sendmsg)(&self.socket, &cx, &mut msg);
        *from = msg.iov;
        result
    }

    fn poll(&self, p: &Process<'_>, _file: &File) -> u32 {
        Tun::poll(&self.sk, &self.socket.enter(p))
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.sk.wq)
    }

    fn ioctl(&self, p: &Process<'_>, _file: &File, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        ioctl::ioctl(&self.sk, &self.socket.net, p, cmd, arg)
    }

    fn stat(&self) -> Stat {
        Stat { mode: S_IFCHR | 0o600, rdev: RDEV, ino: self.socket.ino(), ..Stat::default() }
    }

    fn fasync(&self) -> Option<&FasyncList> {
        Some(self.sk.fasync())
    }

    fn fsync(&self, _p: &Process<'_>, _file: &File) -> Result<()> {
        Err(Errno::EINVAL)
    }

    fn name(&self) -> String {
        "/dev/net/tun".to_owned()
    }

    fn release(&self, p: &Process<'_>, _file: &File) {
        Tun::close(&self.sk, &self.socket.enter(p), Timeo::Never);
    }

    fn release_detached(&self) {
        let cpu = self.socket.net.new_cpu();
        let (cred, signals) = (Cred::root(), Signals::default());
        let p = Process::enter(&cpu, &cred, &signals);
        Tun::close(&self.sk, &self.socket.enter(&p), Timeo::Never);
    }
}
