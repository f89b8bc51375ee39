//! Readers that sleep and senders on other threads: each datagram wakes one reader and reaches one.

use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::ThreadSleeper;
use kern::signals::Signals;
use kern::time::{Clock, Time};
use net::msg::{MsgHdr, RecvMsg};
use net::netns::Config;
use net::socket::create::sock_create;
use net::{Net, Socket};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Instant;
use uapi::{AF_INET, Errno, Result, SO_RCVBUFFORCE, SO_RCVTIMEO, SOCK_DGRAM, SockAddr};
use vfs::file::File;
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

/// What all threads share.
struct World {
    net: Arc<Net>,
    ids: CpuIds,
    clock: Arc<dyn Clock>,
    sleeper: Arc<ThreadSleeper>,
}

impl World {
    fn new() -> World {
        let clock: Arc<dyn Clock> = Arc::new(System(Instant::now()));
        let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 2));
        let config =
            Config { id: 1, clock: clock.clone(), sleeper: sleeper.clone(), seed: 1, on_timer: None };
        let net = Net::new(config);
        ip::attach(&net).unwrap();
        udp::init(&net).unwrap();
        tcp::init(&net).unwrap();
        raw::init(&net).unwrap();
        sockeye_inet::init(&net).unwrap();
        let lo = dev::loopback::add(&net).unwrap();
        ip::addr::add_loopback(&net, &lo).unwrap();
        World { net, ids: CpuIds::new(), clock, sleeper }
    }

    /// Runs `f` as a thread of a process would.
    fn enter<R>(&self, f: impl FnOnce(&Process<'_>) -> R) -> R {
        let cpu = Cpu::new(&self.ids, self.clock.clone(), self.sleeper.clone());
        let (cred, signals) = (Cred::root(), Signals::default());
        f(&Process::enter(&cpu, &cred, &signals))
    }
}

fn socket(file: &File) -> &Socket {
    file.downcast::<Socket>().unwrap()
}

fn address(port: u16) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    SockAddr::Inet { addr: std::net::Ipv4Addr::LOCALHOST, port }.encode(&mut bytes);
    bytes
}

fn receive(file: &File, p: &Process<'_>) -> Result<u32> {
    let sock = socket(file);
    let cx = sock.enter(p);
    let mut bytes = [0; 4];
    let mut msg = RecvMsg::new(IovSink::from_slice(&mut bytes), 0);
    (sock.ops().recvmsg)(sock, &cx, &mut msg).map(|_| u32::from_ne_bytes(bytes))
}

const SENDERS: u32 = 2;
const EACH: u32 = 2000;
const STOP: u32 = u32::MAX;

#[test]
fn each_datagram_reaches_one_sleeping_reader() {
    let world = World::new();
    let open = |p: &Process<'_>| sock_create(p, &world.net, AF_INET, SOCK_DGRAM, 0, 0).unwrap();
    let inbox = world.enter(|p| {
        let file = open(p);
        let sock = socket(&file);
        let cx = sock.enter(p);
        (sock.ops().bind)(sock, &cx, &address(7000)).unwrap();
        // No test may hang: a reader that is not woken ends with EAGAIN.
        let timeout = [20i64, 0].map(i64::to_ne_bytes).concat();
        net::sock::options::sock_setsockopt(sock, &cx, SO_RCVTIMEO, &timeout).unwrap();
        // Nothing is dropped for want of room.
        let room = (SENDERS * EACH * 1000).to_ne_bytes();
        net::sock::options::sock_setsockopt(sock, &cx, SO_RCVBUFFORCE, &room).unwrap();
        drop(cx);
        file
    });
    let send = |file: &File, p: &Process<'_>, value: u32| {
        let sock = socket(file);
        let to = address(7000);
        let bytes = value.to_ne_bytes();
        let cx = sock.enter(p);
        let mut msg = MsgHdr::new(IovSource::from_slice(&bytes), 0);
        msg.name = Some(&to);
        (sock.ops().sendmsg)(sock, &cx, &mut msg).unwrap();
    };
    let mut got: Vec<u32> = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    world.enter(|p| {
                        let mut mine = Vec::new();
                        loop {
                            match receive(&inbox, p) {
                                Ok(STOP) => return Ok(mine),
                                Ok(value) => mine.push(value),
                                Err(errno) => return Err::<Vec<u32>, Errno>(errno),
                            }
                        }
                    })
                })
            })
            .collect();
        let senders: Vec<_> = (0..SENDERS)
            .map(|n| {
                let (world, send, open) = (&world, &send, &open);
                scope.spawn(move || {
                    world.enter(|p| {
                        let file = open(p);
                        (0..EACH).for_each(|i| send(&file, p, n * EACH + i));
                    });
                })
            })
            .collect();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        world.enter(|p| {
            let file = open(p);
            (0..3).for_each(|_| send(&file, p, STOP));
        });
        readers.into_iter().flat_map(|reader| reader.join().unwrap().unwrap()).collect()
    });
    got.sort_unstable();
    let drops = socket(&inbox).sk().unwrap().common().drops.load(Relaxed);
    assert_eq!((got.len(), drops), ((SENDERS * EACH) as usize, 0), "how many came, how many were dropped");
    let wrong = (0..SENDERS * EACH).zip(&got).find(|(sent, got)| sent != *got);
    assert_eq!(wrong, None, "each once");
}
