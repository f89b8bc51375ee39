//! What must not allocate does not: looking a descriptor up, opening and closing warm files, events and waiting for them.

mod common;

use common::World;
use kern::context::Process;
use kern::wait::WaitQueue;
use sockeye_vfs::epoll::{epoll_create1, epoll_ctl, epoll_wait};
use sockeye_vfs::eventfd::eventfd;
use sockeye_vfs::file::{File, FileOps, Recycle};
use sockeye_vfs::poll::poll;
use sockeye_vfs::{Files, IovSink, IovSource, Stat, Timeout, rw};
use std::cell::RefCell;
use std::sync::Arc;
use uapi::fcntl::{O_NONBLOCK, O_RDWR};
use uapi::poll::{EPOLL_CTL_ADD, EPOLLET, EPOLLIN, EPOLLONESHOT, EpollEvent, PollFd};

/// After a few rounds to warm up, `work` allocates nothing.
fn allocates_nothing(what: &str, mut work: impl FnMut()) {
    (0..10).for_each(|_| work());
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| work()));
    assert_eq!(counted.count_total, 0, "{what}");
}

#[derive(Default)]
struct Bare(WaitQueue);

thread_local! {
    static POOL: RefCell<Vec<Arc<File>>> = const { RefCell::new(Vec::new()) };
}

impl FileOps for Bare {
    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.0)
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

fn warm(p: &Process<'_>, files: &Files) -> i32 {
    let made = files.open(p, 0, || {
        let pooled = POOL.with_borrow_mut(Vec::pop).inspect(|file| file.renew(O_RDWR));
        Ok(pooled.unwrap_or_else(|| File::new(Arc::new(Bare::default()), O_RDWR)))
    });
    made.unwrap()
}

#[test]
fn descriptors() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    let fd = warm(&p, &files);
    allocates_nothing("a look", || files.with(&p, fd, |file| assert!(file.readable())).unwrap());
    allocates_nothing("open and close", || {
        let fds = [(); 5].map(|()| warm(&p, &files));
        for fd in fds {
            files.close(&p, fd).unwrap();
        }
    });
    allocates_nothing("dup and close", || {
        let copy = files.dup(&p, fd).unwrap();
        files.dup2(&p, fd, 60).unwrap();
        files.close(&p, copy).unwrap();
    });
}

#[test]
fn events() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    let fd = eventfd(&p, &files, 0, O_NONBLOCK).unwrap();
    let inner = epoll_create1(&p, &files, 0).unwrap();
    for modes in [0, EPOLLET, EPOLLONESHOT] {
        let ep = epoll_create1(&p, &files, 0).unwrap();
        let event = Some(EpollEvent { events: EPOLLIN | modes, data: 1 });
        epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, event).unwrap();
        epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, inner, event).unwrap();
        if modes == 0 {
            epoll_ctl(&p, &files, inner, EPOLL_CTL_ADD, fd, event).unwrap();
        }
        let mut events = [EpollEvent::default(); 8];
        allocates_nothing("an event", || {
            rw::write(&p, &files, fd, &mut IovSource::from_slice(&1u64.to_ne_bytes()), false).unwrap();
            epoll_wait(&p, &files, ep, &mut events, 8, 0).unwrap();
            rw::read(&p, &files, fd, &mut IovSink::from_slice(&mut [0; 8]), false).unwrap();
            epoll_wait(&p, &files, ep, &mut events, 8, 0).unwrap();
        });
        // A thousand would take a second to sleep through; it is the path that matters.
        (0..3).for_each(|_| _ = epoll_wait(&p, &files, ep, &mut events, 8, 1));
        let counted = allocation_counter::measure(|| {
            (0..20).for_each(|_| _ = epoll_wait(&p, &files, ep, &mut events, 8, 1));
        });
        assert_eq!(counted.count_total, 0, "sleeping");
    }
    let mut fds = [PollFd { fd, events: 4, revents: 0 }];
    allocates_nothing("poll", || assert_eq!(poll(&p, &files, &mut fds, Timeout::Never), Ok(1)));
}
