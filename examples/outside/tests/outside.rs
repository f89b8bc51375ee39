//! The protocol and the family, as programs see them.
// chapter: B1 B6

use outside::counted::{self, COUNTED_LOST, IPPROTO_COUNTED};
use outside::mirror::{self, AF_MIRROR, LONGEST};
use sockeye::uapi::{Errno, socket::*};
use sockeye::{Net, SockAddrBuf, Task, sockaddr, socket_addr};

/// As `recv()` takes it.
const MSG_DONTWAIT: i32 = sockeye::uapi::MSG_DONTWAIT as i32;

fn at(addr: &str) -> SockAddrBuf {
    sockaddr(addr.parse().unwrap())
}

fn lost(task: &Task, fd: i32) -> i32 {
    let mut value = [0; 4];
    task.getsockopt(fd, IPPROTO_COUNTED, COUNTED_LOST, &mut value).unwrap();
    i32::from_ne_bytes(value)
}

#[test]
fn a_protocol_from_outside() {
    let net = Net::new();
    let task = Task::new(&net);
    let open = |family| task.socket(family, SOCK_DGRAM, IPPROTO_COUNTED);
    assert_eq!(open(AF_INET), Err(Errno::EPROTONOSUPPORT));
    counted::attach(net.stack()).unwrap();
    for (family, here, there) in [(AF_INET, "127.0.0.1:7", "127.0.0.2:8"), (AF_INET6, "[::1]:7", "[::1]:8")] {
        let (a, b) = (open(family).unwrap(), open(family).unwrap());
        task.bind(a, at(here)).unwrap();
        task.bind(b, at(there)).unwrap();
        assert_eq!(task.bind(open(family).unwrap(), at(here)), Err(Errno::EADDRINUSE));
        task.connect(a, at(there)).unwrap();
        task.connect(b, at(here)).unwrap();
        assert_eq!(task.send(a, b"first", 0), Ok(5));
        let mut buf = [0; 64];
        let mut name = [0; 28];
        let (n, len) = task.recvfrom(b, &mut buf, 0, &mut name).unwrap();
        assert_eq!((&buf[..n], socket_addr(&name[..len])), (&b"first"[..], Some(here.parse().unwrap())));
        assert_eq!(lost(&task, b), 0);
        // Nobody reads: what the buffer does not hold is lost, and counted.
        let sent = 1 + (0..2000).filter(|_| task.send(a, &[7; 1000], 0).is_ok()).count();
        let mut got = 1;
        while task.recv(b, &mut buf, MSG_DONTWAIT).is_ok() {
            got += 1;
        }
        assert!(got < sent);
        assert_eq!(lost(&task, b), (sent - got) as i32);
    }
    // It is in the list of protocols' memory as any other, and can be taken away.
    counted::detach(net.stack()).unwrap();
    assert_eq!(open(AF_INET), Err(Errno::EPROTONOSUPPORT));
    assert_eq!(counted::detach(net.stack()), Err(Errno::ENOENT));
    counted::attach(net.stack()).unwrap();
    open(AF_INET6).unwrap();
}

#[test]
fn what_it_refuses() {
    let net = Net::new();
    counted::attach(net.stack()).unwrap();
    let task = Task::new(&net);
    let fd = task.socket(AF_INET, SOCK_DGRAM, IPPROTO_COUNTED).unwrap();
    assert_eq!(task.send(fd, b"x", 0), Err(Errno::EDESTADDRREQ));
    assert_eq!(task.sendto(fd, b"x", 0, at("127.0.0.1:0")), Err(Errno::EINVAL));
    assert_eq!(task.sendto(fd, b"x", 0, at("[::1]:7")), Err(Errno::EAFNOSUPPORT));
    assert_eq!(task.sendto(fd, &[0; 70_000], 0, at("127.0.0.1:7")), Err(Errno::EMSGSIZE));
    assert_eq!(task.recv(fd, &mut [0; 8], MSG_DONTWAIT), Err(Errno::EAGAIN));
    assert_eq!(task.getsockopt(fd, IPPROTO_COUNTED, 2, &mut [0; 4]), Err(Errno::ENOPROTOOPT));
    assert_eq!(task.setsockopt(fd, IPPROTO_COUNTED, COUNTED_LOST, &[0; 4]), Err(Errno::ENOPROTOOPT));
    assert_eq!(task.listen(fd, 1), Err(Errno::EOPNOTSUPP));
    // A header that is cut short reaches nobody.
    let raw = task.socket(AF_INET, SOCK_RAW, IPPROTO_COUNTED).unwrap();
    task.sendto(raw, b"1234567", 0, at("127.0.0.1:0")).unwrap();
}

#[test]
fn a_family_on_demand() {
    let net = Net::new();
    let task = Task::new(&net);
    let family = i32::from(AF_MIRROR);
    assert_eq!(task.socket(family, SOCK_DGRAM, 0), Err(Errno::EAFNOSUPPORT));
    mirror::on_demand(net.stack());
    assert_eq!(task.socket(family, SOCK_DGRAM, 1), Err(Errno::EPROTONOSUPPORT));
    assert_eq!(task.socket(family, SOCK_STREAM, 0), Err(Errno::ESOCKTNOSUPPORT));
    let fd = task.socket(family, SOCK_DGRAM, 0).unwrap();
    assert_eq!(task.recv(fd, &mut [0; 8], MSG_DONTWAIT), Err(Errno::EAGAIN));
    assert_eq!(task.send(fd, b"who is there?", 0), Ok(13));
    let mut buf = [0; 64];
    assert_eq!(task.recv(fd, &mut buf, 0), Ok(13));
    assert_eq!(&buf[..13], b"who is there?");
    assert_eq!(task.send(fd, &[0; LONGEST + 1], 0), Err(Errno::EMSGSIZE));
    assert_eq!(task.bind(fd, at("127.0.0.1:7")), Err(Errno::EOPNOTSUPP));
    // It goes; its socket stays. Asked for once more, it is back.
    net.stack().families.unregister(AF_MIRROR).unwrap();
    assert_eq!(task.send(fd, b"still here", 0), Ok(10));
    net.stack().families.on_request(None);
    assert_eq!(task.socket(family, SOCK_DGRAM, 0), Err(Errno::EAFNOSUPPORT));
    mirror::on_demand(net.stack());
    task.socket(family, SOCK_DGRAM, 0).unwrap();
}
