//! A congestion control from outside: a table of functions, registered in a namespace, chosen by
//! `TCP_CONGESTION`, in a world of virtual time.
//!
//! `cargo run --example congestion_control`

use sockeye::sim::{WireConfig, World};
use sockeye::tcp::cong::{CaEvent, CcInfo, CongestionOps, cong_avoid_ai, slow_start};
use sockeye::uapi::socket::{AF_INET, SOCK_STREAM};
use sockeye::uapi::{IPPROTO_TCP, TCP_CC_INFO, TCP_CONGESTION};
use sockeye::{Task, sockaddr};

/// What it keeps with each connection, up to 104 bytes. They begin as zeros.
#[derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)]
#[repr(C)]
struct Polite {
    losses: u32,
    restarts: u32,
}

/// Reno that grows by half a segment for each window, and remembers.
static POLITE: CongestionOps = CongestionOps {
    ssthresh: |sk| {
        sk.cong.state::<Polite>().losses += 1;
        (sk.snd_cwnd / 2).max(2)
    },
    cong_avoid: Some(|sk, _cx, _ack, mut acked| {
        if !sk.is_cwnd_limited() {
            return;
        }
        if sk.in_slow_start() {
            acked = slow_start(sk, acked);
        }
        if acked > 0 {
            let twice = 2 * sk.snd_cwnd;
            cong_avoid_ai(sk, twice, acked);
        }
    }),
    cwnd_event: Some(|sk, _cx, event| {
        if event == CaEvent::CwndRestart {
            sk.cong.state::<Polite>().restarts += 1;
        }
    }),
    get_info: Some(|sk| {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&sk.cong.state_ref::<Polite>().losses.to_ne_bytes());
        CcInfo { attr: 0, len: 4, bytes }
    }),
    ..CongestionOps::new("polite")
};

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let world = World::new(1);
    let (a, b) = (world.host(), world.host());
    let path = "delay 20ms rate 20mbit limit 60".parse()?;
    world.wire((&a, "10.0.0.1/24"), (&b, "10.0.0.2/24"), &WireConfig::symmetric(path, 1))?;
    a.register_congestion_control(&POLITE)?;
    println!("available: {}", a.sysctl("net.ipv4.tcp_available_congestion_control")?.trim());

    let receiver = world.spawn(move || {
        let task = Task::new(&b);
        let fd = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        task.bind(fd, sockaddr("10.0.0.2:9".parse().unwrap())).unwrap();
        task.listen(fd, 1).unwrap();
        let fd = task.accept4(fd, 0).unwrap();
        let (mut all, mut buf) = (0, vec![0; 1 << 16]);
        while let n @ 1.. = task.read(fd, &mut buf).unwrap() {
            all += n;
        }
        all
    });
    world.pause();
    let task = Task::new(&a);
    let fd = task.socket(AF_INET, SOCK_STREAM, 0)?;
    task.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, b"polite")?;
    task.connect(fd, sockaddr("10.0.0.2:9".parse()?))?;
    let (begin, data) = (world.now(), vec![7; 1 << 16]);
    for _ in 0..160 {
        task.write(fd, &data)?;
    }
    let mut info = [0; 4];
    task.getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &mut info)?;
    let losses = u32::from_ne_bytes(info);
    task.close(fd)?;
    let bytes = receiver.join();
    let seconds = (world.now() - begin) as f64 / 1e9;
    println!("{bytes} bytes in {seconds:.2} s of the wire's time, {losses} reductions of the window");
    assert!(bytes == 160 << 16 && losses > 0);
    Ok(())
}
