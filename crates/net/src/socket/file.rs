//! sockfs: a socket is a file (`socket_file_ops`), and files with their sockets are kept warm.

use super::Socket;
use crate::counters::Counters;
use crate::cx::{Cx, UserCx};
use crate::msg::{MsgHdr, RecvMsg};
use crate::netns::Net;
use crate::percpu::PerCpu;
use crate::trace::Event;
use kern::context::{CpuId, Process};
use kern::cred::Cred;
use kern::signals::Signals;
use kern::wait::WaitQueue;
use std::sync::Arc;
use uapi::fcntl::{O_NONBLOCK, O_RDWR};
use uapi::socket::MSG_DONTWAIT;
use uapi::{Errno, Result};
use vfs::fasync::{FOwn, FasyncList};
use vfs::file::{File, FileOps, Recycle};
use vfs::inode::{SetAttr, Stat};
use vfs::iov::{IovSink, IovSource};

/// The device of sockfs: an anonymous file system.
const SOCKFS_DEV: u64 = 8;

/// How many closed files with their sockets a thread keeps for its next `socket()`.
const KEPT: usize = 4096;

/// How many sockets a namespace has (`sock_inode_cache`).
#[derive(Default)]
pub struct SocketCount(Counters<1>);

impl SocketCount {
    /// Sockets that have a file.
    pub fn in_use(&self) -> u64 {
        self.0.sum(0)
    }

    #[inline]
    fn add(&self, id: CpuId, n: u64) {
        self.0.block(id).count(0, n);
    }
}

/// A file with a fresh socket (`sock_alloc`, `sock_alloc_file`), owned by the calling task.
pub fn sock_alloc_file(cx: &UserCx<'_>, net: &Arc<Net>, flags: u32) -> Arc<File> {
    let flags = O_RDWR | flags & O_NONBLOCK;
    // A thread that serves two namespaces finds the other's sometimes, which is then let go.
    let kept = cx.cpu.sockets.borrow_mut().pop();
    let recycled =
        kept.filter(|file| file.downcast().is_some_and(|sock: &Socket| Arc::ptr_eq(&sock.net, net)));
    let warm = recycled.is_some();
    let file = match recycled {
        Some(file) => {
            file.renew(flags);
            file
        }
        None => File::new(Arc::new(Socket::new(net.clone())), flags),
    };
    if let Some(sock) = file.downcast::<Socket>() {
        net.sockets.add(cx.cpu.id, 1);
        sock.init(cx.next_ino(), cx.process.cred.euid, cx.process.cred.egid);
        cx.trace(|| Event::SockAlloc { ino: sock.ino(), recycled: warm });
    }
    file
}

/// The way of a closed file back to its thread.
fn recycle(mut file: Arc<File>, p: &Process<'_>) {
    let Some(last) = Arc::get_mut(&mut file) else { return };
    last.retire();
    let Some(sock) = last.downcast_mut::<Socket>() else { return };
    let sk = sock.detach();
    let cx = Cx::new(&sock.net, p.cpu);
    sock.net.sockets.add(cx.cpu.id, u64::MAX);
    if let Some(sk) = sk {
        sk.put(&cx);
    }
    drop(cx);
    let mut kept = PerCpu::of(p.cpu).sockets.borrow_mut();
    if kept.len() < KEPT {
        kept.push(file);
    }
}

fn message_flags(file: &File) -> u32 {
    if file.nonblock() { MSG_DONTWAIT } else { 0 }
}

fn read_with<'a>(
    sock: &Socket,
    p: &Process<'_>,
    mut msg: RecvMsg<'a>,
    to: &mut IovSink<'a>,
) -> Result<usize> {
    let cx = sock.enter(p);
    let result = (sock.ops().recvmsg)(sock, &cx, &mut msg);
    *to = msg.iov;
    result
}

impl FileOps for Socket {
    fn read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        // As System V did: nothing is read into nothing, whatever state the socket is in (`sock_read_iter`).
        if to.remaining() == 0 {
            return Ok(0);
        }
        read_with(self, p, RecvMsg::new(std::mem::take(to), message_flags(file)), to)
    }

    fn splice_read(&self, p: &Process<'_>, file: &File, to: &mut IovSink<'_>) -> Result<usize> {
        let mut msg = RecvMsg::new(std::mem::take(to), message_flags(file));
        msg.splice = true;
        read_with(self, p, msg, to)
    }

    fn write(&self, p: &Process<'_>, file: &File, from: &mut IovSource<'_>) -> Result<usize> {
        let mut msg = MsgHdr::new(std::mem::take(from), message_flags(file));
        let cx = self.enter(p);
        let result = (self.ops().sendmsg)(self, &cx, &mut msg);
        *from = msg.iov;
        result
    }

    fn poll(&self, p: &Process<'_>, _file: &File) -> u32 {
        let cx = self.enter(p);
        (self.ops().poll)(self, &cx)
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        self.sk().map(|sk| &sk.common().wq)
    }

    fn ioctl(&self, p: &Process<'_>, _file: &File, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        let cx = self.enter(p);
        match (self.ops().ioctl)(self, &cx, cmd, arg) {
            // What no family knows is a question about a device, or no command of a socket (`sock_do_ioctl`).
            Err(Errno::ENOIOCTLCMD) => match crate::dev::ioctl::dev_ioctl(&self.net, cmd, arg) {
                Err(Errno::ENOIOCTLCMD) => Err(Errno::ENOTTY),
                answer => answer,
            },
            answer => answer,
        }
    }

    fn stat(&self) -> Stat {
        self.inode.stat(SOCKFS_DEV)
    }

    fn setattr(&self, p: &Process<'_>, attr: &SetAttr) -> Result<()> {
        self.inode.setattr(p, attr, p.cpu.clock().realtime_ns())?;
        if let (Some(uid), Some(sk)) = (attr.uid, self.sk()) {
            // Who lists sockets shows the new owner (`sockfs_setattr`).
            sk.common().set_uid(uid);
        }
        Ok(())
    }

    fn can_splice(&self) -> bool {
        true
    }

    fn fasync(&self) -> Option<&FasyncList> {
        self.sk().map(|sk| sk.common().fasync())
    }

    fn owned(&self, own: &Arc<FOwn>) {
        if let Some(sk) = self.sk() {
            sk.common().set_owner(own);
        }
    }

    fn name(&self) -> String {
        format!("socket:[{}]", self.ino())
    }

    fn release(&self, p: &Process<'_>, _file: &File) {
        let cx = self.enter(p);
        (self.ops().release)(self, &cx);
    }

    fn release_detached(&self) {
        let cpu = self.net.new_cpu();
        let (cred, signals) = (Cred::root(), Signals::default());
        let p = Process::enter(&cpu, &cred, &signals);
        let cx = self.enter(&p);
        // Nobody is there to wait: what is to linger does so in the background.
        (self.ops().release)(self, &cx);
    }

    fn recycler(&self) -> Option<Recycle> {
        Some(recycle)
    }
}
