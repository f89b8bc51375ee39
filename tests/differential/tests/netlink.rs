//! Netlink requests, well formed and not, in a namespace that has only `lo`: every byte of every
//! answer, and how the answers are divided among reads.

use differential::{Host, Kernel, Ours, in_private_namespace};

const AF_NETLINK: i32 = libc::AF_NETLINK;
const GET: u16 = 1;
const DUMP: u16 = 0x301;
const ACK: u16 = 4;

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;
const RTM_SETLINK: u16 = 19;
const RTM_GETRULE: u16 = 34;
const RTM_GETNEIGH: u16 = 30;

fn message(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(seq.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn attr(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + data.len() as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn link(index: i32, flags: u32, change: u32) -> Vec<u8> {
    [[0, 0, 0, 0], index.to_ne_bytes(), flags.to_ne_bytes(), change.to_ne_bytes()].concat()
}

fn ifaddr(family: u8, len: u8, scope: u8, index: u32, attrs: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![family, len, 0, scope];
    body.extend(index.to_ne_bytes());
    body.extend(attrs.concat());
    body
}

/// Family, prefix length, table, protocol, scope, type.
fn route(head: [u8; 6], attrs: &[Vec<u8>]) -> Vec<u8> {
    let [family, len, table, protocol, scope, kind] = head;
    let mut body = vec![family, len, 0, 0, table, protocol, scope, kind, 0, 0, 0, 0];
    body.extend(attrs.concat());
    body
}

/// One answer as text, without what differs between any two kernels.
fn show(bytes: &[u8], port: u32) -> Vec<String> {
    let word = |b: &[u8], at: usize| u32::from_ne_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
    let half = |b: &[u8], at: usize| u16::from_ne_bytes([b[at], b[at + 1]]);
    let mut lines = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 16 {
        let len = (word(rest, 0) as usize).clamp(16, rest.len());
        let (kind, pid) = (half(rest, 4), word(rest, 12));
        let mine = if pid == port { "mine".to_owned() } else { pid.to_string() };
        lines.push(format!("type {kind} flags {:#x} seq {} pid {mine}", half(rest, 6), word(rest, 8)));
        let body = &rest[16..len];
        let head = match kind {
            16 | 17 => 16,
            20 | 21 => 8,
            24 | 25 => 12,
            32 | 33 => 12,
            _ => body.len(),
        }
        .min(body.len());
        let mut body_bytes = body[..head].to_vec();
        if kind == 2 && body_bytes.len() >= 20 {
            // The request's own header is repeated, with the port the kernel filled in or not.
            body_bytes[16..20].fill(0);
        }
        // IFA_F_TENTATIVE: the host looks for duplicates for a moment, even on lo.
        let v6_address = kind == 20 && body_bytes.first() == Some(&10);
        if v6_address {
            body_bytes[2] &= !0x40;
        }
        lines.push(format!("  {body_bytes:02x?}"));
        let mut attrs = &body[head..];
        while attrs.len() >= 4 {
            let (len, what) = (usize::from(half(attrs, 0)), half(attrs, 2));
            let Some(data) = attrs.get(4..len) else { break };
            let mut data = data.to_vec();
            attrs = attrs.get(len.next_multiple_of(4)..).unwrap_or(&[]);
            match (kind, what) {
                // IFLA_AF_SPEC is a listed divergence.
                (16 | 17, 26) => continue,
                // Counters: the host's lo may have carried something.
                (16 | 17, 7 | 23) => data.fill(0),
                // IFA_CACHEINFO: when it was made.
                (20 | 21, 6) => data.iter_mut().skip(8).for_each(|byte| *byte = 0),
                (20, 8) if v6_address => data[0] &= !0x40,
                // RTA_CACHEINFO.
                (24 | 25, 12) => data.fill(0),
                _ => {}
            }
            lines.push(format!("  attr {what} {data:02x?}"));
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    lines
}

/// Sends a request on a fresh socket and reads all answers, with buffers of `room` bytes.
fn ask(kernel: &dyn Kernel, request: &[u8], room: usize, options: &[i32]) -> Vec<String> {
    let fd = kernel.socket(AF_NETLINK, libc::SOCK_RAW, 0).expect("NETLINK_ROUTE is there");
    for option in options {
        kernel.setsockopt(fd, 270, *option, &1i32.to_ne_bytes()).expect("an option of netlink's");
    }
    let mut lines = vec![format!("sent {:?}", kernel.sendmsg(fd, &[], request, &[], 0))];
    let name = kernel.getsockname(fd).expect("it has a name now");
    let port = u32::from_ne_bytes([name[4], name[5], name[6], name[7]]);
    for _ in 0..64 {
        match kernel.recvmsg(fd, room, 0, libc::MSG_TRUNC) {
            Ok(got) => {
                // IFLA_AF_SPEC makes the host's links longer.
                let len = if got.bytes.get(4) == Some(&16) { 0 } else { got.result };
                lines.push(format!("read {len} flags {:#x} from {:?}", got.flags, got.name));
                lines.extend(show(&got.bytes, port));
            }
            Err(errno) => {
                lines.push(format!("errno {errno}"));
                break;
            }
        }
    }
    kernel.close(fd);
    lines
}

/// The address that the requests add.
const V6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
const ADD_V6: &str = "add fd00::5/64";

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let lo4 = [127, 0, 0, 1];
    let lo6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let v4 = [10, 1, 2, 3];
    let net = [10, 7, 0, 0];
    let v6 = V6;
    let oif = attr(4, &1u32.to_ne_bytes());
    // IFA_F_NODAD: the host would look for duplicates meanwhile.
    let nodad = attr(8, &2u32.to_ne_bytes());
    let new = GET | ACK | 0x600;
    let plain = |kind, flags, body: &[u8]| message(kind, flags, 7, body);
    let mut all = vec![
        ("all links", plain(RTM_GETLINK, DUMP, &link(0, 0, 0))),
        ("all links, short", plain(RTM_GETLINK, DUMP, &[0])),
        ("link 1", plain(RTM_GETLINK, GET, &link(1, 0, 0))),
        ("link 1, acknowledged", plain(RTM_GETLINK, GET | ACK, &link(1, 0, 0))),
        ("link 7", plain(RTM_GETLINK, GET, &link(7, 0, 0))),
        ("link 0", plain(RTM_GETLINK, GET, &link(0, 0, 0))),
        ("link lo", plain(RTM_GETLINK, GET, &[link(0, 0, 0), attr(3, b"lo\0")].concat())),
        ("link nosuch", plain(RTM_GETLINK, GET, &[link(0, 0, 0), attr(3, b"nosuch\0")].concat())),
        ("short link", plain(RTM_GETLINK, GET, &[0; 8])),
        ("all rules of 4", plain(RTM_GETRULE, DUMP, &route([2, 0, 0, 0, 0, 0], &[]))),
        ("all rules of 6", plain(RTM_GETRULE, DUMP, &route([10, 0, 0, 0, 0, 0], &[]))),
        ("all neighbours", plain(RTM_GETNEIGH, DUMP, &[0; 12])),
        ("no such type", plain(999, GET, &link(1, 0, 0))),
        ("type not there", plain(79, GET, &link(1, 0, 0))),
        ("empty body", plain(RTM_GETLINK, GET, &[])),
        ("empty body, acknowledged", plain(RTM_GETLINK, GET | ACK, &[])),
        ("noop", plain(1, GET, &[])),
        ("noop, acknowledged", plain(1, GET | ACK, &[])),
        ("no request", plain(RTM_GETLINK, 0, &link(1, 0, 0))),
        ("no request, acknowledged", plain(RTM_GETLINK, ACK, &link(1, 0, 0))),
        ("too long", {
            let mut bytes = plain(RTM_GETLINK, GET, &link(1, 0, 0));
            bytes[0] = 200;
            bytes
        }),
        ("too short", vec![15, 0, 0, 0, 18, 0, 1, 0]),
        ("two at once", [plain(1, GET | ACK, &[]), message(RTM_GETLINK, GET, 8, &link(7, 0, 0))].concat()),
        ("way to 127.0.0.1", plain(RTM_GETROUTE, GET, &route([2, 32, 0, 0, 0, 0], &[attr(1, &lo4)]))),
        ("way to 10.1.2.3", plain(RTM_GETROUTE, GET, &route([2, 32, 0, 0, 0, 0], &[attr(1, &v4)]))),
        ("way to ::1", plain(RTM_GETROUTE, GET, &route([10, 128, 0, 0, 0, 0], &[attr(1, &lo6)]))),
        ("way to nowhere", plain(RTM_GETROUTE, GET, &route([0, 0, 0, 0, 0, 0], &[]))),
        ("short way", plain(RTM_GETROUTE, GET, &[2, 0])),
        // Changes: each is followed by what it changed.
        ("add 10.1.2.3/24", plain(RTM_NEWADDR, new, &ifaddr(2, 24, 0, 1, &[attr(2, &v4), attr(1, &v4)]))),
        ("add it again", plain(RTM_NEWADDR, new, &ifaddr(2, 24, 0, 1, &[attr(2, &v4), attr(1, &v4)]))),
        ("add without address", plain(RTM_NEWADDR, new, &ifaddr(2, 24, 0, 1, &[]))),
        ("add to no device", plain(RTM_NEWADDR, new, &ifaddr(2, 24, 0, 9, &[attr(2, &v4)]))),
        ("add a long prefix", plain(RTM_NEWADDR, new, &ifaddr(2, 33, 0, 1, &[attr(2, &v4)]))),
        (ADD_V6, plain(RTM_NEWADDR, new, &ifaddr(10, 64, 0, 1, &[attr(2, &v6), attr(1, &v6), nodad]))),
        ("add to another family", plain(RTM_NEWADDR, new, &ifaddr(99, 64, 0, 1, &[attr(2, &v6)]))),
        ("way to 10.1.2.3 now", plain(RTM_GETROUTE, GET, &route([2, 32, 0, 0, 0, 0], &[attr(1, &v4)]))),
        (
            "route 10.7/16",
            plain(RTM_NEWROUTE, new, &route([2, 16, 254, 3, 253, 1], &[attr(1, &net), oif.clone()])),
        ),
        (
            "the same",
            plain(RTM_NEWROUTE, new, &route([2, 16, 254, 3, 253, 1], &[attr(1, &net), oif.clone()])),
        ),
        ("route by a gateway", {
            let attrs = [attr(1, &[10, 8, 0, 0]), attr(5, &[10, 1, 2, 9]), attr(6, &5u32.to_ne_bytes())];
            plain(RTM_NEWROUTE, new, &route([2, 16, 254, 3, 0, 1], &attrs))
        }),
        ("by a gateway nobody knows", {
            plain(
                RTM_NEWROUTE,
                new,
                &route([2, 16, 254, 3, 0, 1], &[attr(1, &net), attr(5, &[192, 0, 2, 1])]),
            )
        }),
        ("route with host bits", {
            plain(RTM_NEWROUTE, new, &route([2, 16, 254, 3, 253, 1], &[attr(1, &v4), oif]))
        }),
        ("blackhole", plain(RTM_NEWROUTE, new, &route([2, 16, 254, 3, 0, 6], &[attr(1, &[10, 9, 0, 0])]))),
        ("route 10.9.1.1, black", {
            plain(RTM_GETROUTE, GET, &route([2, 32, 0, 0, 0, 0], &[attr(1, &[10, 9, 1, 1])]))
        }),
        (
            "delete the route",
            plain(RTM_DELROUTE, GET | ACK, &route([2, 16, 254, 0, 255, 0], &[attr(1, &net)])),
        ),
        (
            "delete it again",
            plain(RTM_DELROUTE, GET | ACK, &route([2, 16, 254, 0, 255, 0], &[attr(1, &net)])),
        ),
        ("delete 10.1.2.3", plain(RTM_DELADDR, GET | ACK, &ifaddr(2, 24, 0, 1, &[attr(2, &v4)]))),
        ("delete it again", plain(RTM_DELADDR, GET | ACK, &ifaddr(2, 24, 0, 1, &[attr(2, &v4)]))),
        ("delete fd00::5", plain(RTM_DELADDR, GET | ACK, &ifaddr(10, 64, 0, 1, &[attr(2, &v6)]))),
        (
            "MTU 1400",
            plain(RTM_SETLINK, GET | ACK, &[link(1, 0, 0), attr(4, &1400u32.to_ne_bytes())].concat()),
        ),
        ("change no link", plain(RTM_SETLINK, GET | ACK, &link(9, 0, 0))),
        ("link 1 now", plain(RTM_GETLINK, GET, &link(1, 0, 0))),
    ];
    let lists = || {
        vec![
            ("all addresses", plain(RTM_GETADDR, DUMP, &ifaddr(0, 0, 0, 0, &[]))),
            ("all addresses, short", plain(RTM_GETADDR, DUMP, &[0])),
            ("addresses of 4", plain(RTM_GETADDR, DUMP, &ifaddr(2, 0, 0, 0, &[]))),
            ("addresses of 6", plain(RTM_GETADDR, DUMP, &ifaddr(10, 0, 0, 0, &[]))),
            ("addresses of another", plain(RTM_GETADDR, DUMP, &ifaddr(99, 0, 0, 0, &[]))),
            ("routes of 4", plain(RTM_GETROUTE, DUMP, &route([2, 0, 0, 0, 0, 0], &[]))),
            ("routes of 6", plain(RTM_GETROUTE, DUMP, &route([10, 0, 0, 0, 0, 0], &[]))),
            ("routes of all", plain(RTM_GETROUTE, DUMP, &route([0, 0, 0, 0, 0, 0], &[]))),
        ]
    };
    for at in [44, 36, 34, 0] {
        all.splice(at..at, lists());
    }
    all
}

/// A new IPv6 address has its local route when the host's duplicate detection ends, which is in a work
/// queue even on a device and for an address without it.
fn wait_for_local_route(kernel: &dyn Kernel) {
    let route = [[10, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec(), attr(1, &V6)].concat();
    let request = message(RTM_GETROUTE, GET, 7, &route);
    // The table of local routes is 255.
    for _ in 0..5000 {
        if ask(kernel, &request, 65536, &[]).iter().any(|line| line.starts_with("  [0a, 80, 80, 00, ff, ")) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("no local route for the new address");
}

fn answers(kernel: &dyn Kernel) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for (name, request) in requests() {
        all.push((name.to_owned(), ask(kernel, &request, 65536, &[])));
        if name == ADD_V6 {
            wait_for_local_route(kernel);
        }
    }
    for (name, request) in requests().into_iter().take(40) {
        all.push((format!("{name}, strictly"), ask(kernel, &request, 65536, &[12, 10])));
        all.push((format!("{name}, small buffer"), ask(kernel, &request, 100, &[])));
    }
    all
}

#[test]
fn requests_and_answers() {
    let Some(host) = in_private_namespace(|| answers(&Host::new())) else {
        return eprintln!("not compared");
    };
    let ours = answers(&Ours::new());
    let (mut compared, mut differ) = (0, Vec::new());
    for ((name, host), (_, ours)) in host.iter().zip(&ours) {
        compared += 1;
        if host == ours {
            continue;
        }
        let mut text = format!("== {name}");
        for i in 0..host.len().max(ours.len()) {
            let (a, b) = (host.get(i).map_or("-", |l| l), ours.get(i).map_or("-", |l| l));
            if a != b {
                text += &format!("\n  host {a}\n  ours {b}");
            }
        }
        differ.push(text);
    }
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
}

/// A `struct sockaddr_nl`.
fn name(family: u16, pid: u32, groups: u32) -> Vec<u8> {
    let mut bytes = family.to_ne_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(pid.to_ne_bytes());
    bytes.extend(groups.to_ne_bytes());
    bytes
}

fn calls(kernel: &dyn Kernel) -> Vec<String> {
    let mut lines = Vec::new();
    for (kind, protocol) in [(3, -1), (3, 32), (3, 31), (3, 100), (1, 0), (2, 0), (4, 0), (5, 0)] {
        let fd = kernel.socket(AF_NETLINK, kind, protocol);
        lines.push(format!("socket {kind} {protocol}: {:?}", fd.map(drop)));
        if let Ok(fd) = fd {
            kernel.close(fd);
        }
    }
    let nl = AF_NETLINK as u16;
    let open = || kernel.socket(AF_NETLINK, libc::SOCK_RAW, 0).expect("NETLINK_ROUTE is there");
    let named = |fd| kernel.getsockname(fd).map(|name| (name.len(), name[..4].to_vec(), name[8..].to_vec()));
    for addr in [
        vec![],
        vec![16],
        name(nl, 0, 0)[..11].to_vec(),
        name(2, 0, 0),
        name(nl, 77_000_001, 0),
        name(nl, 0, 1),
        name(nl, 0, 0xffff_ffff),
        [name(nl, 0, 0x40), vec![0; 8]].concat(),
    ] {
        let fd = open();
        lines.push(format!("bind {addr:?}: {:?}, then {:?}", kernel.bind(fd, &addr), named(fd)));
        let again = name(nl, 5, 0);
        lines.push(format!("  again: {:?}", kernel.bind(fd, &again)));
        let fd2 = open();
        lines.push(format!("  another: {:?}", kernel.bind(fd2, &name(nl, 77_000_001, 0))));
        kernel.close(fd2);
        lines.push(format!("  connect: {:?}", kernel.connect(fd, &addr)));
        lines.push(format!("  send: {:?}", kernel.sendmsg(fd, &[], b"0123456789abcdef", &[], 0)));
        lines.push(format!("  nothing: {:?}", kernel.sendmsg(fd, &[], b"", &[], 0)));
        lines.push(format!("  out of band: {:?}", kernel.sendmsg(fd, &[], b"x", &[], libc::MSG_OOB)));
        for to in
            [vec![], name(2, 0, 0), name(nl, 0, 0)[..8].to_vec(), name(nl, 77_777_777, 0), name(nl, 0, 4)]
        {
            lines.push(format!("  to {to:?}: {:?}", kernel.sendmsg(fd, &to, b"0123456789abcdef", &[], 0)));
        }
        lines.push(format!("  recv: {:?}", kernel.recvmsg(fd, 10, 10, 0).map(|got| got.result)));
        kernel.close(fd);
    }
    // The options of netlink.
    for option in 0..16 {
        let fd = open();
        for len in [0, 1, 4, 8] {
            lines.push(format!("get {option} of {len}: {:?}", kernel.getsockopt(fd, 270, option, len, 0)));
        }
        for value in [0, 1, 5, -1, 33, 39, 60] {
            let set = kernel.setsockopt(fd, 270, option, &i32::to_ne_bytes(value));
            // How many groups there are is the kernel's.
            let get = if option == 9 { Ok((0, vec![])) } else { kernel.getsockopt(fd, 270, option, 4, 0) };
            if value < 39 {
                lines.push(format!("set {option} to {value}: {set:?}, then {get:?}"));
            }
        }
        lines.push(format!("set {option} short: {:?}", kernel.setsockopt(fd, 270, option, &[1])));
        lines.push(format!("at another level: {:?}", kernel.setsockopt(fd, 0, option, &[1; 4])));
        lines.push(format!("groups {:?}", named(fd)));
        kernel.close(fd);
    }
    lines
}

#[test]
fn calls_on_netlink_sockets() {
    let Some(host) = in_private_namespace(|| calls(&Host::new())) else { return eprintln!("not compared") };
    let ours = calls(&Ours::new());
    let differ: Vec<String> = (host.iter().zip(&ours))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| format!("  host {a}\n  ours {b}"))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), host.len(), differ.join("\n"));
}
