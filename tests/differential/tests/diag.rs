//! What `ss` asks, about the same sockets in both kernels.

use differential::{Host, Kernel, Ours, in_private_namespace};

const NETLINK_SOCK_DIAG: i32 = 4;
const STREAM: i32 = libc::SOCK_STREAM;
const DGRAM: i32 = libc::SOCK_DGRAM;

fn sockaddr(family: i32, port: u16) -> Vec<u8> {
    let mut bytes = (family as u16).to_ne_bytes().to_vec();
    bytes.extend(port.to_be_bytes());
    if family == libc::AF_INET {
        bytes.extend([127, 0, 0, 1]);
        bytes.resize(16, 0);
    } else {
        bytes.resize(23, 0);
        bytes.push(1);
        bytes.resize(28, 0);
    }
    bytes
}

/// A question about all sockets of a family and protocol in these states.
fn question(kind: u16, flags: u16, family: u8, protocol: u8, states: u32, ports: [u16; 2]) -> Vec<u8> {
    let mut bytes = 72u32.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([9, 0, 0, 0, 0, 0, 0, 0]);
    // Times of service and traffic class; what memory and TCP tell is not the same in two kernels.
    bytes.extend([family, protocol, 1 << 4 | 1 << 5 | 1 << 3, 0]);
    bytes.extend(states.to_ne_bytes());
    bytes.extend(ports[0].to_be_bytes());
    bytes.extend(ports[1].to_be_bytes());
    bytes.resize(72, 0);
    bytes
}

fn show(bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<16>() {
        let len = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let body = rest.get(16..len).unwrap_or(&[]);
        if body.len() < 72 {
            lines.push(format!("{:02x?} {:02x?}", &head[4..8], body.get(..4)));
        } else {
            let mut fixed = body[..72].to_vec();
            // Cookie, time to the timer, inode; the timer itself depends on the moment.
            [44..52, 52..56, 68..72, 2..4].into_iter().for_each(|range| fixed[range].fill(0));
            let mut line = format!("{:02x?} {fixed:02x?}", &head[4..8]);
            let mut attrs = &body[72..];
            while let Some(&[a, b, c, d]) = attrs.first_chunk::<4>() {
                let (len, kind) = (usize::from(u16::from_ne_bytes([a, b])), u16::from_ne_bytes([c, d]));
                // Control group and socket options are not told; the default algorithm is the host's.
                if !matches!(kind, 4 | 21 | 22) {
                    line += &format!(" {kind}:{:02x?}", attrs.get(4..len));
                }
                attrs = attrs.get(len.next_multiple_of(4).max(4)..).unwrap_or(&[]);
            }
            lines.push(line);
        }
        rest = rest.get(len.next_multiple_of(4).max(16)..).unwrap_or(&[]);
    }
    lines
}

fn ask(kernel: &dyn Kernel, request: &[u8]) -> Vec<String> {
    let fd = kernel.socket(libc::AF_NETLINK, libc::SOCK_RAW, NETLINK_SOCK_DIAG).expect("sock_diag is there");
    let mut lines = vec![format!("sent {:?}", kernel.sendmsg(fd, &[], request, &[], 0))];
    while let Ok(got) = kernel.recvmsg(fd, 65536, 0, 0) {
        lines.extend(show(&got.bytes));
    }
    kernel.close(fd);
    // Tables are hash tables: their order is nobody's.
    lines.sort();
    lines
}

fn answers(kernel: &dyn Kernel) -> Vec<(String, Vec<String>)> {
    let mut open = Vec::new();
    for (family, base) in [(libc::AF_INET, 4000), (libc::AF_INET6, 6000)] {
        let bound = |kind, port| {
            let fd = kernel.socket(family, kind, 0).expect("a socket");
            kernel.bind(fd, &sockaddr(family, port)).expect("a free port");
            fd
        };
        let listener = bound(STREAM, base + 1);
        kernel.listen(listener, 7).expect("listens");
        let client = bound(STREAM, base + 2);
        kernel.connect(client, &sockaddr(family, base + 1)).expect("connects");
        assert_eq!(kernel.sendmsg(client, &[], b"hello", &[], 0), Ok(5));
        let datagram = bound(DGRAM, base + 4);
        let connected = bound(DGRAM, base + 5);
        kernel.connect(connected, &sockaddr(family, base + 4)).expect("connects");
        let raw = kernel.socket(family, libc::SOCK_RAW, 200).expect("a raw socket");
        open.extend([listener, client, datagram, connected, raw]);
    }
    let mut all = Vec::new();
    const DUMP: u16 = 0x301;
    for family in [2, 10] {
        for protocol in [6, 17, 136, 132, 99] {
            for states in [u32::MAX, 1 << 10, 1 << 1, 1 << 7, 0] {
                let request = question(20, DUMP, family, protocol, states, [0, 0]);
                all.push((format!("{family} {protocol} {states:#x}"), ask(kernel, &request)));
            }
        }
        for ports in [[4001, 0], [0, 4001], [6002, 6001], [1, 1]] {
            let request = question(20, DUMP, family, 6, u32::MAX, ports);
            all.push((format!("{family} ports {ports:?}"), ask(kernel, &request)));
        }
    }
    for (kind, flags, family) in [(20, DUMP, 99), (19, 1, 2), (20, 1, 2)] {
        all.push((
            format!("{kind} {family}"),
            ask(kernel, &question(kind, flags, family, 6, u32::MAX, [1, 1])),
        ));
    }
    open.into_iter().for_each(|fd| kernel.close(fd));
    all
}

// chapter: B3
#[test]
fn sockets_are_listed_alike() {
    let Some(host) = in_private_namespace(|| answers(&Host::new())) else { return eprintln!("not compared") };
    let ours = answers(&Ours::new());
    let mut differ = Vec::new();
    for ((name, host), (_, ours)) in host.iter().zip(&ours) {
        if host != ours {
            differ.push(format!(
                "== {name}\n  host {}\n  ours {}",
                host.join("\n       "),
                ours.join("\n       ")
            ));
        }
    }
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), host.len(), differ.join("\n"));
}
