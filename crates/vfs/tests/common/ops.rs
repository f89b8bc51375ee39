//! The calls both sides understand: a line of text for the host, a function for us.

use kern::context::Process;
use sockeye_vfs::epoll::{epoll_create, epoll_create1, epoll_ctl, epoll_wait};
use sockeye_vfs::eventfd::eventfd;
use sockeye_vfs::fasync::{Owner, Signal, SignalSink};
use sockeye_vfs::fcntl::{Arg, fcntl};
use sockeye_vfs::file::{File, FileOps};
use sockeye_vfs::inode::SetAttr;
use sockeye_vfs::ioctl::ioctl;
use sockeye_vfs::pipe::pipe2;
use sockeye_vfs::poll::poll;
use sockeye_vfs::select::select;
use sockeye_vfs::splice::{sendfile, splice, tee};
use sockeye_vfs::{Files, IovSink, IovSource, Stat, Timeout, rw};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use uapi::poll::{EpollEvent, PollFd};
use uapi::{Errno, Result};

/// What stands at 0, 1 and 2.
struct Null;

impl FileOps for Null {
    fn read(&self, _: &Process<'_>, _: &File, _: &mut IovSink<'_>) -> Result<usize> {
        Ok(0)
    }
    fn write(&self, _: &Process<'_>, _: &File, from: &mut IovSource<'_>) -> Result<usize> {
        Ok(from.remaining())
    }
    fn llseek(&self, _: &Process<'_>, _: &File, _: i64, _: i32) -> Result<i64> {
        Ok(0)
    }
    fn can_poll(&self) -> bool {
        false
    }
    fn stat(&self) -> Stat {
        Stat { mode: 0o020666, ..Stat::default() }
    }
    fn name(&self) -> String {
        "/dev/null".into()
    }
    fn release(&self, _: &Process<'_>, _: &File) {}
    fn release_detached(&self) {}
}

/// Furnish a task as the host's is: three files open, signals kept.
pub(crate) fn furnish(p: &Process<'_>, files: &Files) -> Arc<Mailbox> {
    for _ in 0..3 {
        files.open(p, 0, || Ok(File::new(Arc::new(Null), 0o100002))).expect("an empty table has room");
    }
    let mail = Arc::new(Mailbox::default());
    files.vfs().set_signal_sink(mail.clone());
    mail
}

/// The signals of the task, as the host would queue them.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<VecDeque<Signal>>);

/// Below this a signal is pending once, however often it is sent.
const SIGRTMIN: i32 = 32;

impl SignalSink for Mailbox {
    fn send(&self, signal: &Signal) {
        assert_eq!(signal.to, Owner::Process(PID));
        let mut queue = self.0.lock().unwrap();
        if signal.signo >= SIGRTMIN || !queue.iter().any(|s| s.signo == signal.signo) {
            queue.push_back(*signal);
        }
    }
    fn exists(&self, owner: Owner) -> bool {
        owner == Owner::Process(PID)
    }
}

const PID: u32 = 4711;

impl Mailbox {
    fn wait(&self) -> String {
        let mut queue = self.0.lock().unwrap();
        let first = queue.iter().enumerate().min_by_key(|(i, s)| (s.signo, *i)).map(|(i, _)| i);
        let Some(signal) = first.and_then(|i| queue.remove(i)) else { return "none".into() };
        let (code, fd, band) = signal.info.map_or((0x80, 0, 0), |info| (info.code, info.fd, info.band));
        format!("{}:{code}:{fd}:{band}", signal.signo)
    }
}

fn show<T: std::fmt::Display>(result: Result<T>) -> String {
    match result {
        Ok(value) => value.to_string(),
        // The host's C library sees EINTR where the kernel says this.
        Err(e) => e.name().to_owned(),
    }
}

fn unit(result: Result<()>) -> Result<i32> {
    result.map(|()| 0)
}

fn summary(data: &[u8]) -> String {
    let sum: u64 = data.iter().enumerate().map(|(i, &b)| (i as u64 % 251 + 1) * u64::from(b)).sum();
    format!("{}:{sum:x}", data.len())
}

/// Run one call, given as the host gets it.
pub(crate) fn run(p: &Process<'_>, files: &Files, mail: &Mailbox, call: &str) -> String {
    let mut words = call.split_whitespace();
    let op = words.next().unwrap_or_default();
    let a: Vec<i64> = words.map(|w| w.parse().expect("a number")).collect();
    let arg = |i: usize| a[i] as i32;
    match op {
        "epoll_create" => show(epoll_create(p, files, arg(0))),
        "epoll_create1" => show(epoll_create1(p, files, a[0] as u32)),
        "epoll_ctl" => {
            let event = EpollEvent { events: a[3] as u32, data: a[4] as u64 };
            show(unit(epoll_ctl(p, files, arg(0), arg(1), arg(2), Some(event))))
        }
        // Where the order is not ours to say.
        "epoll_set" => {
            let got = run(p, files, mail, &call.replace("set", "wait"));
            match got.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
                Some(list) => {
                    let mut list: Vec<&str> = list.split(',').collect();
                    list.sort_unstable();
                    format!("[{}]", list.join(","))
                }
                None => got,
            }
        }
        "epoll_wait" => {
            let mut events = vec![EpollEvent::default(); arg(1).clamp(1, 1000) as usize];
            let got = epoll_wait(p, files, arg(0), &mut events, arg(1), arg(2)).map(|n| {
                let list: Vec<_> = events[..n]
                    .iter()
                    .map(|e| {
                        let (events, data) = (e.events, e.data);
                        format!("{events:x}:{data:x}")
                    })
                    .collect();
                format!("[{}]", list.join(","))
            });
            show(got)
        }
        "poll" => {
            let mut fds: Vec<PollFd> =
                a.chunks(2).map(|c| PollFd { fd: c[0] as i32, events: c[1] as i16, revents: 0 }).collect();
            let got = poll(p, files, &mut fds, Timeout::After(0)).map(|n| {
                let list: Vec<_> = fds.iter().map(|e| format!("{:x}", e.revents as u16)).collect();
                format!("{n}[{}]", list.join(","))
            });
            show(got)
        }
        "select" => {
            let mut sets = [[a[1] as u64, 0], [a[2] as u64, 0], [a[3] as u64, 0]];
            let [r, w, e] = &mut sets;
            let got = select(p, files, arg(0), &mut [Some(r), Some(w), Some(e)], Timeout::After(0));
            show(got.map(|n| format!("{n}[{:x},{:x},{:x}]", sets[0][0], sets[1][0], sets[2][0])))
        }
        "read" => {
            let mut buf = vec![0; a[1] as usize];
            let got = rw::read(p, files, arg(0), &mut IovSink::from_slice(&mut buf), false);
            show(got.map(|n| summary(&buf[..n])))
        }
        "write" => {
            let buf: Vec<u8> = (0..a[1]).map(|i| (a[2] + i) as u8).collect();
            show(rw::write(p, files, arg(0), &mut IovSource::from_slice(&buf), false))
        }
        "write8" => {
            let buf = (a[1] as u64).to_ne_bytes();
            show(rw::write(p, files, arg(0), &mut IovSource::from_slice(&buf), false))
        }
        "pipe2" => show(pipe2(p, files, a[0] as u32).map(|(r, w)| format!("{r}:{w}"))),
        "eventfd" => show(eventfd(p, files, a[0] as u32, a[1] as u32)),
        "close" => show(unit(files.close(p, arg(0)))),
        "close_range" => show(unit(files.close_range(p, a[0] as u32, a[1] as u32, a[2] as u32))),
        "dup" => show(files.dup(p, arg(0))),
        "dup2" => show(files.dup2(p, arg(0), arg(1))),
        "dup3" => show(files.dup3(p, arg(0), arg(1), a[2] as u32)),
        "fcntl" => show(fcntl(p, files, arg(0), arg(1), Arg::Int(a.get(2).map_or(0, |&n| n as u64)))),
        "fcntl_mem" => {
            let mut memory = [0; 32];
            memory[..4].copy_from_slice(&arg(2).to_ne_bytes());
            memory[4..8].copy_from_slice(&arg(3).to_ne_bytes());
            let got = fcntl(p, files, arg(0), arg(1), Arg::Memory(&mut memory));
            let int = |at: usize| i32::from_ne_bytes(memory[at..at + 4].try_into().expect("four bytes"));
            show(got.map(|n| format!("{n}:{}:{}", int(0), int(4))))
        }
        "ioctl" => {
            let mut memory = [0; 64];
            memory[..8].copy_from_slice(&a[2].to_ne_bytes());
            let got = ioctl(p, files, arg(0), a[1] as u32, &mut memory);
            let int = i32::from_ne_bytes(memory[..4].try_into().expect("four bytes"));
            show(got.map(|n| if n == 0 { format!("0:{int}") } else { n.to_string() }))
        }
        "fstat" => show(rw::fstat(p, files, arg(0)).map(|st| {
            format!("{:o}:{}:{}:{}:{}:{}", st.mode, st.nlink, st.uid, st.gid, st.size, st.blksize)
        })),
        "name" => {
            let name = files.with(p, arg(0), |file| file.ops().name());
            show(name.map(|n| if n.starts_with("pipe:") { "pipe".to_owned() } else { n }))
        }
        "lseek" => show(rw::lseek(p, files, arg(0), a[1], arg(2))),
        "ftruncate" => show(unit(rw::ftruncate(p, files, arg(0), a[1]))),
        "fallocate" => show(unit(rw::fallocate(p, files, arg(0), arg(1), a[2], a[3]))),
        "pread" => {
            let mut buf = vec![0; a[1] as usize];
            show(rw::pread(p, files, arg(0), &mut IovSink::from_slice(&mut buf), a[2]))
        }
        "pwrite" => {
            let buf = vec![b'x'; a[1] as usize];
            show(rw::pwrite(p, files, arg(0), &mut IovSource::from_slice(&buf), a[2]))
        }
        "splice" => {
            let (at_in, at_out) = (a[1] >= 0, a[3] >= 0);
            show(splice(p, files, arg(0), at_in, arg(2), at_out, a[4] as usize, a[5] as u32))
        }
        "tee" => show(tee(p, files, arg(0), arg(1), a[2] as usize, a[3] as u32)),
        "sendfile" => {
            let mut at = a[2];
            let at = (at >= 0).then_some(&mut at);
            show(sendfile(p, files, arg(0), arg(1), at, a[3] as usize))
        }
        "fchmod" => show(unit(rw::fsetattr(p, files, arg(0), &SetAttr::chmod(a[1] as u32)))),
        "fchown" => show(unit(rw::fsetattr(p, files, arg(0), &SetAttr::chown(a[1] as u32, a[2] as u32)))),
        "fsync" => show(unit(rw::fsync(p, files, arg(0)))),
        "setown_self" => show(fcntl(p, files, arg(0), 8, Arg::Int(u64::from(PID)))),
        "sigwait" => mail.wait(),
        "rlimit" => {
            files.set_rlimit(a[0] as u64);
            "0".into()
        }
        _ => show(Err::<i32, _>(Errno::ENOSYS)),
    }
}
