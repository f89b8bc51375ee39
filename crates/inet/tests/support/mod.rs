//! A namespace with `lo` and a process in it, for tests that speak to the tables of operations.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::ThreadSleeper;
use kern::signals::Signals;
use kern::time::{Clock, Time};
use net::msg::{MsgHdr, RecvMsg};
use net::netns::Config;
use net::socket::AcceptFlags;
use net::socket::create::sock_create;
use net::socket::file::sock_alloc_file;
use net::{Net, Socket};
use std::sync::Arc;
use std::time::Instant;
use uapi::{Result, SockAddr};
use vfs::file::{File, fput};
use vfs::iov::{IovSink, IovSource};

struct System(Instant);

impl Clock for System {
    fn now(&self) -> Time {
        Time::from_ns(self.0.elapsed().as_nanos() as u64)
    }
    fn realtime_ns(&self) -> u64 {
        self.now().ns()
    }
}

/// One host, one process.
pub struct Host {
    pub net: Arc<Net>,
    cpu: Cpu,
    pub cred: Cred,
    signals: Signals,
}

impl Host {
    pub fn new() -> Host {
        Host::as_user(Cred::root())
    }

    pub fn as_user(cred: Cred) -> Host {
        let clock: Arc<dyn Clock> = Arc::new(System(Instant::now()));
        let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 1));
        let net = Net::new(Config {
            id: 1,
            clock: clock.clone(),
            sleeper: sleeper.clone(),
            seed: 1,
            on_timer: None,
        });
        ip::attach(&net).unwrap();
        udp::init(&net).unwrap();
        tcp::init(&net).unwrap();
        raw::init(&net).unwrap();
        sockeye_inet::init(&net).unwrap();
        let lo = dev::loopback::add(&net).unwrap();
        ip::addr::add_loopback(&net, &lo).unwrap();
        let cpu = Cpu::new(&CpuIds::new(), clock, sleeper);
        Host { net, cpu, cred, signals: Signals::default() }
    }

    pub fn process(&self) -> Process<'_> {
        Process::enter(&self.cpu, &self.cred, &self.signals)
    }

    pub fn socket(&self, family: i32, kind: i32, protocol: i32) -> Result<Sock<'_>> {
        let file = sock_create(&self.process(), &self.net, family, kind, protocol, 0)?;
        Ok(Sock { host: self, file: Some(file) })
    }

    /// What a peer sees of `sock` when `addr` is its address.
    pub fn with_addr(&self, sock: &Sock<'_>, addr: &str) -> SockAddr {
        let port = sock.getsockname().unwrap().inet_parts().unwrap().1;
        let mut std: std::net::SocketAddr = addr.parse().unwrap();
        std.set_port(port);
        std.into()
    }
}

/// An open socket; dropping it closes it.
pub struct Sock<'h> {
    host: &'h Host,
    file: Option<Arc<File>>,
}

impl Drop for Sock<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            fput(file, &self.host.process());
        }
    }
}

pub fn sockaddr(addr: &str) -> SockAddr {
    addr.parse::<std::net::SocketAddr>().unwrap().into()
}

fn bytes(addr: &SockAddr) -> Vec<u8> {
    let mut buf = vec![0; 128];
    let n = addr.encode(&mut buf);
    buf.truncate(n);
    buf
}

impl Sock<'_> {
    pub fn call<R>(&self, f: impl FnOnce(&Socket, &net::UserCx<'_>) -> R) -> R {
        let process = self.host.process();
        let socket = self.file.as_ref().unwrap().downcast::<Socket>().unwrap();
        let cx = socket.enter(&process);
        f(socket, &cx)
    }

    pub fn socket(&self) -> &Socket {
        self.file.as_ref().unwrap().downcast::<Socket>().unwrap()
    }

    pub fn bind(&self, addr: &SockAddr) -> Result<()> {
        self.call(|s, cx| (s.ops().bind)(s, cx, &bytes(addr)))
    }

    pub fn connect(&self, addr: &SockAddr) -> Result<()> {
        self.call(|s, cx| (s.ops().connect)(s, cx, &bytes(addr), false))
    }

    pub fn getsockname(&self) -> Result<SockAddr> {
        let mut buf = [0; 128];
        let n = self.call(|s, cx| (s.ops().getname)(s, cx, &mut buf, net::socket::Whose::Own))?;
        SockAddr::parse(&buf[..n])
    }

    pub fn getpeername(&self) -> Result<SockAddr> {
        let mut buf = [0; 128];
        let n = self.call(|s, cx| (s.ops().getname)(s, cx, &mut buf, net::socket::Whose::Peer))?;
        SockAddr::parse(&buf[..n])
    }

    pub fn listen(&self, backlog: i32) -> Result<()> {
        self.call(|s, cx| (s.ops().listen)(s, cx, backlog))
    }

    pub fn accept(&self) -> Result<Self> {
        let process = self.host.process();
        let file = self.call(|_, cx| sock_alloc_file(cx, &self.host.net, 0));
        let new = Sock { host: self.host, file: Some(file) };
        let socket = self.file.as_ref().unwrap().downcast::<Socket>().unwrap();
        let fresh = new.file.as_ref().unwrap().downcast::<Socket>().unwrap();
        let cx = socket.enter(&process);
        (socket.ops().accept)(socket, fresh, &cx, AcceptFlags { nonblock: true })?;
        Ok(new)
    }

    pub fn setsockopt_int(&self, level: i32, name: i32, value: i32) -> Result<()> {
        let value = value.to_ne_bytes();
        if level == uapi::SOL_SOCKET {
            let process = self.host.process();
            let cx = self.socket().enter(&process);
            net::sock::options::sock_setsockopt(self.socket(), &cx, name, &value)
        } else {
            self.call(|s, cx| (s.ops().setsockopt)(s, cx, level, name, &value))
        }
    }

    pub fn sendto(&self, data: &[u8], flags: u32, to: Option<&SockAddr>) -> Result<usize> {
        let name = to.map(bytes);
        let mut msg = MsgHdr::new(IovSource::from_slice(data), flags);
        msg.name = name.as_deref();
        self.call(|s, cx| (s.ops().sendmsg)(s, cx, &mut msg))
    }

    pub fn recvfrom(&self, room: usize, flags: u32) -> Result<(usize, SockAddr, Vec<u8>)> {
        let (mut buf, mut name) = (vec![0; room], [0; 128]);
        let mut msg = RecvMsg::new(IovSink::from_slice(&mut buf), flags);
        msg.name = Some(&mut name);
        let n = self.call(|s, cx| (s.ops().recvmsg)(s, cx, &mut msg))?;
        let len = msg.name_len;
        buf.truncate(n);
        Ok((n, SockAddr::parse(&name[..len]).unwrap_or(SockAddr::Unspec), buf))
    }
}
