//! Two threads of one process that block in their calls.

use super::data::{BLOCK, Sink, Source};
use super::world::{listener, local, namespace, pair, port_of, udp};
use super::{Run, pin};
use sockeye::Task;
use std::thread;
use std::time::Instant;
use uapi::Result as Answer;
use uapi::socket::SHUT_WR;

type Outcome = Result<(), String>;

fn failed(errno: uapi::Errno) -> String {
    format!("{errno:?}: {errno}")
}

fn joined(handle: thread::JoinHandle<Answer<u64>>) -> Result<u64, String> {
    handle.join().map_err(|_| "the other thread panicked".to_owned())?.map_err(failed)
}

pub(super) fn udp_rr(run: &Run<'_>) -> Outcome {
    let cpu = run.partner_cpu()?;
    let mut task = Task::new(&namespace(0)?);
    let (a, b) = (udp(&task, 7001, false).map_err(failed)?, udp(&task, 7002, false).map_err(failed)?);
    let other = task.thread();
    let echo = thread::spawn(move || {
        pin(cpu);
        let (mut buf, mut from) = ([0; 16], [0; 16]);
        loop {
            let (n, len) = other.recvfrom(b, &mut buf, 0, &mut from)?;
            assert!(n == 1, "a datagram of {n} bytes");
            if buf[0] == 0 {
                return Ok(0);
            }
            other.sendto(b, &[!buf[0]], 0, &from[..len])?;
        }
    });
    let to_b = local(7002);
    let (mut buf, mut from) = ([0; 16], [0; 16]);
    let mut seq = 1u8;
    let rate = run.rate(|| {
        for _ in 0..64 {
            // 0 ends the other thread.
            seq = seq % 254 + 1;
            task.sendto(a, &[seq], 0, to_b)?;
            let (n, len) = task.recvfrom(a, &mut buf, 0, &mut from)?;
            assert!(n == 1 && buf[0] == !seq && port_of(&from[..len]) == 7002, "the reply is another");
        }
        Ok(64)
    })?;
    task.sendto(a, &[0], 0, to_b).map_err(failed)?;
    joined(echo)?;
    run.report("udp_rr_2t", rate, "round trips/s");
    Ok(())
}

fn connection(task: &Task) -> Result<(i32, i32), String> {
    let listener = listener(task, 9000).map_err(failed)?;
    pair(task, listener, 9000, false).map_err(failed)
}

pub(super) fn tcp_rr(run: &Run<'_>) -> Outcome {
    let cpu = run.partner_cpu()?;
    let mut task = Task::new(&namespace(0)?);
    let (a, b) = connection(&task)?;
    let other = task.thread();
    let echo = thread::spawn(move || {
        pin(cpu);
        let mut buf = [0; 16];
        while other.recv(b, &mut buf, 0)? == 1 {
            other.send(b, &[!buf[0]], 0)?;
        }
        other.shutdown(b, SHUT_WR)?;
        Ok(0)
    });
    let mut buf = [0; 16];
    let mut seq = 0u8;
    let rate = run.rate(|| {
        for _ in 0..64 {
            seq = seq.wrapping_add(1);
            task.send(a, &[seq], 0)?;
            assert!(task.recv(a, &mut buf, 0)? == 1 && buf[0] == !seq, "the reply is another");
        }
        Ok(64)
    })?;
    task.shutdown(a, SHUT_WR).map_err(failed)?;
    joined(echo)?;
    run.report("tcp_rr_2t", rate, "round trips/s");
    Ok(())
}

pub(super) fn tcp_stream(run: &Run<'_>) -> Outcome {
    /// Bytes before the clock starts.
    const WARM: u64 = 16 << 20;
    let (cpu, time) = (run.partner_cpu()?, run.time);
    let mut task = Task::new(&namespace(run.number("mtu", 0)?)?);
    let (a, b) = connection(&task)?;
    let other = task.thread();
    let writer = thread::spawn(move || {
        pin(cpu);
        let mut source = Source::new();
        let mut start = None;
        loop {
            source.advance(other.send(a, source.chunk(), 0)?);
            if source.sent >= WARM && start.get_or_insert_with(Instant::now).elapsed() >= time {
                break;
            }
        }
        other.shutdown(a, SHUT_WR)?;
        Ok(source.sent)
    });
    let mut sink = Sink::new();
    let mut buf = vec![0; BLOCK];
    let mut start = None;
    loop {
        let n = task.recv(b, &mut buf, 0).map_err(failed)?;
        if n == 0 {
            break;
        }
        sink.check(&buf[..n]);
        if start.is_none() && sink.got >= WARM {
            start = Some((Instant::now(), sink.got));
        }
    }
    let (start, skipped) = start.ok_or("the stream ended early")?;
    let spent = start.elapsed();
    let sent = joined(writer)?;
    assert!(sent == sink.got, "{} bytes were lost", sent - sink.got);
    run.report("tcp_stream_2t", (sink.got - skipped) as f64 / spent.as_secs_f64(), "B/s");
    Ok(())
}
