//! The descriptors of a process: `struct files_struct`, and the calls that work on them.
//!
//! A table that belongs to one thread is read and changed without atomics; it turns shared when a thread is made
//! ([`Files::share`]), and then a look-up costs a lock and a reference.

use crate::fdtable::FdTable;
use crate::file::{File, fput};
use crate::vfs::Vfs;
use core::cell::OnceCell;
use kern::context::Process;
use kern::sync::SpinLock;
use std::sync::Arc;
use uapi::cap::CAP_SYS_ADMIN;
use uapi::fcntl::O_CLOEXEC;
use uapi::{Errno, Result};

/// So many opened or closed files a table counts on its own before it tells the machine.
const COUNT_BATCH: i64 = 16;
/// Below this limit nothing is batched, so that small limits are exact.
const EXACT_BELOW: u64 = 4096;

/// `close_range(2)`: leave the table to the others first.
pub const CLOSE_RANGE_UNSHARE: u32 = 2;
/// `close_range(2)`: mark, do not close.
pub const CLOSE_RANGE_CLOEXEC: u32 = 4;

/// The descriptors of a process or thread (`struct files_struct`).
#[derive(Debug)]
pub struct Files {
    vfs: Arc<Vfs>,
    private: FdTable,
    /// Once set, the table is here and `private` is empty for good.
    shared: OnceCell<Arc<Shared>>,
}

struct Shared(SpinLock<FdTable>);

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Shared")
    }
}

impl Files {
    /// An empty table with Linux's usual limit of 1024 descriptors.
    #[must_use]
    pub fn new(vfs: Arc<Vfs>) -> Self {
        let private = FdTable::default();
        private.rlimit.set(1024);
        Self { vfs, private, shared: OnceCell::new() }
    }

    /// What the tables of the machine share.
    #[must_use]
    pub fn vfs(&self) -> &Arc<Vfs> {
        &self.vfs
    }

    #[inline]
    fn table<R>(&self, f: impl FnOnce(&FdTable) -> R) -> R {
        match self.shared.get() {
            None => f(&self.private),
            Some(shared) => f(&shared.0.lock()),
        }
    }

    /// `RLIMIT_NOFILE`, soft.
    #[must_use]
    pub fn rlimit(&self) -> u64 {
        self.table(|t| t.rlimit.get())
    }

    /// Set `RLIMIT_NOFILE`; what is open stays open.
    pub fn set_rlimit(&self, soft: u64) {
        self.table(|t| t.rlimit.set(soft));
    }

    /// Room for so many descriptors is allocated (`FDSize`).
    #[must_use]
    pub fn size(&self) -> usize {
        self.table(FdTable::size)
    }

    // ---- looking up ----

    /// The file of a descriptor (`fget`); give it back with [`fput`].
    ///
    /// # Errors
    /// `EBADF` if there is none.
    #[inline]
    pub fn get(&self, fd: i32) -> Result<Arc<File>> {
        self.table(|t| t.with(fd, Arc::clone))
    }

    /// Look at the file of a descriptor for the time of a call (`fdget`, `fdput`).
    ///
    /// While the table belongs to one thread this touches no reference count. `f` may use the table as it likes; a close of `fd` in it
    /// takes effect when it is done.
    ///
    /// # Errors
    /// `EBADF` if there is none.
    #[inline]
    pub fn with<R>(&self, p: &Process<'_>, fd: i32, f: impl FnOnce(&Arc<File>) -> R) -> Result<R> {
        // `f` is called in one place, so that it becomes part of its caller.
        let mut shared = None;
        let private = match self.shared.get() {
            None => Some(self.private.look(fd)?),
            Some(_) => {
                shared = Some(self.get(fd)?);
                None
            }
        };
        let Some(file) = private.as_deref().or(shared.as_ref()) else { return Err(Errno::EBADF) };
        let result = f(file);
        drop(private);
        if let Some(file) = shared {
            fput(file, p);
        } else if self.private.has_doomed() {
            self.close_doomed(p);
        }
        Ok(result)
    }

    #[cold]
    fn close_doomed(&self, p: &Process<'_>) {
        while let Some(file) = self.private.take_doomed() {
            self.filp_close(file, p);
        }
    }

    /// Descriptors in use, in order.
    #[must_use]
    pub fn list(&self) -> Vec<i32> {
        self.table(|t| {
            let mut fds = Vec::new();
            let mut from = 0;
            while let Some(fd) = t.next_taken(from) {
                from = fd as u32 + 1;
                if t.with(fd, |_| ()).is_ok() {
                    fds.push(fd);
                }
            }
            fds
        })
    }

    // ---- opening, in two steps as the kernel does ----

    /// Take the lowest free descriptor (`get_unused_fd_flags`); `flags` may have `O_CLOEXEC`. Nobody sees it before [`Files::install`].
    ///
    /// # Errors
    /// `EMFILE` at `RLIMIT_NOFILE` or `nr_open`.
    #[inline]
    pub fn reserve(&self, flags: u32) -> Result<i32> {
        let nr_open = self.vfs.nr_open();
        self.table(|t| t.reserve(0, t.rlimit.get(), nr_open, flags & O_CLOEXEC != 0))
    }

    /// Give a reserved descriptor back (`put_unused_fd`).
    pub fn put_unused(&self, fd: i32) {
        self.table(|t| t.put_unused(fd));
    }

    /// Show a file at a reserved descriptor (`fd_install`). The file comes back if the descriptor is not a reserved one: a mistake of
    /// the caller.
    #[inline]
    pub fn install(&self, fd: i32, file: Arc<File>) -> core::result::Result<(), Arc<File>> {
        self.table(|t| t.install(fd, file))
    }

    /// Count one more file of the machine, before it is made (`alloc_empty_file`).
    ///
    /// # Errors
    /// `ENFILE` at `file-max`, unless the caller may pass it.
    #[inline]
    pub fn charge(&self, p: &Process<'_>) -> Result<()> {
        let max = self.vfs.max_files();
        self.table(|t| {
            let mine = t.uncounted.get();
            let in_use = self.vfs.files_in_use().saturating_add_signed(mine);
            if in_use >= max && !p.capable(CAP_SYS_ADMIN) {
                return Err(Errno::ENFILE);
            }
            self.count(t, 1, max);
            Ok(())
        })
    }

    /// One file fewer: a charge whose file was never made, or that [`File::set_counted`] did not take over.
    #[inline]
    pub fn uncharge(&self) {
        let max = self.vfs.max_files();
        self.table(|t| self.count(t, -1, max));
    }

    #[inline]
    fn count(&self, t: &FdTable, n: i64, max: u64) {
        let mine = t.uncounted.get() + n;
        if mine.abs() >= COUNT_BATCH || max < EXACT_BELOW {
            self.vfs.add_in_use(mine);
            t.uncounted.set(0);
        } else {
            t.uncounted.set(mine);
        }
    }

    /// Open: take a descriptor, count the file, make it, show it. `flags` may have `O_CLOEXEC`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, then what `make` answers; nothing is left behind.
    #[inline]
    pub fn open(&self, p: &Process<'_>, flags: u32, make: impl FnOnce() -> Result<Arc<File>>) -> Result<i32> {
        let fd = self.reserve(flags)?;
        let made = self.charge(p).and_then(|()| make().inspect_err(|_| self.uncharge()));
        match made {
            Ok(file) => {
                if !file.set_counted(&self.vfs) {
                    self.uncharge();
                }
                match self.install(fd, file) {
                    Ok(()) => Ok(fd),
                    Err(file) => {
                        fput(file, p);
                        Err(Errno::EBADF)
                    }
                }
            }
            Err(e) => {
                self.put_unused(fd);
                Err(e)
            }
        }
    }

    // ---- closing ----

    /// `close(2)`.
    ///
    /// # Errors
    /// `EBADF` if there is nothing to close.
    #[inline]
    pub fn close(&self, p: &Process<'_>, fd: i32) -> Result<()> {
        if let Some(file) = self.table(|t| t.take(fd))? {
            self.filp_close(file, p);
        }
        Ok(())
    }

    /// A descriptor of this table let go of a file: its count comes back here, not to the machine.
    #[inline]
    fn filp_close(&self, file: Arc<File>, p: &Process<'_>) {
        if crate::file::put(file, p, Some(&self.vfs)) {
            self.uncharge();
        }
    }

    /// Close every descriptor that `pick` names.
    ///
    /// The files that end by it do so afterwards, the last one first: in the kernel they are a stack of work for the end of the call
    /// (`task_work_run`), and who gets a signal from whom shows it.
    fn close_where(
        &self,
        p: &Process<'_>,
        range: core::ops::RangeInclusive<u32>,
        pick: impl Fn(&FdTable, i32) -> bool,
    ) {
        let mut ending = Vec::new();
        let mut from = *range.start();
        while let Some(fd) = self.table(|t| t.next_taken(from)).filter(|&fd| fd as u32 <= *range.end()) {
            from = fd as u32 + 1;
            let taken = self.table(|t| if pick(t, fd) { t.take(fd) } else { Ok(None) });
            match taken {
                Ok(Some(file)) if Arc::strong_count(&file) == 1 => ending.push(file),
                Ok(Some(file)) => self.filp_close(file, p),
                Ok(None) | Err(_) => {}
            }
        }
        while let Some(file) = ending.pop() {
            self.filp_close(file, p);
        }
    }

    /// `close_range(2)`, for a table that need not be left first ([`Files::close_range_unshare`]).
    ///
    /// # Errors
    /// `EINVAL` for unknown flags or an empty range.
    pub fn close_range(&self, p: &Process<'_>, first: u32, last: u32, flags: u32) -> Result<()> {
        if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
            return Err(Errno::EINVAL);
        }
        if flags & CLOSE_RANGE_CLOEXEC == 0 {
            self.close_where(p, first..=last, |_, _| true);
            return Ok(());
        }
        self.table(|t| {
            let mut from = first;
            while let Some(fd) = t.next_taken(from).filter(|&fd| fd as u32 <= last) {
                t.set_close_on_exec(fd, true);
                from = fd as u32 + 1;
            }
        });
        Ok(())
    }

    /// `close_range(2)` with `CLOSE_RANGE_UNSHARE`: a table of one's own first, without what would be closed.
    ///
    /// # Errors
    /// As [`Files::close_range`].
    pub fn close_range_unshare(&mut self, p: &Process<'_>, first: u32, last: u32, flags: u32) -> Result<()> {
        if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
            return Err(Errno::EINVAL);
        }
        if self.is_shared() {
            let range = first..=last;
            let closes = flags & CLOSE_RANGE_CLOEXEC == 0;
            let mine = self.table(|t| t.fork(|fd| !(closes && range.contains(&(fd as u32)))));
            self.replace_table(p, mine);
        }
        self.close_range(p, first, last, flags)
    }

    /// `execve(2)`: close what is marked (`do_close_on_exec`), after leaving a shared table.
    pub fn exec(&mut self, p: &Process<'_>) {
        self.unshare(p);
        self.close_where(p, 0..=i32::MAX as u32, FdTable::close_on_exec);
    }

    /// The process ends (`exit_files`): close everything if nobody shares the table.
    pub fn exit(&mut self, p: &Process<'_>) {
        match self.shared.take() {
            Some(shared) => self.leave(p, shared),
            None => self.close_where(p, 0..=i32::MAX as u32, |_, _| true),
        }
        self.vfs.add_in_use(self.private.uncounted.take());
    }

    // ---- duplicating ----

    /// `dup(2)`.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    pub fn dup(&self, p: &Process<'_>, fd: i32) -> Result<i32> {
        self.dup_from(p, fd, 0, false)
    }

    fn dup_from(&self, p: &Process<'_>, fd: i32, from: u32, cloexec: bool) -> Result<i32> {
        let nr_open = self.vfs.nr_open();
        self.table(|t| {
            let file = t.with(fd, Arc::clone)?;
            match t.reserve(from, t.rlimit.get(), nr_open, cloexec) {
                Ok(new) => t.install(new, file).map(|()| new).map_err(|f| (Some(f), Errno::EMFILE)),
                Err(e) => Err((Some(file), e)),
            }
            .map_err(|(file, e)| Failed { file, errno: e })
        })
        .map_err(|failed: Failed| failed.give_up(p))
    }

    /// `F_DUPFD`, `F_DUPFD_CLOEXEC` (`f_dupfd`).
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` if `from` is at or beyond the limit; `EMFILE`.
    pub fn fcntl_dupfd(&self, p: &Process<'_>, fd: i32, from: u32, cloexec: bool) -> Result<i32> {
        self.table(|t| t.with(fd, |_| ()))?;
        if u64::from(from) >= self.rlimit() {
            return Err(Errno::EINVAL);
        }
        self.dup_from(p, fd, from, cloexec)
    }

    /// `dup2(2)`.
    ///
    /// # Errors
    /// `EBADF` for a descriptor that is not open or beyond the limit, `EBUSY` if the new one is just being opened.
    pub fn dup2(&self, p: &Process<'_>, old: i32, new: i32) -> Result<i32> {
        if old == new {
            self.table(|t| t.with(old, |_| ()))?;
            return Ok(new);
        }
        self.dup_onto(p, old, new, false)
    }

    /// `dup3(2)`.
    ///
    /// # Errors
    /// `EINVAL` for other flags than `O_CLOEXEC` or a descriptor onto itself; else as `dup2`.
    pub fn dup3(&self, p: &Process<'_>, old: i32, new: i32, flags: u32) -> Result<i32> {
        if flags & !O_CLOEXEC != 0 || old == new {
            return Err(Errno::EINVAL);
        }
        self.dup_onto(p, old, new, flags & O_CLOEXEC != 0)
    }

    fn dup_onto(&self, p: &Process<'_>, old: i32, new: i32, cloexec: bool) -> Result<i32> {
        let nr_open = u64::from(self.vfs.nr_open());
        let replaced = self.table(|t| {
            let end = t.rlimit.get().min(nr_open);
            if u64::from(new as u32) >= end {
                return Err(Errno::EBADF.into());
            }
            let file = t.with(old, Arc::clone)?;
            t.replace(new, file, cloexec).map_err(|file| Failed { file: Some(file), errno: Errno::EBUSY })
        });
        if let Some(file) = replaced.map_err(|failed: Failed| failed.give_up(p))? {
            self.filp_close(file, p);
        }
        Ok(new)
    }

    // ---- flags ----

    /// `F_GETFD`: `FD_CLOEXEC` or 0.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn get_close_on_exec(&self, fd: i32) -> Result<bool> {
        self.table(|t| t.with(fd, |_| ()).map(|()| t.close_on_exec(fd)))
    }

    /// `F_SETFD`, `FIOCLEX`, `FIONCLEX`.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_close_on_exec(&self, fd: i32, on: bool) -> Result<()> {
        self.table(|t| {
            t.with(fd, |_| ())?;
            t.set_close_on_exec(fd, on);
            Ok(())
        })
    }

    // ---- processes and threads ----

    /// Whether threads share the table.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.get().is_some_and(|s| Arc::strong_count(s) > 1)
    }

    /// The same table for a thread (`CLONE_FILES`).
    #[must_use]
    pub fn share(&mut self) -> Files {
        let table = &mut self.private;
        let shared = self.shared.get_or_init(|| Arc::new(Shared(SpinLock::new(core::mem::take(table)))));
        Files { vfs: self.vfs.clone(), private: FdTable::default(), shared: OnceCell::from(shared.clone()) }
    }

    /// A copy of the table for a new process (`fork(2)`, `dup_fd`).
    #[must_use]
    pub fn fork(&self) -> Files {
        Files { vfs: self.vfs.clone(), private: self.table(|t| t.fork(|_| true)), shared: OnceCell::new() }
    }

    /// A table of one's own (`unshare(CLONE_FILES)`).
    pub fn unshare(&mut self, p: &Process<'_>) {
        match self.shared.take() {
            None => {}
            Some(shared) => match Arc::try_unwrap(shared) {
                Ok(mine) => self.private = mine.0.into_inner(),
                Err(shared) => {
                    let mine = shared.0.lock().fork(|_| true);
                    self.private = mine;
                    self.leave(p, shared);
                }
            },
        }
    }

    fn replace_table(&mut self, p: &Process<'_>, mine: FdTable) {
        self.private = mine;
        if let Some(shared) = self.shared.take() {
            self.leave(p, shared);
        }
    }

    /// Let go of a shared table; whoever is the last closes what is in it.
    fn leave(&self, p: &Process<'_>, shared: Arc<Shared>) {
        if let Some(last) = Arc::into_inner(shared) {
            let files =
                Files { vfs: self.vfs.clone(), private: last.0.into_inner(), shared: OnceCell::new() };
            files.close_where(p, 0..=i32::MAX as u32, |_, _| true);
            self.vfs.add_in_use(files.private.uncounted.take());
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.vfs.add_in_use(self.private.uncounted.take());
    }
}

/// A call that failed with a reference in hand, which must not be dropped under the table's lock.
struct Failed {
    file: Option<Arc<File>>,
    errno: Errno,
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        Self { file: None, errno }
    }
}

impl Failed {
    fn give_up(self, p: &Process<'_>) -> Errno {
        if let Some(file) = self.file {
            fput(file, p);
        }
        self.errno
    }
}
