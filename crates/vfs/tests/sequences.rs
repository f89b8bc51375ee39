//! Random sequences of calls on epolls, eventfds, pipes and descriptors: after every call, ours and the host's kernel give the same answer.
//!
//! `SOCKEYE_SEQUENCES=100000` runs as many; a failing one is shrunk and kept beside this file.

mod common;

use common::host::Host;
use common::{World, ops};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use std::cell::RefCell;

const EPOLLET: i64 = 1 << 31;
const EPOLLONESHOT: i64 = 1 << 30;
const EPOLLEXCLUSIVE: i64 = 1 << 28;

/// A descriptor: mostly one of the first, which are mostly open.
fn fd() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 3..12i64, 4 => 12..20i64, 1 => Just(-1), 1 => 0..3i64]
}

/// The same without those that stand for `/dev/null`, which can what no file of ours can.
fn own() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 3..12i64, 4 => 12..20i64, 1 => Just(-1)]
}

fn events() -> impl Strategy<Value = i64> {
    let wanted = prop_oneof![6 => Just(1), 2 => Just(4), 4 => Just(5), 1 => Just(0), 1 => 0..0x4000i64];
    let modes = prop_oneof![
        6 => Just(0), 3 => Just(EPOLLET), 2 => Just(EPOLLONESHOT), 1 => Just(EPOLLET | EPOLLONESHOT),
        1 => Just(EPOLLEXCLUSIVE), 1 => Just(EPOLLEXCLUSIVE | EPOLLET)
    ];
    (wanted, modes).prop_map(|(w, m)| w | m)
}

/// What makes descriptors.
fn creator() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("pipe2 2048".to_owned()),
        4 => (0..3, prop_oneof![Just(0), Just(1)]).prop_map(|(n, s)| format!("eventfd {n} {}", 2048 | s)),
        4 => Just("epoll_create1 0".to_owned()),
    ]
}

/// A few descriptors to begin with, so that most calls find what they need.
fn sequence() -> impl Strategy<Value = Vec<String>> {
    (vec(creator(), 0..8), vec(call(), 5..60)).prop_map(|(mut first, then)| {
        first.extend(then);
        first
    })
}

/// Always non-blocking: nobody would come to wake us.
fn call() -> impl Strategy<Value = String> {
    let size =
        || prop_oneof![3 => 1..10i64, 2 => 1..5000i64, 1 => 1..70000i64, 1 => Just(0), 1 => Just(4096)];
    prop_oneof![
        4 => creator(),
        1 => Just("pipe2 18432".to_owned()),
        14 => (fd(), fd(), events(), 0..100).prop_map(|(e, f, ev, d)| format!("epoll_ctl {e} 1 {f} {ev} {d}")),
        5 => (fd(), fd(), events(), 0..100).prop_map(|(e, f, ev, d)| format!("epoll_ctl {e} 3 {f} {ev} {d}")),
        3 => (fd(), fd()).prop_map(|(e, f)| format!("epoll_ctl {e} 2 {f} 0 0")),
        16 => (fd(), prop_oneof![1..4i64, Just(50)]).prop_map(|(e, n)| format!("epoll_wait {e} {n} 0")),
        7 => (fd(), size(), 0..256).prop_map(|(f, n, b)| format!("write {f} {n} {b}")),
        7 => (fd(), prop_oneof![4 => 0..3i64, 1 => Just(-1), 1 => Just(-2), 1 => any::<i64>()])
            .prop_map(|(f, v)| format!("write8 {f} {v}")),
        9 => (fd(), prop_oneof![2 => Just(8), 3 => size()]).prop_map(|(f, n)| format!("read {f} {n}")),
        3 => fd().prop_map(|f| format!("close {f}")),
        3 => own().prop_map(|f| format!("dup {f}")),
        2 => (own(), fd()).prop_map(|(a, b)| format!("dup2 {a} {b}")),
        1 => (own(), fd(), prop_oneof![Just(0), Just(524288), Just(1)]).prop_map(|(a, b, f)| format!("dup3 {a} {b} {f}")),
        1 => (own(), -1..30i64).prop_map(|(f, n)| format!("fcntl {f} 0 {n}")),
        1 => (own(), 0..30i64).prop_map(|(f, n)| format!("fcntl {f} 1030 {n}")),
        1 => fd().prop_map(|f| format!("fcntl {f} 1")),
        1 => (fd(), 0..4).prop_map(|(f, n)| format!("fcntl {f} 2 {n}")),
        1 => fd().prop_map(|f| format!("fcntl {f} 3")),
        1 => (fd(), any::<u32>()).prop_map(|(f, n)| format!("fcntl {f} 4 {}", n & !0x4000 | 2048)),
        2 => (fd(), 0..2).prop_map(|(f, n)| format!("ioctl {f} 21586 {n}")),
        1 => fd().prop_map(|f| format!("ioctl {f} 21531 -1")),
        1 => (fd(), prop_oneof![Just(0i64), Just(4096), Just(5000), Just(65536)]).prop_map(|(f, n)| format!("fcntl {f} 1031 {n}")),
        1 => (fd(), fd()).prop_map(|(a, b)| format!("fcntl {a} 1027 {b}")),
        2 => vec((fd(), 0..0x4000i64), 1..6).prop_map(|v| {
            format!("poll {}", v.iter().map(|(f, e)| format!("{f} {e}")).collect::<Vec<_>>().join(" "))
        }),
        1 => (0..20i64, 0..1i64 << 20, 0..1i64 << 20, 0..1i64 << 20).prop_map(|(n, r, w, e)| format!("select {n} {r} {w} {e}")),
        1 => (0..20i64, 0..20i64, prop_oneof![Just(0), Just(4)]).prop_map(|(a, b, f)| format!("close_range {a} {b} {f}")),
        1 => (3..30i64).prop_map(|n| format!("rlimit {n}")),
        1 => (fd(), 0..3).prop_map(|(f, w)| format!("lseek {f} 0 {w}")),
        1 => fd().prop_map(|f| format!("name {f}")),
        3 => (own(), own(), size(), prop_oneof![9 => Just(-1), 1 => Just(0)])
            .prop_map(|(a, b, n, at)| format!("splice {a} {at} {b} -1 {n} 2")),
        2 => (own(), own(), size()).prop_map(|(a, b, n)| format!("tee {a} {b} {n} 2")),
        1 => (own(), own(), -1..2, 0..10).prop_map(|(a, b, at, n)| format!("sendfile {a} {b} {at} {n}")),
        2 => fd().prop_map(|f| format!("setown_self {f}")),
        1 => (fd(), prop_oneof![Just(0), Just(17), Just(29), Just(40)]).prop_map(|(f, s)| format!("fcntl {f} 10 {s}")),
        2 => Just("sigwait".to_owned()),
    ]
}

#[test]
fn sequences() {
    let Some(host) = Host::start() else { return };
    let host = RefCell::new(host);
    let cases = std::env::var("SOCKEYE_SEQUENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500);
    let config = ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/sequences.regressions"))),
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&sequence(), |calls| {
            let theirs = host.borrow_mut().run(&calls);
            let world = World::new();
            let (p, mut files) = (world.process(), world.files());
            let mail = ops::furnish(&p, &files);
            for (i, call) in calls.iter().enumerate() {
                let ours = ops::run(&p, &files, &mail, call);
                if ours != theirs[i] {
                    files.exit(&p);
                    let before = calls[..i].iter().zip(&theirs).map(|(c, t)| format!("{c} = {t}\n"));
                    return Err(TestCaseError::fail(format!(
                        "{}{call}: Linux {}, we {ours}",
                        before.collect::<String>(),
                        theirs[i]
                    )));
                }
            }
            files.exit(&p);
            drop(files);
            prop_assert_eq!(world.vfs.files_in_use(), 0);
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}
