//! What descriptors and epolls cost in nanoseconds, on one thread: `cargo bench -p sockeye-vfs`.

use kern::context::{Cpu, CpuIds, Process};
use kern::cred::Cred;
use kern::park::ThreadSleeper;
use kern::signals::Signals;
use kern::time::VirtualClock;
use kern::wait::WaitQueue;
use sockeye_vfs::epoll::{epoll_create1, epoll_ctl, epoll_wait};
use sockeye_vfs::file::{File, FileOps, Recycle};
use sockeye_vfs::poll::poll;
use sockeye_vfs::{Files, Stat, Timeout, Vfs};
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use uapi::fcntl::O_RDWR;
use uapi::poll::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLET, EPOLLIN, EPOLLOUT, EpollEvent, PollFd};

/// The best of several runs: others share the machine.
fn bench(name: &str, mut work: impl FnMut()) {
    const TURNS: u32 = 100_000;
    let mut run = || {
        let start = Instant::now();
        (0..TURNS).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(TURNS)
    };
    let best = (0..15).map(|_| run()).fold(f64::MAX, f64::min);
    println!("{name:46} {best:7.1} ns");
}

/// The cheapest file there can be, so that what remains is ours.
#[derive(Default)]
struct Bare {
    ready: AtomicBool,
    wq: WaitQueue,
}

thread_local! {
    static POOL: RefCell<Vec<Arc<File>>> = const { RefCell::new(Vec::new()) };
}

impl FileOps for Bare {
    fn poll(&self, _: &Process<'_>, _: &File) -> u32 {
        if self.ready.load(Relaxed) { EPOLLIN } else { 0 }
    }
    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.wq)
    }
    fn stat(&self) -> Stat {
        Stat::default()
    }
    fn name(&self) -> String {
        "bare".into()
    }
    fn release(&self, _: &Process<'_>, _: &File) {}
    fn release_detached(&self) {}
    fn recycler(&self) -> Option<Recycle> {
        Some(|file, _| POOL.with_borrow_mut(|pool| pool.push(file)))
    }
}

fn make() -> Arc<File> {
    match POOL.with_borrow_mut(Vec::pop) {
        Some(mut file) => {
            if let Some(file) = Arc::get_mut(&mut file) {
                file.renew(O_RDWR);
            }
            file
        }
        None => File::new(Arc::new(Bare::default()), O_RDWR),
    }
}

fn raise(p: &Process<'_>, files: &Files, fd: i32, ready: bool, mask: u32) {
    let _ = files.with(p, fd, |file| {
        if let Some(bare) = file.downcast::<Bare>() {
            bare.ready.store(ready, Relaxed);
            bare.wq.wake(mask);
        }
    });
}

fn main() {
    let clock = Arc::new(VirtualClock::default());
    let sleeper = Arc::new(ThreadSleeper::new(clock.clone(), 1));
    let cpu = Cpu::new(&CpuIds::new(), clock, sleeper);
    let (cred, signals) = (Cred::nobody(), Signals::new());
    let p = Process::enter(&cpu, &cred, &signals);
    let vfs = Vfs::new();
    let mut files = Files::new(vfs);

    println!("File: {} bytes", size_of::<File>());
    let fd = files.open(&p, 0, || Ok(make())).expect("there is room");
    bench("look at a file", || {
        let _ = black_box(&files).with(&p, black_box(fd), |file| black_box(file.flags()));
    });
    bench("get a file, fput", || {
        if let Ok(file) = black_box(&files).get(fd) {
            sockeye_vfs::fput(black_box(file), &p);
        }
    });
    bench("open, close, warm", || {
        let fd = files.open(&p, 0, || Ok(make()));
        let _ = files.close(&p, black_box(fd).unwrap_or(-1));
    });
    bench("dup, close", || {
        let copy = files.dup(&p, fd);
        let _ = files.close(&p, black_box(copy).unwrap_or(-1));
    });

    let ep = epoll_create1(&p, &files, 0).expect("there is room");
    let level = Some(EpollEvent { events: EPOLLIN, data: 1 });
    bench("epoll_ctl add, del", || {
        let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, level);
        let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_DEL, fd, None);
    });
    let mut events = [EpollEvent::default(); 64];
    bench("epoll_wait, nothing", || {
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
    });
    let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, level);
    bench("wake for what nobody watches", || raise(&p, &files, fd, false, EPOLLOUT));
    bench("event, epoll_wait, no event, epoll_wait", || {
        raise(&p, &files, fd, true, EPOLLIN);
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
        raise(&p, &files, fd, false, EPOLLOUT);
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
    });
    raise(&p, &files, fd, true, EPOLLIN);
    bench("epoll_wait, one ready for long", || {
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
    });
    let mut fds = [PollFd { fd, events: 1, revents: 0 }];
    bench("poll, one ready", || {
        let _ = black_box(poll(&p, &files, &mut fds, Timeout::After(0)));
    });
    let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_DEL, fd, None);
    let edge = Some(EpollEvent { events: EPOLLIN | EPOLLET, data: 1 });
    let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, edge);
    bench("event, epoll_wait, edge-triggered", || {
        raise(&p, &files, fd, true, EPOLLIN);
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
    });

    files.set_rlimit(1 << 20);
    let many: Vec<i32> = (0..50_000).filter_map(|_| files.open(&p, 0, || Ok(make())).ok()).collect();
    for &fd in &many {
        let _ = epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, level);
    }
    let mut at = 0;
    bench("look at a file, among 50000", || {
        at = (at + 7919) % many.len();
        let _ = files
            .with(&p, many[at], |file| black_box(file.downcast::<Bare>().map(|b| b.ready.load(Relaxed))));
    });
    bench("wake for what nobody watches, among 50000", || {
        at = (at + 7919) % many.len();
        raise(&p, &files, many[at], false, EPOLLOUT);
    });
    bench("event, epoll_wait ×2, among 50000", || {
        at = (at + 7919) % many.len();
        raise(&p, &files, many[at], true, EPOLLIN);
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
        raise(&p, &files, many[at], false, EPOLLOUT);
        let _ = black_box(epoll_wait(&p, &files, ep, &mut events, 64, 0));
    });
    bench("open, close, among 50000", || {
        let fd = files.open(&p, 0, || Ok(make()));
        let _ = files.close(&p, black_box(fd).unwrap_or(-1));
    });

    let thread = files.share();
    bench("look at a file, shared table", || {
        let _ = black_box(&files).with(&p, black_box(fd), |file| black_box(file.flags()));
    });
    drop(thread);
}
