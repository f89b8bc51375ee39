//! The same calls on a task.

use crate::{hex, unhex};
use sockeye::stack::MsgHdr;
use sockeye::stack::msg::RecvMsg;
use sockeye::stack::sock::GetOpt;
use sockeye::uapi::poll::PollFd;
use sockeye::uapi::socket::MSG_NOSIGNAL;
use sockeye::uapi::{Errno, Result};
use sockeye::vfs::{IovSink, IovSource};
use sockeye::{Net, Task, Timeout, sys};
use std::io::IoSlice;

/// A task in a fresh namespace.
pub struct Ours {
    task: Task,
    fds: Vec<i32>,
}

impl Ours {
    /// Runs a program in a namespace of its own.
    pub fn run(program: &[String]) -> Vec<String> {
        let mut ours = Ours { task: Task::new(&Net::new()), fds: Vec::new() };
        program.iter().map(|call| ours.call(call)).collect()
    }

    fn call(&mut self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        match self.op(&words) {
            Ok(answer) => answer,
            Err(errno) => errno.name().to_owned(),
        }
    }

    fn fd(&self, word: &str) -> i32 {
        word.parse::<usize>().ok().and_then(|n| self.fds.get(n)).copied().unwrap_or(-1)
    }

    fn op(&mut self, words: &[&str]) -> Result<String> {
        let int = |i: usize| words.get(i).and_then(|word| word.parse::<i64>().ok()).unwrap_or(0);
        let num = |i: usize| int(i) as i32;
        let fd = self.fd(words.get(1).copied().unwrap_or(""));
        let ok = |()| "0".to_owned();
        match words[0] {
            "socket" => {
                self.fds.push(self.task.socket(num(1), num(2), num(3))?);
                Ok("ok".to_owned())
            }
            "bind" => self.task.bind(fd, address(words[2], int(3))?).map(ok),
            "connect" => self.task.connect(fd, address(words[2], int(3))?).map(ok),
            "listen" => self.task.listen(fd, num(2)).map(ok),
            "accept" => {
                let mut buf = vec![0; room(int(2))];
                let (new, whole) = self.task.accept_from(fd, &mut buf, num(3))?;
                self.fds.push(new);
                Ok(format!("ok:{whole}:{}", blotted(&buf, whole)))
            }
            "name" => {
                let mut buf = vec![0; room(int(2))];
                let peer = num(3) != 0;
                let whole = if peer {
                    self.task.getpeername(fd, &mut buf)?
                } else {
                    self.task.getsockname(fd, &mut buf)?
                };
                Ok(format!("{whole}:{}", blotted(&buf, whole)))
            }
            "setopt" => {
                let mut value = unhex(words[4]);
                value.resize(512, 0);
                value.truncate(room(int(5)));
                self.task.setsockopt(fd, num(2), num(3), &value).map(ok)
            }
            "getopt" => self.getopt(fd, num(2), num(3), num(4)),
            "sendto" => {
                let data: Vec<u8> = (0..int(2)).map(|i| i as u8).collect();
                let mut msg = MsgHdr::new(IovSource::from_slice(&data), num(3) as u32 | MSG_NOSIGNAL);
                let name = address(words[4], int(5))?;
                msg.name = (!name.is_empty()).then_some(&name);
                self.task.sendmsg(fd, &mut msg).map(|n| n.to_string())
            }
            "recvfrom" => {
                let (mut buf, mut name) = (vec![0; int(2) as usize], vec![0; room(int(4))]);
                let mut msg = RecvMsg::new(IovSink::from_slice(&mut buf), num(3) as u32);
                msg.name = Some(&mut name);
                let n = self.task.recvmsg(fd, &mut msg)?;
                let whole = msg.name_len;
                Ok(format!("{n}:{whole}:{}", blotted(&name, whole)))
            }
            "sendmsg" => {
                let parts: Vec<Vec<u8>> = (4..words.len()).map(|i| vec![0; int(i) as usize]).collect();
                if parts.len() > sys::msg::UIO_MAXIOV {
                    return Err(Errno::EMSGSIZE);
                }
                let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
                let control = unhex(words[3]);
                let mut msg = MsgHdr::new(IovSource::new(&slices), num(2) as u32 | MSG_NOSIGNAL);
                msg.control = &control;
                self.task.sendmsg(fd, &mut msg).map(|n| n.to_string())
            }
            "shutdown" => self.task.shutdown(fd, num(2)).map(ok),
            "close" => self.task.close(fd).map(ok),
            "poll" => {
                let mut fds = [PollFd { fd, events: 0x7ff, revents: 0 }];
                self.task.poll(&mut fds, Timeout::from_ms(0))?;
                Ok(format!("{:x}", fds[0].revents as u16))
            }
            "ioctl" => {
                let mut arg = [0; 64];
                let got = self.task.ioctl(fd, int(2) as u32, &mut arg)?;
                Ok(format!("{got}:{}", i32::from_ne_bytes([arg[0], arg[1], arg[2], arg[3]])))
            }
            other => panic!("no such call: {other}"),
        }
    }

    fn getopt(&self, fd: i32, level: i32, name: i32, len: i32) -> Result<String> {
        let mut buf = [0xaa; 512];
        let mut out = GetOpt::new(&mut buf, len);
        self.task.call(|p| {
            self.task.files().with(p, fd, |file| sys::option::getsockopt(p, file, level, name, &mut out))
        })??;
        let size = out.len;
        Ok(format!("{size}:{}", hex(&buf[..(size.max(0) as usize).min(512)])))
    }
}

/// An address of `n` bytes; a length that no address has is refused before the call.
fn address(word: &str, n: i64) -> Result<Vec<u8>> {
    let mut bytes = unhex(word);
    bytes.resize(256, 0);
    bytes.truncate(usize::try_from(n).map_err(|_| Errno::EINVAL)?);
    Ok(bytes)
}

fn room(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0).min(512)
}

/// An address, its port blotted out when chance chose it.
fn blotted(buf: &[u8], whole: usize) -> String {
    let mut data = buf[..whole.min(buf.len())].to_vec();
    if data.len() >= 4 && matches!(data[0], 2 | 10) && u16::from_be_bytes([data[2], data[3]]) >= 32768 {
        data[2..4].copy_from_slice(&[0xff, 0xff]);
    }
    if data.len() == 3 && data[2] >= 128 {
        data[2] = 0xff;
    }
    hex(&data)
}
