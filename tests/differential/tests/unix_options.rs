//! Every option of `AF_UNIX` sockets in every state they have, with values of many lengths: what the host's
//! kernel answers and what Sockeye does.

use differential::{Errno, Host, Kernel, Ours, in_private_namespace, without_capabilities};

const SOL_SOCKET: i32 = libc::SOL_SOCKET;
const SO_PEERPIDFD: i32 = 77;

/// Options that answer as a kernel without the feature does; docs/DIVERGENCES.md has the reasons.
fn is_absent(level: i32, name: i32) -> bool {
    // Filters, programs, SO_TXREHASH, SO_DEVMEM_DONTNEED.
    level == SOL_SOCKET && matches!(name, 26 | 50 | 51 | 52 | 68 | 74 | 80)
}

/// Options whose values are there in part: SO_TIMESTAMPING without the times of packets sent.
fn is_partial(level: i32, name: i32) -> bool {
    level == SOL_SOCKET && matches!(name, 37 | 65)
}

/// A lingering time without end reads back as a number that depends on the kernel's tick rate.
fn is_ticks(level: i32, name: i32, line: &str) -> bool {
    level == SOL_SOCKET
        && name == 13
        && line.contains("then 8 [0")
        && !line.contains("00, 00, 00, 00, 00, 00, 00, 00, 00]")
}

/// What cannot be equal in two kernels: cookies, numbers of processes, descriptors.
fn is_own(level: i32, name: i32) -> bool {
    level == SOL_SOCKET && matches!(name, 17 | 57 | 71 | SO_PEERPIDFD)
}

fn values() -> Vec<Vec<u8>> {
    let int = |v: i32| v.to_ne_bytes().to_vec();
    let two = |a: i32, b: i32| [int(a), int(b)].concat();
    let time = |s: i64, us: i64| [s.to_ne_bytes(), us.to_ne_bytes()].concat();
    let mut values: Vec<Vec<u8>> = vec![vec![], vec![1], vec![7, 0], vec![0; 3]];
    values.extend([0, 1, 2, 3, 5, 6, 7, 64, 255, 256, 300, 1279, 1280, 65536, 100_000].map(int));
    values.extend([-1, -2, i32::MAX, i32::MIN, 1 << 24, 1 << 29, 0x1000_4000].map(int));
    values.extend([two(1, 5), two(1, -5), two(0, 9), two(1, 0), two(11, 3), two(3, 4)]);
    values.extend([
        time(1, 500_000),
        time(0, 1_000_000),
        time(-1, 0),
        time(0, -1),
        time(i64::MAX, 0),
        time(0, 4000),
    ]);
    values.extend([b"lo\0".to_vec(), b"lo".to_vec(), b"nosuchdev0".to_vec(), b"lo56789012345678".to_vec()]);
    values.extend([12, 16, 20, 24, 32, 40, 44, 144, 300].map(|n| vec![0; n]));
    // Groups: ip_mreq, ip_mreqn, ipv6_mreq.
    values.push(vec![224, 1, 2, 3, 127, 0, 0, 1]);
    values.push(vec![224, 1, 2, 3, 0, 0, 0, 0, 1, 0, 0, 0]);
    values.push([&[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], &1u32.to_ne_bytes()[..]].concat());
    values.push(vec![127, 0, 0, 1]);
    // Options: record route, no operation.
    values.push(vec![7, 7, 4, 0, 0, 0, 0, 0]);
    values.push(vec![1, 1, 1, 0]);
    // An extension header of eight bytes with padding.
    values.push(vec![0, 0, 1, 4, 0, 0, 0, 0]);
    values
}

/// Opens a socket of a kind in some state: it, and others that keep it there.
type Open = fn(&dyn Kernel, (i32, i32, i32)) -> Result<Vec<i32>, Errno>;

fn fresh(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    Ok(vec![kernel.socket(kind.0, kind.1, kind.2)?])
}

/// An abstract name.
const NAME: &[u8] = b"\x01\0\0options";

fn bound(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    let fds = fresh(kernel, kind)?;
    kernel.bind(fds[0], NAME)?;
    Ok(fds)
}

fn listening(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    let fds = bound(kernel, kind)?;
    kernel.listen(fds[0], 1)?;
    Ok(fds)
}

fn connected(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    let others = if kind.1 == libc::SOCK_DGRAM { bound(kernel, kind)? } else { listening(kernel, kind)? };
    let fd = kernel.socket(kind.0, kind.1, kind.2)?;
    kernel.connect(fd, NAME)?;
    Ok([vec![fd], others].concat())
}

fn paired(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    kernel.socketpair(kind.0, kind.1, kind.2).map(Vec::from)
}

fn shut_down(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    let fds = paired(kernel, kind)?;
    kernel.shutdown(fds[0], libc::SHUT_RDWR)?;
    Ok(fds)
}

fn left_alone(kernel: &dyn Kernel, kind: (i32, i32, i32)) -> Result<Vec<i32>, Errno> {
    let [fd, peer] = kernel.socketpair(kind.0, kind.1, kind.2)?;
    kernel.sendto(fd, b"unread", 0, &[], 0)?;
    kernel.close(peer);
    Ok(vec![fd])
}

/// All answers about one option of one kind of socket, as lines.
fn sweep(kernel: &dyn Kernel, open: Open, kind: (i32, i32, i32), level: i32, name: i32) -> Vec<String> {
    let fds = match open(kernel, kind) {
        Ok(fds) => fds,
        Err(errno) => return vec![format!("socket {kind:?}: {errno}")],
    };
    let fd = fds[0];
    let read = |len, fill| match kernel.getsockopt(fd, level, name, len, fill) {
        Ok((len, bytes)) if is_own(level, name) => {
            // A descriptor is not one for long.
            if name == SO_PEERPIDFD
                && let Some(fd) = bytes[..len].first_chunk()
            {
                kernel.close(i32::from_ne_bytes(*fd));
            }
            format!("{len}")
        }
        Ok((len, bytes)) => format!("{len} {:02x?}", &bytes),
        Err(errno) => format!("errno {errno}"),
    };
    let mut lines: Vec<String> =
        [0, 1, 2, 3, 4, 5, 8, 12, 16, 40, 256].map(|len| format!("get of {len}: {}", read(len, 0))).to_vec();
    for value in values() {
        let result = kernel.setsockopt(fd, level, name, &value);
        lines.push(format!("set {value:?}: {result:?}, then {}", read(16, 0)));
    }
    for fd in fds {
        kernel.close(fd);
    }
    lines
}

fn compare(level: i32, names: std::ops::Range<i32>, kinds: &[(i32, i32, i32)], caps: bool) {
    compare_in(fresh, level, names, kinds, caps);
}

fn compare_in(open: Open, level: i32, names: std::ops::Range<i32>, kinds: &[(i32, i32, i32)], caps: bool) {
    let ask_host = || {
        let ask = || -> Vec<_> {
            let all = |name: i32| kinds.iter().map(move |kind| (name, *kind));
            let host = Host::new();
            names.clone().flat_map(all).map(|(name, kind)| sweep(&host, open, kind, level, name)).collect()
        };
        if caps { ask() } else { without_capabilities(ask) }
    };
    // Without the right to make a namespace the host answers from its own.
    let privileged = in_private_namespace(ask_host);
    let host = match privileged {
        Some(host) => host,
        None if caps => return eprintln!("not root: what needs capabilities is not compared"),
        None => ask_host(),
    };
    let ours = if caps { Ours::new() } else { Ours::without_capabilities() };
    let (mut host, mut compared, mut differ) = (host.into_iter(), 0, Vec::new());
    for name in names {
        for kind in kinds {
            let theirs = host.next().unwrap_or_default();
            let our = sweep(&ours, open, *kind, level, name);
            if is_absent(level, name) {
                let refused = |line: &&String| line.starts_with("set") && line.contains("Ok(");
                if let Some(line) = our.iter().find(refused) {
                    differ.push(format!("{level}/{name} {kind:?}: absent, yet {line}"));
                }
                continue;
            }
            if is_partial(level, name) {
                continue;
            }
            for (a, b) in theirs.iter().zip(&our) {
                if is_ticks(level, name, a) {
                    continue;
                }
                compared += 1;
                if a != b {
                    differ.push(format!("{level}/{name} {kind:?}:\n  host {a}\n  ours {b}"));
                }
            }
        }
    }
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
    println!("{compared} compared");
}

/// AF_UNIX in every state.
#[test]
fn unix_sockets() {
    const UNIX: &[(i32, i32, i32)] = &[
        (libc::AF_UNIX, libc::SOCK_STREAM, 0),
        (libc::AF_UNIX, libc::SOCK_DGRAM, 0),
        (libc::AF_UNIX, libc::SOCK_SEQPACKET, 0),
    ];
    for open in [fresh, bound, listening, connected, paired, shut_down, left_alone] as [Open; 7] {
        compare_in(open, SOL_SOCKET, 0..100, UNIX, true);
    }
    compare(SOL_SOCKET, 0..100, UNIX, false);
    for level in [-1, 0, 6, 17, 41, 263, 270] {
        compare(level, 0..8, UNIX, true);
    }
}
