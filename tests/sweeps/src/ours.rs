//! Sockeye, by way of its `Task`.

use crate::{Errno, Kernel, Received, parse_control};
use sockeye::stack::msg::{MsgHdr, RecvMsg};
use sockeye::uapi;
use sockeye::uapi::cmsg::{CmsgLayout, CmsgWriter};
use sockeye::vfs::{IovSink, IovSource};
use sockeye::{Net, Task};

/// Sockeye.
pub struct Ours {
    /// Who calls.
    pub task: Task,
}

impl Ours {
    /// A task of root's in a fresh namespace, with the host's limits.
    pub fn new() -> Ours {
        Ours { task: Task::new(&like_host()) }
    }

    /// The same without capabilities.
    pub fn without_capabilities() -> Ours {
        let root = sockeye::kern::cred::Cred::root();
        let cred = sockeye::kern::cred::Cred { caps: sockeye::kern::cred::CapSet::EMPTY, ..root };
        Ours { task: Task::with_cred(&like_host(), cred) }
    }
}

impl Default for Ours {
    fn default() -> Self {
        Ours::new()
    }
}

/// Limits that administrators change are taken from the host, so that only behaviour is compared.
fn like_host() -> Net {
    let net = Net::new();
    for path in ["rmem_default", "wmem_default", "rmem_max", "wmem_max", "optmem_max"] {
        if let Ok(value) = std::fs::read_to_string(format!("/proc/sys/net/core/{path}")) {
            net.set_sysctl(&format!("net/core/{path}"), value.trim()).expect("the host's value is one");
        }
    }
    net
}

fn raw<T>(result: uapi::Result<T>) -> Result<T, Errno> {
    result.map_err(uapi::Errno::raw)
}

impl Kernel for Ours {
    fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
        raw(self.task.socket(family, kind, protocol))
    }

    fn close(&self, fd: i32) {
        let _ = self.task.close(fd);
    }

    fn setsockopt(&self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        raw(self.task.setsockopt(fd, level, name, value))
    }

    fn getsockopt(
        &self,
        fd: i32,
        level: i32,
        name: i32,
        len: usize,
        fill: u8,
    ) -> Result<(usize, Vec<u8>), Errno> {
        let mut buf = vec![fill; len];
        let answer = raw(self.task.getsockopt(fd, level, name, &mut buf))?;
        Ok((answer, buf))
    }

    fn bind(&self, fd: i32, addr: &[u8]) -> Result<(), Errno> {
        raw(self.task.bind(fd, addr))
    }

    fn listen(&self, fd: i32, backlog: i32) -> Result<(), Errno> {
        raw(self.task.listen(fd, backlog))
    }

    fn connect(&self, fd: i32, addr: &[u8]) -> Result<(), Errno> {
        raw(self.task.connect(fd, addr))
    }

    fn getsockname(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        let mut buf = vec![0; 128];
        let len = raw(self.task.getsockname(fd, &mut buf))?;
        buf.truncate(len);
        Ok(buf)
    }

    fn sendmsg(
        &self,
        fd: i32,
        name: &[u8],
        bytes: &[u8],
        control: &[u8],
        flags: i32,
    ) -> Result<usize, Errno> {
        let mut msg = MsgHdr::new(IovSource::from_slice(bytes), flags as u32);
        msg.name = (!name.is_empty()).then_some(name);
        msg.control = control;
        raw(self.task.sendmsg(fd, &mut msg))
    }

    fn recvmsg(&self, fd: i32, room: usize, control: usize, flags: i32) -> Result<Received, Errno> {
        let (mut name, mut bytes, mut ctl) = ([0u8; 128], vec![0u8; room], vec![0u8; control]);
        let mut msg = RecvMsg::new(IovSink::from_slice(&mut bytes), flags as u32 | uapi::MSG_DONTWAIT);
        msg.name = Some(&mut name);
        msg.control = CmsgWriter::new(&mut ctl, CmsgLayout::NATIVE);
        let result = raw(self.task.recvmsg(fd, &mut msg))?;
        let (flags, name_len, used) = (msg.out_flags as i32, msg.name_len, msg.control.len());
        let cut = if msg.control.truncated() { uapi::MSG_CTRUNC as i32 } else { 0 };
        bytes.truncate(result);
        Ok(Received {
            result,
            bytes,
            name: name[..name_len.min(128)].to_vec(),
            control: parse_control(&ctl[..used]),
            flags: flags | cut,
        })
    }
}
