//! Congestion control and pacing at the socket and on the wire, in virtual time.
// chapter: A5

use sockeye::kern::cred::Cred;
use sockeye::sim::{End, Passing, WireConfig, WireTap, World};
use sockeye::uapi::socket::*;
use sockeye::uapi::{Errno, IPPROTO_TCP, TCP_CC_INFO, TCP_CONGESTION, TCP_INFO, TcpInfo};
use sockeye::{Net, Task, sockaddr};
use std::sync::{Arc, Mutex};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

struct Link {
    world: World,
    a: Net,
    wire: Arc<sockeye::sim::Wire>,
    receiver: Option<sockeye::sim::Program<usize>>,
}

/// Two hosts on a path, one of which takes all that comes.
fn link(seed: u64, path: &str) -> Link {
    let world = World::new(seed);
    let (a, b) = (world.host(), world.host());
    let config = WireConfig {
        b_to_a: "delay 20ms".parse().unwrap(),
        ..WireConfig::symmetric(path.parse().unwrap(), seed)
    };
    let wire = world.wire((&a, "10.0.0.1/24"), (&b, "10.0.0.2/24"), &config).unwrap();
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
    Link { world, a, wire, receiver: Some(receiver) }
}

fn info(task: &Task, fd: i32) -> TcpInfo {
    let mut info = TcpInfo::new_zeroed();
    task.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info.as_mut_bytes()).unwrap();
    info
}

/// Sends for so many seconds; bytes that arrived and how it stood at the end.
fn send_for(link: &mut Link, task: &Task, fd: i32, seconds: u64) -> (usize, TcpInfo) {
    let (end, data) = (link.world.now() + seconds * 1_000_000_000, vec![7; 1 << 15]);
    while link.world.now() < end {
        task.write(fd, &data).unwrap();
    }
    let last = info(task, fd);
    task.close(fd).unwrap();
    (link.receiver.take().unwrap().join(), last)
}

fn connect(link: &Link, cc: &str) -> (Task, i32) {
    let task = Task::new(&link.a);
    let fd = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    task.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc.as_bytes()).unwrap();
    task.connect(fd, sockaddr("10.0.0.2:9".parse().unwrap())).unwrap();
    (task, fd)
}

/// 20 Mbit/s, 40 ms, and a queue that could hold a second: BBR fills the path and leaves the queue empty.
#[test]
fn bbr_fills_the_path_and_not_the_queue() {
    let mut link = link(1, "delay 20ms rate 20mbit limit 2000");
    let (task, fd) = connect(&link, "bbr");
    let (bytes, last) = send_for(&mut link, &task, fd, 20);
    let rate = bytes as f64 * 8.0 / 20e6;
    assert!((18.0..20.5).contains(&rate), "{rate} Mbit/s");
    assert!(last.rtt < 60_000, "{} µs", last.rtt);
    assert!((40_000..42_000).contains(&last.min_rtt), "{} µs", last.min_rtt);
    // 1448 of 1500 bytes.
    let delivery = last.delivery_rate as f64 * 8.0 / 1e6;
    assert!((17.5..19.8).contains(&delivery), "{delivery} Mbit/s");
}

/// At 2 % of loss CUBIC and Reno get little, BBR nearly all.
#[test]
fn bbr_does_not_mind_some_loss() {
    let path = "delay 20ms rate 20mbit limit 200 loss 2%";
    let rate = |cc| {
        let mut link = link(2, path);
        let (task, fd) = connect(&link, cc);
        send_for(&mut link, &task, fd, 20).0 as f64 * 8.0 / 20e6
    };
    let (bbr, cubic) = (rate("bbr"), rate("cubic"));
    assert!(bbr > 15.0 && cubic < 10.0, "{bbr} {cubic}");
}

#[test]
fn bbr_shows_its_model() {
    let mut link = link(3, "delay 20ms rate 20mbit limit 2000");
    let (task, fd) = connect(&link, "bbr");
    let data = vec![7; 1 << 15];
    let end = link.world.now() + 3_000_000_000;
    while link.world.now() < end {
        task.write(fd, &data).unwrap();
    }
    let mut bytes = [0; 64];
    assert_eq!(task.getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &mut bytes).unwrap(), 20);
    let (words, _) = <[u32; 5]>::read_from_prefix(&bytes).unwrap();
    let bandwidth = f64::from(words[0]) * 8.0 / 1e6;
    assert!((18.0..20.0).contains(&bandwidth), "{bandwidth} Mbit/s");
    assert!((40_000..42_000).contains(&words[2]), "{words:?}");
    // Cruising, probing or draining.
    assert!(matches!(words[3], 192 | 256 | 320), "{words:?}");
    assert_eq!(words[4], 512);
    let pacing = info(&task, fd).pacing_rate as f64 / f64::from(words[0]);
    assert!((pacing - f64::from(words[3]) / 256.0 * 0.99).abs() < 0.05, "{pacing} {words:?}");
    task.close(fd).unwrap();
    link.receiver.take().unwrap().join();
    let _ = &link.wire;
}

/// When each packet with data left.
#[derive(Default)]
struct Times(Mutex<Vec<(u64, usize)>>);

impl WireTap for Times {
    fn packet(&self, packet: &Passing<'_>) {
        if packet.from == End::A && packet.bytes.len() > 100 {
            self.0.lock().unwrap().push((packet.time.ns(), packet.bytes.len() - 52));
        }
    }
}

/// `SO_MAX_PACING_RATE` spaces what leaves: a megabyte a second, after the first ten segments.
#[test]
fn a_paced_flow_leaves_evenly() {
    let mut link = link(4, "delay 20ms");
    let times = Arc::new(Times::default());
    link.wire.set_tap(Some(times.clone()));
    let (task, fd) = connect(&link, "cubic");
    task.setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &1_000_000u64.to_ne_bytes()).unwrap();
    let (_, last) = send_for(&mut link, &task, fd, 5);
    assert_eq!((last.pacing_rate, last.max_pacing_rate), (1_000_000, 1_000_000));
    let times = times.0.lock().unwrap();
    let paced: Vec<_> = times.iter().filter(|(at, _)| *at > times[0].0 + 500_000_000).collect();
    let bytes: usize = paced[..paced.len() - 1].iter().map(|(_, len)| len).sum();
    let rate = bytes as f64 * 1e9 / (paced[paced.len() - 1].0 - paced[0].0) as f64;
    assert!((rate - 1e6).abs() < 2e4, "{rate}");
    // Two segments at a time, as tcp_min_tso_segs asks: 2.9 ms apart, and never more at once.
    for three in paced.windows(3) {
        let (gap, bytes) = (three[2].0 - three[0].0, three[0].1 + three[1].1);
        assert!(gap as f64 >= bytes as f64 * 1e9 / 1e6 * 0.45, "{gap} ns after {bytes} bytes");
    }
}

#[test]
fn who_may_choose_what() {
    let net = Net::new();
    let (root, nobody) = (Task::new(&net), Task::with_cred(&net, Cred::nobody()));
    let choose = |task: &Task, cc: &str| {
        let fd = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        let result = task.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc.as_bytes());
        task.close(fd).unwrap();
        result
    };
    assert_eq!(net.sysctl("net.ipv4.tcp_available_congestion_control").unwrap(), "reno cubic bbr\n");
    assert_eq!(net.sysctl("net.ipv4.tcp_allowed_congestion_control").unwrap(), "reno cubic\n");
    assert_eq!((choose(&root, "bbr"), choose(&nobody, "bbr")), (Ok(()), Err(Errno::EPERM)));
    assert_eq!(choose(&nobody, "reno"), Ok(()));
    assert_eq!(choose(&root, "vegas"), Err(Errno::ENOENT));
    let allowed = "net.ipv4.tcp_allowed_congestion_control";
    assert_eq!(net.set_sysctl(allowed, "reno vegas"), Err(Errno::ENOENT));
    net.set_sysctl(allowed, "bbr reno\n").unwrap();
    assert_eq!(net.sysctl(allowed).unwrap(), "reno bbr\n");
    assert_eq!(
        (choose(&nobody, "bbr"), choose(&nobody, "cubic")),
        (Ok(()), Ok(())),
        "the default needs no choice"
    );
    net.set_sysctl("net.ipv4.tcp_congestion_control", "bbr").unwrap();
    assert_eq!(choose(&nobody, "cubic"), Err(Errno::EPERM));
    assert_eq!(net.set_sysctl("net.ipv4.tcp_available_congestion_control", "x"), Err(Errno::EPERM));
}

/// A child has what its listener's user chose, else the default of the moment (asked of Linux 6.18).
#[test]
fn children_inherit_what_was_chosen() {
    let net = Net::new();
    let task = Task::new(&net);
    let cc = |fd| {
        let mut name = [0; 16];
        let n = task.getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, &mut name).unwrap();
        assert_eq!(n, 16);
        String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned()
    };
    let listener = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    task.bind(listener, sockaddr("127.0.0.1:80".parse().unwrap())).unwrap();
    task.listen(listener, 8).unwrap();
    net.set_sysctl("net.ipv4.tcp_congestion_control", "reno").unwrap();
    let open = || {
        let fd = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
        task.connect(fd, sockaddr("127.0.0.1:80".parse().unwrap())).unwrap();
        task.accept4(listener, 0).unwrap()
    };
    assert_eq!((cc(listener), cc(open())), ("cubic".to_owned(), "reno".to_owned()));
    task.setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, b"bbr").unwrap();
    assert_eq!(cc(open()), "bbr");
    task.setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, b"cubic").unwrap();
    assert_eq!(cc(open()), "cubic");
}

/// The window opens to the path's size without HyStart only by losing packets.
#[test]
fn hystart_leaves_slow_start_before_a_loss() {
    let losses = |hystart: &str| {
        let mut link = link(5, "delay 20ms rate 50mbit limit 400");
        link.a.set_module_param("tcp_cubic/parameters/hystart", hystart).unwrap();
        let (task, fd) = connect(&link, "cubic");
        let (_, last) = send_for(&mut link, &task, fd, 1);
        last.total_retrans
    };
    let (on, off) = (losses("1"), losses("0"));
    assert!(on == 0 && off > 50, "{on} {off}");
    let net = Net::new();
    assert_eq!(net.set_module_param("tcp_cubic/parameters/bic_scale", "40"), Err(Errno::EPERM));
    assert_eq!(net.module_param("tcp_cubic/parameters/bic_scale").unwrap(), "41\n");
}

/// A device that paces, as with `fq`: slow start leaves in pairs over the RTT, not in bursts of a window.
#[test]
fn a_device_that_paces_spaces_slow_start() {
    let longest_burst = |paces| {
        let mut link = link(6, "delay 20ms");
        link.wire.device(End::A).set_pacing(paces);
        let times = Arc::new(Times::default());
        link.wire.set_tap(Some(times.clone()));
        let (task, fd) = connect(&link, "reno");
        send_for(&mut link, &task, fd, 1);
        let times = times.0.lock().unwrap();
        let begin = times[0].0;
        let early: Vec<_> = times.iter().map(|(at, _)| at - begin).filter(|at| *at < 130_000_000).collect();
        // Within half a millisecond.
        early
            .iter()
            .map(|at| early.iter().filter(|other| (*at..at + 500_000).contains(other)).count())
            .max()
            .unwrap()
    };
    let (paced, not) = (longest_burst(true), longest_burst(false));
    assert!(paced <= 10 && not >= 20, "{paced} {not}");
}
