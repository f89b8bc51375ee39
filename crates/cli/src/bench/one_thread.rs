//! One thread, sockets that do not block: what a call costs.

use super::Run;
use super::data::{BLOCK, Datagrams, Sink, Source};
use super::world::{listener, local, namespace, pair, pair_at, port_of, udp};
use sockeye::Task;
use std::net::Ipv4Addr;
use uapi::socket::{AF_INET, SOCK_DGRAM, SOCK_STREAM};
use uapi::{Errno, Result as Answer};

type Outcome = Result<(), String>;

fn set_up<T>(result: Answer<T>) -> Result<T, String> {
    result.map_err(|errno| format!("set-up: {errno:?}"))
}

pub(super) fn socket_create(run: &Run<'_>) -> Outcome {
    let kind = if run.is_tcp()? { SOCK_STREAM } else { SOCK_DGRAM };
    let task = Task::new(&namespace(0)?);
    let rate = run.rate(|| {
        for _ in 0..256 {
            task.close(std::hint::black_box(task.socket(AF_INET, kind, 0)?))?;
        }
        Ok(256)
    })?;
    run.report("socket_create", rate, "pairs/s");
    Ok(())
}

pub(super) fn socket_bulk(run: &Run<'_>) -> Outcome {
    let kind = if run.is_tcp()? { SOCK_STREAM } else { SOCK_DGRAM };
    let n = run.number("n", 10_000)?;
    let task = Task::new(&namespace(0)?);
    task.files().set_rlimit(n as u64 + 16);
    let mut fds = Vec::with_capacity(n);
    let rate = run.rate(|| {
        for _ in 0..n {
            fds.push(task.socket(AF_INET, kind, 0)?);
        }
        for fd in fds.drain(..) {
            task.close(fd)?;
        }
        Ok(n as u64)
    })?;
    run.report("socket_bulk", rate, "pairs/s");
    Ok(())
}

pub(super) fn udp_rr(run: &Run<'_>) -> Outcome {
    let task = Task::new(&namespace(0)?);
    let (a, b) = (set_up(udp(&task, 7001, true))?, set_up(udp(&task, 7002, true))?);
    let to_b = local(7002);
    let (mut buf, mut from) = ([0; 16], [0; 16]);
    let mut seq = 0u8;
    let rate = run.rate(|| {
        for _ in 0..256 {
            seq = seq.wrapping_add(1);
            task.sendto(a, &[seq], 0, to_b)?;
            let (n, len) = task.recvfrom(b, &mut buf, 0, &mut from)?;
            assert!(n == 1 && buf[0] == seq, "the request is another");
            task.sendto(b, &[!seq], 0, &from[..len])?;
            let (n, len) = task.recvfrom(a, &mut buf, 0, &mut from)?;
            assert!(n == 1 && buf[0] == !seq && port_of(&from[..len]) == 7002, "the reply is another");
        }
        Ok(256)
    })?;
    run.report("udp_rr", rate, "round trips/s");
    Ok(())
}

pub(super) fn udp_stream(run: &Run<'_>) -> Outcome {
    const BATCH: u64 = 32;
    let datagrams = Datagrams::new(run.number("size", 64)?);
    let task = Task::new(&namespace(run.number("mtu", 0)?)?);
    let (a, b) = (set_up(udp(&task, 7001, true))?, set_up(udp(&task, 7002, true))?);
    let to_b = local(7002);
    let mut out = datagrams.template();
    let mut buf = vec![0; 65536];
    let mut from = [0; 16];
    let (mut sent, mut got) = (0u64, 0u64);
    let rate = run.rate(|| {
        for _ in 0..8 {
            for _ in 0..BATCH {
                out[..8].copy_from_slice(&sent.to_le_bytes());
                task.sendto(a, &out, 0, to_b)?;
                sent += 1;
            }
            while got < sent {
                let (n, len) = task.recvfrom(b, &mut buf, 0, &mut from)?;
                datagrams.check(&buf[..n], got);
                assert!(port_of(&from[..len]) == 7001, "a stranger's datagram");
                got += 1;
            }
        }
        Ok(8 * BATCH)
    })?;
    run.report("udp_stream", rate, "datagrams/s");
    Ok(())
}

/// A byte from one end to the other.
fn ping(task: &Task, from: i32, to: i32, byte: u8) -> Answer<()> {
    let mut buf = [0; 16];
    assert!(task.send(from, &[byte], 0)? == 1, "a byte was not taken");
    let n = task.recv(to, &mut buf, 0)?;
    assert!(n == 1 && buf[0] == byte, "another byte came");
    Ok(())
}

/// Round trips on a connection.
pub(super) fn round_trips(run: &Run<'_>, task: &Task, a: i32, b: i32, batch: u64) -> Result<f64, String> {
    let mut seq = 0u8;
    run.rate(|| {
        for _ in 0..batch {
            seq = seq.wrapping_add(1);
            ping(task, a, b, seq)?;
            ping(task, b, a, !seq)?;
        }
        Ok(batch)
    })
}

pub(super) fn tcp_rr(run: &Run<'_>) -> Outcome {
    let task = Task::new(&namespace(0)?);
    let listener = set_up(listener(&task, 9000))?;
    let (a, b) = set_up(pair(&task, listener, 9000, true))?;
    let rate = round_trips(run, &task, a, b, 128)?;
    run.report("tcp_rr", rate, "round trips/s");
    Ok(())
}

pub(super) fn tcp_stream(run: &Run<'_>) -> Outcome {
    let task = Task::new(&namespace(run.number("mtu", 0)?)?);
    let listener = set_up(listener(&task, 9000))?;
    let (a, b) = set_up(pair(&task, listener, 9000, true))?;
    let (mut source, mut sink) = (Source::new(), Sink::new());
    let mut buf = vec![0; BLOCK];
    let rate = run.rate(|| {
        let before = sink.got;
        for _ in 0..64 {
            let n = match task.send(a, source.chunk(), 0) {
                Err(Errno::EAGAIN) => 0,
                sent => sent?,
            };
            source.advance(n);
            while sink.got < source.sent {
                match task.recv(b, &mut buf, 0) {
                    // What is left waits for an acknowledgement.
                    Err(Errno::EAGAIN) => break,
                    got => sink.check(&buf[..got?]),
                }
            }
        }
        Ok(sink.got - before)
    })?;
    run.report("tcp_stream", rate, "B/s");
    Ok(())
}

pub(super) fn tcp_crr(run: &Run<'_>) -> Outcome {
    let task = Task::new(&namespace(0)?);
    let listener = set_up(listener(&task, 9000))?;
    let mut seq = 0u8;
    let rate = run.rate(|| {
        for i in 0..64 {
            seq = seq.wrapping_add(1);
            // Each closed connection keeps its addresses and ports for a minute, and one address has
            // 28,000 ports: the host has more addresses.
            let host = Ipv4Addr::new(127, 0, 0, 1 + i);
            let (a, b) = pair_at(&task, listener, host, 9000, true)?;
            ping(&task, a, b, seq)?;
            ping(&task, b, a, !seq)?;
            task.close(a)?;
            task.close(b)?;
        }
        Ok(64)
    })?;
    run.report("tcp_crr", rate, "connections/s");
    Ok(())
}
