//! A script on Sockeye.

use crate::value::{address, data, hex, number, show, show_address, unhex};
use kern::cred::Cred;
use net::msg::{MsgHdr, RecvMsg};
use sockeye::{Net, Task};
use std::collections::BTreeMap;
use uapi::cmsg::{CmsgIter, CmsgLayout, CmsgWriter};
use uapi::{Errno, PollFd, Result, SOCK_NONBLOCK};
use vfs::iov::{IovSink, IovSource};

struct Side {
    task: Task,
    socks: BTreeMap<String, i32>,
}

/// The answers to `lines`, by a fresh namespace with `lo`.
pub fn run(lines: &[&str]) -> Vec<String> {
    let net = Net::builder().seed(1).build().expect("a namespace");
    let mut side = Side { task: Task::with_cred(&net, Cred::root()), socks: BTreeMap::new() };
    let answer = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["user", ..] = words[..] {
            side.task.set_cred(Cred::nobody());
            return "ok".to_owned();
        }
        side.call(&words).unwrap_or_else(|errno| errno.name().to_owned())
    };
    lines.iter().map(answer).collect()
}

impl Side {
    fn fd(&self, name: &str) -> i32 {
        self.socks.get(name).copied().unwrap_or(-1)
    }

    fn port_of(&self, fd: i32) -> u16 {
        self.task.local_addr(fd).map_or(0, |addr| addr.port())
    }

    fn addr(&self, text: &str) -> Option<Vec<u8>> {
        address(text, &|name| self.port_of(self.fd(name)))
    }

    fn show_addr(&self, bytes: &[u8]) -> String {
        let named = |port| self.socks.iter().find(|(_, fd)| port != 0 && self.port_of(**fd) == port);
        show_address(bytes, |port| named(port).map(|(name, _)| name.clone()))
    }

    fn call(&mut self, words: &[&str]) -> Result<String> {
        let task = &self.task;
        let ok = |()| "ok".to_owned();
        let flags = |text: &str| number(text) as i32;
        match *words {
            ["socket", name, family, kind, protocol] => {
                let kind = flags(kind) | SOCK_NONBLOCK;
                let fd = task.socket(flags(family), kind, flags(protocol))?;
                self.socks.insert(name.to_owned(), fd);
                Ok(ok(()))
            }
            ["close", name] => {
                let fd = self.socks.remove(name).unwrap_or(-1);
                self.task.close(fd).map(ok)
            }
            ["bind", s, addr] => task.bind(self.fd(s), self.addr(addr).unwrap_or_default()).map(ok),
            ["connect", s, addr] => task.connect(self.fd(s), self.addr(addr).unwrap_or_default()).map(ok),
            ["listen", s, n] => task.listen(self.fd(s), flags(n)).map(ok),
            ["shutdown", s, how] => task.shutdown(self.fd(s), flags(how)).map(ok),
            ["accept", name, s] => {
                let mut addr = [0; 128];
                let (fd, len) = task.accept_from(self.fd(s), &mut addr, SOCK_NONBLOCK)?;
                self.socks.insert(name.to_owned(), fd);
                Ok(self.show_addr(&addr[..len]))
            }
            ["getsockname", s] => self.name(s, false),
            ["getpeername", s] => self.name(s, true),
            ["poll", s] => {
                let mut fds = [PollFd { fd: self.fd(s), events: 0x2007, revents: 0 }];
                task.poll(&mut fds, vfs::Timeout::After(0))?;
                Ok(format!("{:#x}", fds[0].revents))
            }
            ["ioctl", s, cmd] => {
                task.ioctl_int(self.fd(s), number(cmd) as u32).map(|value| value.to_string())
            }
            ["setsockopt", s, level, name, value] => {
                let value = if value == "-" { Vec::new() } else { unhex(value) };
                task.setsockopt(self.fd(s), flags(level), flags(name), &value).map(ok)
            }
            ["getsockopt", s, level, name, len] => {
                let mut value = vec![0; number(len).max(0) as usize];
                let n = task.getsockopt(self.fd(s), flags(level), flags(name), &mut value)?;
                Ok(format!("{n} {}", hex(&value[..n.min(value.len())])))
            }
            ["sendto", s, bytes, fl, to] => self.send(s, bytes, fl, to, "-"),
            ["sendmsg", s, bytes, fl, to, control] => self.send(s, bytes, fl, to, control),
            ["recvfrom", s, len, fl] => self.receive(s, len, None, fl),
            ["recvmsg", s, len, control, fl] => self.receive(s, len, Some(control), fl),
            _ => Ok(format!("what is {words:?}?")),
        }
    }

    fn name(&self, s: &str, peer: bool) -> Result<String> {
        let mut addr = [0; 128];
        let fd = self.fd(s);
        let len = if peer {
            self.task.getpeername(fd, &mut addr)?
        } else {
            self.task.getsockname(fd, &mut addr)?
        };
        Ok(self.show_addr(&addr[..len]))
    }

    fn send(&self, s: &str, bytes: &str, flags: &str, to: &str, control: &str) -> Result<String> {
        let (bytes, to) = (data(bytes), self.addr(to));
        let mut messages = vec![0; 1024];
        let mut writer = CmsgWriter::new(&mut messages, CmsgLayout::NATIVE);
        for message in control.split(',').filter(|message| *message != "-") {
            let parts: Vec<&str> = message.split(':').collect();
            writer.put(number(parts[0]) as i32, number(parts[1]) as i32, &unhex(parts[2]));
        }
        let used = writer.len();
        let mut msg = MsgHdr::new(IovSource::from_slice(&bytes), number(flags) as u32);
        msg.name = to.as_deref();
        msg.control = &messages[..used];
        self.task.sendmsg(self.fd(s), &mut msg).map(|n| n.to_string())
    }

    fn receive(&self, s: &str, len: &str, control: Option<&str>, flags: &str) -> Result<String> {
        let (mut bytes, mut name) = (vec![0; number(len) as usize], [0; 128]);
        let mut messages = vec![0; control.map_or(0, number) as usize];
        let mut msg = RecvMsg::new(IovSink::from_slice(&mut bytes), number(flags) as u32);
        msg.name = Some(&mut name);
        msg.control = CmsgWriter::new(&mut messages, CmsgLayout::NATIVE);
        let n = self.task.recvmsg(self.fd(s), &mut msg)?;
        let (out, name_len, used) = (msg.out_flags, msg.name_len, msg.control.len());
        let cut = n.min(bytes.len());
        let mut answer =
            format!("{n} {} {}", self.show_addr(&name[..name_len.min(128)]), show(&bytes[..cut]));
        if control.is_some() {
            let cmsgs = CmsgIter::new(&messages[..used], CmsgLayout::NATIVE).filter_map(Result::ok);
            let cmsgs: Vec<String> =
                cmsgs.map(|c| format!("{}:{}:{}", c.level, c.kind, hex(c.data))).collect();
            answer += &format!(" {out:#x} [{}]", cmsgs.join(","));
        }
        Ok(answer)
    }
}

/// So that a script's mistakes are seen as such.
pub fn is_errno(answer: &str) -> bool {
    Errno::from_name(answer).is_some()
}
