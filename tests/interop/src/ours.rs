//! A connection of Sockeye's over a [`Path`], in virtual time.

use crate::path::{Path, Profile};
use crate::series::{STEP, Sample, Series};
use sockeye::sim::{End, Netem, Passing, Verdict, WireConfig, World};
use sockeye::uapi::socket::{AF_INET, MSG_DONTWAIT, SOCK_STREAM};
use sockeye::uapi::{Errno, IPPROTO_TCP, TCP_CONGESTION, TCP_INFO, TcpInfo};
use sockeye::{Net, Task, sockaddr};
use zerocopy::{FromZeros, IntoBytes};

const PORT: &str = "10.7.0.2:9";
/// Buffers that never are what limits a flow here.
const RMEM: &str = "4096 8388608 8388608";

/// How the window of a connection with this congestion control goes.
///
/// # Panics
/// When a call fails that cannot fail.
#[must_use]
pub fn trajectory(profile: &Profile, cc: &str, seed: u64) -> Series {
    let world = World::new(seed);
    let (a, b) = (world.host(), world.host());
    let netem = Netem { limit: u32::MAX, ..Netem::default() };
    let config = WireConfig::symmetric(netem, seed);
    let wire = world.wire((&a, "10.7.0.1/24"), (&b, "10.7.0.2/24"), &config).expect("a wire");
    let mut path = Path::new(*profile);
    wire.set_filter(Some(Box::new(move |packet: &Passing<'_>| {
        let now = packet.time.ns();
        let due = match packet.from {
            End::A => path.forward(now, packet.bytes.len()),
            End::B => Some(path.back(now)),
        };
        due.map_or(Verdict::Drop, |due| Verdict::Delay(due - now))
    })));
    for net in [&a, &b] {
        net.set_sysctl("net.ipv4.tcp_rmem", RMEM).expect("a sysctl");
    }
    let receiver = world.spawn(move || receive(&b));
    world.pause();
    let task = Task::new(&a);
    let fd = task.socket(AF_INET, SOCK_STREAM, 0).expect("a socket");
    task.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc.as_bytes()).expect("a congestion control");
    let data = vec![0; 1 << 16];
    task.connect(fd, sockaddr(PORT.parse().expect("an address"))).expect("a connection");
    let (begin, mut series) = (world.now(), Series::default());
    for ms in 0..profile.seconds * 1000 {
        if ms % STEP == 0 {
            let mut info = TcpInfo::new_zeroed();
            task.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info.as_mut_bytes()).expect("TCP_INFO");
            series.0.push(Sample::of(ms, &info));
        }
        loop {
            match task.send(fd, &data, MSG_DONTWAIT as i32) {
                Ok(_) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => panic!("send: {errno}"),
            }
        }
        let next = begin + (ms + 1) * 1_000_000;
        world.run_for(next - world.now());
    }
    // What is left on the way does not count.
    task.close(fd).expect("a descriptor");
    receiver.join();
    series
}

fn receive(net: &Net) {
    let task = Task::new(net);
    let fd = task.socket(AF_INET, SOCK_STREAM, 0).expect("a socket");
    task.bind(fd, sockaddr(PORT.parse().expect("an address"))).expect("an address");
    task.listen(fd, 1).expect("a listener");
    let fd = task.accept4(fd, 0).expect("a connection");
    let mut buf = vec![0; 1 << 18];
    while let Ok(1..) = task.read(fd, &mut buf) {}
}
