//! A connection of the host's kernel over a [`Path`]: two namespaces, a TUN device in each, and between
//! them a thread that is the path.

use super::kernel::{
    Tun, be_urgent, connect, getsockopt, in_namespace, now, set_sysctl, setsockopt, tcp_socket, wait,
};
use crate::path::{Path, Profile};
use crate::series::{STEP, Sample, Series};
use sockeye::uapi::TcpInfo;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use zerocopy::{FromZeros, IntoBytes};

const RMEM: &str = "4096 8388608 8388608";

/// How the window of a connection with this congestion control goes.
///
/// # Errors
/// `EPERM` without the right to namespaces, `ENOENT` for a congestion control the host has not.
pub fn trajectory(profile: &Profile, cc: &str) -> io::Result<Series> {
    let side = |name: &'static str, addr: &'static str| {
        move || -> io::Result<Tun> {
            set_sysctl("net.ipv4.tcp_rmem", RMEM)?;
            let tun = Tun::new(name, 1500)?;
            tun.add_addr(addr.parse().map_err(io::Error::other)?, 24)?;
            Ok(tun)
        }
    };
    let (a, stream) = in_namespace(|| {
        let tun = side("tun-a", "10.7.0.1")()?;
        let fd = tcp_socket(false)?;
        setsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_CONGESTION, cc.as_bytes())?;
        Ok((tun, fd))
    })?;
    let (b, listener) = in_namespace(|| {
        let tun = side("tun-b", "10.7.0.2")()?;
        Ok((tun, TcpListener::bind("10.7.0.2:9")?))
    })?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            be_urgent();
            carry(&a, &b, Path::new(*profile), &over);
        });
        scope.spawn(move || {
            let Ok((mut stream, _)) = listener.accept() else { return };
            // When the path has gone, nobody tells.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
            let mut buf = vec![0; 1 << 18];
            while let Ok(1..) = stream.read(&mut buf) {}
        });
        let series = send(stream, profile, &over);
        over.store(true, Relaxed);
        series
    })
}

fn send(stream: OwnedFd, profile: &Profile, over: &AtomicBool) -> io::Result<Series> {
    connect(stream.as_raw_fd(), "10.7.0.2:9".parse().map_err(io::Error::other)?)?;
    let begin = now();
    let stream = TcpStream::from(stream);
    let mut series = Series::default();
    std::thread::scope(|scope| {
        let mut writer = stream.try_clone()?;
        scope.spawn(move || {
            let data = vec![0; 1 << 16];
            while writer.write_all(&data).is_ok() {}
        });
        be_urgent();
        for at in (0..profile.seconds * 1000).step_by(STEP as usize) {
            let left = (begin + at * 1_000_000).saturating_sub(now());
            std::thread::sleep(Duration::from_nanos(left));
            let mut info = TcpInfo::new_zeroed();
            getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_bytes())?;
            series.0.push(Sample::of(at, &info));
        }
        // A reset, so that nobody waits for what is on the way.
        setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, [1i32, 0].as_bytes())?;
        stream.shutdown(std::net::Shutdown::Both)?;
        drop(stream);
        std::thread::sleep(Duration::from_millis(200));
        over.store(true, Relaxed);
        Ok(series)
    })
}

/// Packets under way, the next to arrive on top: when, in which order, to the first, and the bytes.
type Flights = BinaryHeap<Reverse<(u64, u64, bool, Vec<u8>)>>;

/// Is the path between two devices, until it is over.
fn carry(a: &Tun, b: &Tun, mut path: Path, over: &AtomicBool) {
    let mut flights = Flights::new();
    let (mut seq, mut buf) = (0, vec![0; 1 << 16]);
    while !over.load(Relaxed) {
        let next = flights.peek().map_or(20_000_000, |Reverse((due, ..))| due.saturating_sub(now()));
        if next > 0 {
            wait([a.as_raw_fd(), b.as_raw_fd()], Some(next.min(20_000_000)));
        }
        for to_a in [false, true] {
            let from = if to_a { b } else { a };
            while let Some(len) = from.read(&mut buf) {
                let now = now();
                let due = if to_a { Some(path.back(now)) } else { path.forward(now, len) };
                if let Some(due) = due {
                    seq += 1;
                    flights.push(Reverse((due, seq, to_a, buf[..len].to_vec())));
                }
            }
        }
        while let Some(Reverse((due, ..))) = flights.peek()
            && *due <= now()
        {
            if let Some(Reverse((_, _, to_a, bytes))) = flights.pop() {
                if to_a { a } else { b }.write(&bytes);
            }
        }
    }
}
