//! Descriptor tables: who shares them, what is counted, and when a file ends.

mod common;

use common::{Machine, World};
use kern::context::Process;
use kern::cred::Cred;
use sockeye_vfs::epoll::{epoll_create1, epoll_ctl, epoll_wait};
use sockeye_vfs::eventfd::eventfd;
use sockeye_vfs::file::{File, FileOps, fput};
use sockeye_vfs::files::{CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE};
use sockeye_vfs::{Files, Stat};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use uapi::Errno;
use uapi::fcntl::{O_CLOEXEC, O_RDWR};
use uapi::poll::{EPOLL_CTL_ADD, EpollEvent};

/// Counts its ends.
#[derive(Default)]
struct Probe {
    released: Arc<AtomicU32>,
    detached: Arc<AtomicU32>,
}

impl FileOps for Probe {
    fn stat(&self) -> Stat {
        Stat::default()
    }
    fn name(&self) -> String {
        "probe".into()
    }
    fn release(&self, _: &Process<'_>, _: &File) {
        self.released.fetch_add(1, SeqCst);
    }
    fn release_detached(&self) {
        self.detached.fetch_add(1, SeqCst);
    }
}

fn probe(p: &Process<'_>, files: &Files, flags: u32) -> (i32, Arc<AtomicU32>, Arc<AtomicU32>) {
    let probe = Probe::default();
    let (released, detached) = (probe.released.clone(), probe.detached.clone());
    let fd = files.open(p, flags, || Ok(File::new(Arc::new(probe), O_RDWR))).unwrap();
    (fd, released, detached)
}

#[test]
fn the_last_descriptor_ends_the_file() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    let (fd, released, detached) = probe(&p, &files, 0);
    let copy = files.dup(&p, fd).unwrap();
    let held = files.get(copy).unwrap();
    files.close(&p, fd).unwrap();
    files.close(&p, copy).unwrap();
    assert_eq!(released.load(SeqCst), 0);
    fput(held, &p);
    assert_eq!((released.load(SeqCst), detached.load(SeqCst)), (1, 0));
    assert_eq!(files.close(&p, fd), Err(Errno::EBADF));
}

#[test]
fn a_reference_dropped_outside_any_call_ends_it_too() {
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    let (fd, released, detached) = probe(&p, &files, 0);
    let held = files.get(fd).unwrap();
    files.exit(&p);
    assert_eq!(world.vfs.files_in_use(), 1);
    drop(held);
    assert_eq!((released.load(SeqCst), detached.load(SeqCst)), (0, 1));
    assert_eq!(world.vfs.files_in_use(), 0);
}

#[test]
fn a_call_may_change_the_table_while_it_looks() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    let (fd, released, _) = probe(&p, &files, 0);
    let opened = files
        .with(&p, fd, |file| {
            // What recvmsg(2) does when descriptors come with a message,
            let (a, ..) = probe(&p, &files, 0);
            let (b, ..) = (0..500).map(|_| probe(&p, &files, 0)).last().unwrap();
            assert_eq!(files.dup(&p, fd), Ok(b + 1));
            // and what nobody should do.
            assert_eq!(files.close(&p, fd), Ok(()));
            assert_eq!(files.close(&p, fd), Err(Errno::EBADF));
            assert_eq!(file.ops().name(), "probe");
            (a, b)
        })
        .unwrap();
    assert_eq!(opened, (1, 501));
    assert_eq!(files.get(fd).err(), Some(Errno::EBADF));
    assert_eq!(released.load(SeqCst), 0);
    files.close(&p, 502).unwrap();
    assert_eq!(released.load(SeqCst), 1);
    assert_eq!(probe(&p, &files, 0).0, 0);
}

#[test]
fn a_reserved_descriptor_is_nobodys() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    let fd = files.reserve(0).unwrap();
    assert_eq!(files.get(fd).err(), Some(Errno::EBADF));
    assert_eq!(files.close(&p, fd), Err(Errno::EBADF));
    let (other, ..) = probe(&p, &files, 0);
    assert_eq!(files.dup2(&p, other, fd), Err(Errno::EBUSY));
    let child = files.fork();
    assert_eq!(child.reserve(0), Ok(fd));
    files.put_unused(fd);
    assert_eq!(files.reserve(0), Ok(fd));
    let file = files.get(other).unwrap();
    assert!(files.install(fd, file.clone()).is_ok());
    assert!(files.install(fd, file.clone()).is_err());
    assert!(files.install(99, file).is_err());
}

#[test]
fn forks_copy_threads_share() {
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    let (kept, kept_end, _) = probe(&p, &files, 0);
    let (marked, marked_end, _) = probe(&p, &files, O_CLOEXEC);
    let mut child = files.fork();
    assert_eq!(child.get_close_on_exec(marked), Ok(true));
    child.exec(&p);
    assert_eq!(child.list(), [kept]);
    assert_eq!((files.list(), marked_end.load(SeqCst)), (vec![kept, marked], 0));

    let mut thread = files.share();
    assert!(files.is_shared() && thread.is_shared());
    thread.close(&p, marked).unwrap();
    assert_eq!((files.list(), marked_end.load(SeqCst)), (vec![kept], 1));
    let (new, ..) = probe(&p, &files, O_CLOEXEC);
    assert_eq!(thread.list(), [kept, new]);
    // execve leaves the shared table first.
    thread.exec(&p);
    assert_eq!((thread.list(), files.list()), (vec![kept], vec![kept, new]));
    assert!(!files.is_shared());
    for mut table in [thread, child, files] {
        assert_eq!(kept_end.load(SeqCst), 0);
        table.exit(&p);
    }
    assert_eq!(kept_end.load(SeqCst), 1);
    assert_eq!(world.vfs.files_in_use(), 0);
}

#[test]
fn the_last_sharer_closes() {
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    let (_, released, _) = probe(&p, &files, 0);
    let mut thread = files.share();
    files.exit(&p);
    assert_eq!(released.load(SeqCst), 0);
    thread.exit(&p);
    assert_eq!(released.load(SeqCst), 1);
}

#[test]
fn close_range_leaves_what_the_others_have() {
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    let ends: Vec<_> = (0..6).map(|_| probe(&p, &files, 0).1).collect();
    let mut thread = files.share();
    thread.close_range_unshare(&p, 2, 4, CLOSE_RANGE_UNSHARE).unwrap();
    assert_eq!((thread.list(), files.list()), (vec![0, 1, 5], vec![0, 1, 2, 3, 4, 5]));
    assert!(ends.iter().all(|e| e.load(SeqCst) == 0));
    thread.close_range_unshare(&p, 0, 0, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC).unwrap();
    assert_eq!(thread.get_close_on_exec(0), Ok(true));
    assert_eq!(files.get_close_on_exec(0), Ok(false));
    assert_eq!(thread.close_range_unshare(&p, 0, 0, 1), Err(Errno::EINVAL));
}

#[test]
fn limits_of_the_machine() {
    let machine = Machine::new();
    let mut world = machine.world();
    let root = machine.world();
    world.cred = Cred::nobody();
    machine.vfs.set_max_files(3);
    let (p, mut files) = (world.process(), world.files());
    let open = |p: &Process<'_>, files: &Files| {
        files.open(p, 0, || Ok(File::new(Arc::new(Probe::default()), O_RDWR)))
    };
    assert_eq!((open(&p, &files), open(&p, &files), open(&p, &files)), (Ok(0), Ok(1), Ok(2)));
    assert_eq!(open(&p, &files), Err(Errno::ENFILE));
    // Another descriptor is no other file.
    assert_eq!(files.dup(&p, 0), Ok(3));
    assert_eq!(epoll_create1(&p, &files, 0), Err(Errno::ENFILE));
    let (rp, mut root_files) = (root.process(), root.files());
    assert_eq!(open(&rp, &root_files), Ok(0));
    files.close(&p, 1).unwrap();
    assert_eq!(open(&p, &files), Err(Errno::ENFILE));
    root_files.exit(&rp);
    assert_eq!(open(&p, &files), Ok(1));
    // A call that fails leaves neither a count nor a descriptor.
    assert_eq!(files.open(&p, 0, || Err(Errno::ENOBUFS)), Err(Errno::ENFILE));
    machine.vfs.set_max_files(4);
    assert_eq!(files.open(&p, 0, || Err(Errno::ENOBUFS)), Err(Errno::ENOBUFS));
    assert_eq!(open(&p, &files), Ok(4));
    machine.vfs.set_nr_open(6);
    files.set_rlimit(100);
    assert_eq!((files.dup(&p, 0), files.dup(&p, 0)), (Ok(5), Err(Errno::EMFILE)));
    files.exit(&p);
    assert_eq!(machine.vfs.files_in_use(), 0);
}

#[test]
fn watches_are_limited() {
    let world = World::new();
    let (p, files) = (world.process(), world.files());
    world.vfs.set_max_user_watches(2);
    let ep = epoll_create1(&p, &files, 0).unwrap();
    let fds: Vec<_> = (0..3).map(|_| eventfd(&p, &files, 0, 0).unwrap()).collect();
    let add = |fd| epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fd, Some(EpollEvent { events: 1, data: 0 }));
    assert_eq!((add(fds[0]), add(fds[1]), add(fds[2])), (Ok(()), Ok(()), Err(Errno::ENOSPC)));
    files.close(&p, fds[0]).unwrap();
    assert_eq!(add(fds[2]), Ok(()));
    assert_eq!(add(ep), Err(Errno::EINVAL));
    assert_eq!(epoll_ctl(&p, &files, ep, EPOLL_CTL_ADD, fds[2], None), Err(Errno::EFAULT));
    files.close(&p, ep).unwrap();
    let mut events = [EpollEvent::default(); 1];
    assert_eq!(epoll_wait(&p, &files, ep, &mut events, 1, 0), Err(Errno::EBADF));
}

#[test]
fn fifty_thousand_descriptors() {
    let world = World::new();
    let (p, mut files) = (world.process(), world.files());
    files.set_rlimit(1 << 20);
    let (first, released, _) = probe(&p, &files, 0);
    for fd in 1..50_000 {
        assert_eq!(files.dup(&p, first), Ok(fd));
    }
    for fd in [49_998, 30_000, 4_097, 4_096, 64, 63, 1] {
        files.close(&p, fd).unwrap();
        assert_eq!(files.dup(&p, first), Ok(fd));
    }
    files.close_range(&p, 0, u32::MAX, 0).unwrap();
    assert_eq!(released.load(SeqCst), 1);
    files.exit(&p);
}
