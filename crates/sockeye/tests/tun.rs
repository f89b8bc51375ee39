//! A TUN device: packets through a file. The answers are those of Linux 6.18's `/dev/net/tun`.

use dev::tun::{IFF_NO_PI, IFF_TUN, TUNGETFEATURES, TUNGETIFF, TUNSETIFF};
use ip::addr::{self, IfAddr};
use sockeye::{Net, Task, sockaddr};
use std::net::{Ipv4Addr, SocketAddr};
use uapi::fcntl::{O_NONBLOCK, O_RDWR};
use uapi::poll::{POLLERR, POLLIN, POLLOUT, PollFd};
use uapi::socket::{AF_INET, AF_INET6, MSG_DONTROUTE, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use uapi::{Errno, IFF_UP, IPPROTO_ICMP};

const US: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const THEM: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn open(task: &Task) -> i32 {
    task.open("/dev/net/tun", O_RDWR | O_NONBLOCK).unwrap()
}

fn set_iff(task: &Task, fd: i32, name: &str, flags: u16) -> Result<String, Errno> {
    let mut ifreq = [0; 40];
    ifreq[..name.len().min(16)].copy_from_slice(&name.as_bytes()[..name.len().min(16)]);
    ifreq[16..18].copy_from_slice(&flags.to_ne_bytes());
    task.ioctl(fd, TUNSETIFF, &mut ifreq)?;
    let end = ifreq.iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(ifreq[16..18], flags.to_ne_bytes());
    Ok(String::from_utf8(ifreq[..end].to_vec()).unwrap())
}

fn poll(task: &Task, fd: i32) -> i16 {
    let mut fds = [PollFd { fd, events: (POLLIN | POLLOUT) as i16, revents: 0 }];
    task.poll(&mut fds, vfs::wait::Timeout::from_ms(0)).unwrap();
    fds[0].revents
}

/// A file with a device that is up and has an address.
fn up(net: &Net, task: &Task, flags: u16) -> i32 {
    let fd = open(task);
    let name = set_iff(task, fd, "", IFF_TUN | flags).unwrap();
    let dev = net.stack().dev.by_name(&name).unwrap();
    dev.set_flags(dev.flags() | IFF_UP);
    addr::dev_up(net.stack(), &dev);
    addr::add(net.stack(), &dev, IfAddr::new(US.into(), 24)).unwrap();
    fd
}

/// A UDP datagram from `from` to `to`, in an IPv4 packet.
fn datagram(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), data: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| {
        let words =
            bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let sum: u32 = words.sum();
        !((sum & 0xffff) + (sum >> 16)) as u16
    };
    let len = (28 + data.len()) as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0];
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend(from.0.octets());
    packet.extend(to.0.octets());
    let header = sum(&packet).to_be_bytes();
    packet[10..12].copy_from_slice(&header);
    packet.extend(from.1.to_be_bytes());
    packet.extend(to.1.to_be_bytes());
    packet.extend((len - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(data);
    packet
}

// chapter: A4
#[test]
fn a_file_without_a_device() {
    let net = Net::new();
    let task = Task::new(&net);
    let fd = open(&task);
    assert_eq!(task.read(fd, &mut [0; 10]), Err(Errno::EBADFD));
    assert_eq!(task.write(fd, b"x"), Err(Errno::EBADFD));
    assert_eq!(poll(&task, fd), POLLERR as i16);
    assert_eq!(task.ioctl(fd, TUNGETIFF, &mut [0; 40]), Err(Errno::EBADFD));
    assert_eq!(task.ioctl(fd, 0x8927, &mut [0; 40]), Err(Errno::EBADFD));
    let mut features = [0; 4];
    assert_eq!(task.ioctl(fd, TUNGETFEATURES, &mut features), Ok(0));
    assert_eq!(u32::from_ne_bytes(features) as u16 & (IFF_TUN | IFF_NO_PI), IFF_TUN | IFF_NO_PI);
    assert_eq!(task.lseek(fd, 0, 0), Err(Errno::ESPIPE));
    assert_eq!(task.fstat(fd).unwrap().mode, 0o20600);
}

// chapter: A4
#[test]
fn names_and_flags() {
    let net = Net::new();
    let task = Task::new(&net);
    let answer = |name: &str, flags| {
        let fd = open(&task);
        let result = set_iff(&task, fd, name, flags);
        task.close(fd).unwrap();
        result
    };
    assert_eq!(answer("", 0), Err(Errno::EINVAL));
    for flags in [3, 1, 0x1801, 0x9001] {
        assert_eq!(answer("", flags).as_deref(), Ok("tun0"), "{flags:#x}");
    }
    assert_eq!(answer("xxxxxxxxxxxxxxx", 0x1001).as_deref(), Ok("xxxxxxxxxxxxxxx"));
    assert_eq!(answer("xxxxxxxxxxxxxxxx", 0x1001).as_deref(), Ok("xxxxxxxxxxxxxxx"));
    assert_eq!(answer("tap%d", 0x1001).as_deref(), Ok("tap0"));
    for name in ["lo", "a/b", "%d%d", "%s", "a:b", "."] {
        assert_eq!(answer(name, 0x1001), Err(Errno::EINVAL), "{name}");
    }
    let fd = open(&task);
    assert_eq!(set_iff(&task, fd, "", IFF_TUN).as_deref(), Ok("tun0"));
    assert_eq!(set_iff(&task, fd, "", IFF_TUN), Err(Errno::EEXIST));
    assert_eq!(answer("tun0", IFF_TUN), Err(Errno::EBUSY));
    assert_eq!(answer("", IFF_TUN).as_deref(), Ok("tun1"));
    assert_eq!(task.read(fd, &mut [0; 10]), Err(Errno::EAGAIN));
    assert_eq!(task.write(fd, &[0x45; 30]), Err(Errno::EIO), "it is down");
    assert_eq!(poll(&task, fd), 0);
    let mut small = [0; 3];
    assert_eq!(task.ioctl(fd, TUNGETIFF, &mut small), Err(Errno::EFAULT));
    let nobody = Task::with_cred(&net, kern::cred::Cred::nobody());
    assert_eq!(set_iff(&nobody, open(&nobody), "", IFF_TUN), Err(Errno::EPERM));
}

// chapter: A4
#[test]
fn packets_go_both_ways() {
    let net = Net::new();
    let task = Task::new(&net);
    let fd = up(&net, &task, IFF_NO_PI);
    assert_eq!(poll(&task, fd), POLLOUT as i16);
    let refused: [&[u8]; 3] = [b"", &[0; 20], &[0x10; 40]];
    for bytes in refused {
        assert_eq!(task.write(fd, bytes), Err(Errno::EINVAL), "{bytes:?}");
    }
    assert_eq!(task.write(fd, b"E"), Ok(1), "what is no whole packet is dropped further on");
    let socket = task.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    task.bind(socket, sockaddr(SocketAddr::from((US, 99)))).unwrap();
    task.set_nonblocking(socket, true).unwrap();
    assert_eq!(task.sendto(socket, b"hello", 0, sockaddr(SocketAddr::from((THEM, 5)))), Ok(5));
    assert_eq!(poll(&task, fd), (POLLIN | POLLOUT) as i16);
    let mut buf = [0; 100];
    assert_eq!(task.read(fd, &mut buf), Ok(33));
    assert_eq!(
        (&buf[12..16], &buf[16..20], &buf[28..33]),
        (&US.octets()[..], &THEM.octets()[..], &b"hello"[..])
    );
    assert_eq!(task.read(fd, &mut buf), Err(Errno::EAGAIN));
    let packet = datagram((THEM, 5), (US, 99), b"abc");
    assert_eq!(task.write(fd, &packet), Ok(packet.len()));
    let mut from = [0; 16];
    assert_eq!(task.recvfrom(socket, &mut buf, 0, &mut from), Ok((3, 16)));
    assert_eq!((&buf[..3], &from[..]), (&b"abc"[..], sockaddr(SocketAddr::from((THEM, 5))).as_ref()));
    // A reader who is slow loses what comes after 500 packets.
    for _ in 0..600 {
        task.sendto(socket, b"x", 0, sockaddr(SocketAddr::from((THEM, 5)))).unwrap();
    }
    let read = std::iter::from_fn(|| task.read(fd, &mut [0; 100]).ok()).count();
    assert_eq!(read, 500);
    let stats = net.proc_net("dev").unwrap();
    let counts: Vec<&str> = stats.lines().last().unwrap().split_whitespace().collect();
    // Received: a byte and a datagram, four refused; sent: 1 and 500, 100 dropped.
    assert_eq!([counts[2], counts[4], counts[10], counts[12]], ["2", "3", "501", "100"], "{stats}");
}

#[test]
fn a_header_says_the_protocol() {
    let net = Net::new();
    let task = Task::new(&net);
    let fd = up(&net, &task, 0);
    assert_eq!(task.write(fd, &[0; 3]), Err(Errno::EINVAL));
    let socket = task.socket(AF_INET, SOCK_DGRAM, 0).unwrap();
    task.bind(socket, sockaddr(SocketAddr::from((US, 99)))).unwrap();
    let packet = [vec![0, 0, 8, 0], datagram((THEM, 5), (US, 99), b"abc")].concat();
    assert_eq!(task.write(fd, &packet), Ok(packet.len()));
    let mut buf = [0; 100];
    assert_eq!(task.recv(socket, &mut buf, 0), Ok(3));
    for _ in 0..2 {
        task.sendto(socket, b"hello", 0, sockaddr(SocketAddr::from((THEM, 5)))).unwrap();
    }
    assert_eq!(task.read(fd, &mut buf), Ok(37));
    assert_eq!(buf[..5], [0, 0, 8, 0, 0x45]);
    // TUN_PKT_STRIP.
    assert_eq!(task.read(fd, &mut buf[..10]), Ok(10));
    assert_eq!(buf[..5], [1, 0, 8, 0, 0x45]);
}

#[test]
fn the_device_goes_with_its_file() {
    let net = Net::new();
    let task = Task::new(&net);
    let fd = up(&net, &task, IFF_NO_PI);
    let devices = net.stack().dev.all().len();
    let socket = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    task.set_nonblocking(socket, true).unwrap();
    let there = sockaddr(SocketAddr::from((THEM, 80)));
    assert_eq!(task.connect(socket, there), Err(Errno::EINPROGRESS));
    assert!(net.proc_net("route").unwrap().contains("tun0"));
    task.close(fd).unwrap();
    assert_eq!(net.stack().dev.all().len(), devices - 1);
    assert!(!net.proc_net("route").unwrap().contains("tun0"));
    let other = task.socket(AF_INET, SOCK_STREAM, 0).unwrap();
    assert_eq!(task.connect(other, there), Err(Errno::ENETUNREACH));
    assert_eq!(task.bind(other, sockaddr(SocketAddr::from((US, 80)))), Err(Errno::EADDRNOTAVAIL));
    // A name that is free again, and nothing left in the slab.
    let again = open(&task);
    assert_eq!(set_iff(&task, again, "", IFF_TUN).as_deref(), Ok("tun0"));
    task.close(again).unwrap();
}

/// One call's `MSG_DONTROUTE`: what Linux 6.18 answered for the same devices and routes.
// chapter: A14
#[test]
fn a_call_that_wants_no_gateway() {
    let net = Net::builder().seed(1).manual_timers().build().unwrap();
    net.set_sysctl("net/ipv4/ping_group_range", "0 2147483647").unwrap();
    let task = Task::new(&net);
    let tun = up(&net, &task, IFF_NO_PI);
    net.add_route("0.0.0.0/0", Some("10.9.0.2"), "tun0").unwrap();
    let (dontroute, far, near) = (MSG_DONTROUTE as i32, Ipv4Addr::new(8, 8, 8, 8), THEM);
    let to = |host: Ipv4Addr| sockaddr(SocketAddr::from((host, 9)));
    let mapped = |host: Ipv4Addr| sockaddr(SocketAddr::from((host.to_ipv6_mapped(), 9)));
    for (family, kind, protocol) in [
        (AF_INET, SOCK_DGRAM, 0),
        (AF_INET6, SOCK_DGRAM, 0),
        (AF_INET, SOCK_RAW, 253),
        (AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
    ] {
        let to = |host| if family == AF_INET6 { mapped(host) } else { to(host) };
        let echo = [8, 0, 0, 0, 0, 0, 0, 0];
        let fd = task.socket(family, kind, protocol).unwrap();
        assert_eq!(task.sendto(fd, &echo, 0, to(far)), Ok(8));
        assert_eq!(task.sendto(fd, &echo, dontroute, to(far)), Err(Errno::ENETUNREACH));
        assert_eq!(task.sendto(fd, &echo, dontroute, to(near)), Ok(8));
        task.connect(fd, to(far)).unwrap();
        assert_eq!(task.send(fd, &echo, dontroute), Err(Errno::ENETUNREACH));
        assert_eq!(task.send(fd, &echo, 0), Ok(8));
        task.connect(fd, to(near)).unwrap();
        assert_eq!(task.send(fd, &echo, dontroute), Ok(8));
        assert_eq!(task.send(fd, &echo, 0), Ok(8));
    }
    task.close(tun).unwrap();
}
