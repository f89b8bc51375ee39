//! read(2), write(2), close(2), dup(2), fcntl(2), ioctl(2), fstat(2) and what else files answer to.

use super::Task;
use uapi::Result;
use uapi::fcntl::{F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK};
use vfs::fcntl::Arg;
use vfs::{IovSink, IovSource, Stat, rw};

impl Task {
    /// open(2) of what belongs to the namespace: `/dev/net/tun`, and files of `/proc/net` and `/proc/sys`. `flags` are `O_*`.
    ///
    /// # Errors
    /// `ENOENT` for another path; `EMFILE`, `ENFILE`; `EACCES` for writing what is not writable.
    ///
    /// ```
    /// use sockeye::{Net, Task};
    ///
    /// let task = Task::new(&Net::new());
    /// let fd = task.open("/proc/sys/net/ipv4/tcp_sack", 0)?;
    /// let mut buf = [0; 8];
    /// assert_eq!(task.read(fd, &mut buf), Ok(2));
    /// assert_eq!(&buf[..2], b"1\n");
    /// # Ok::<(), sockeye::uapi::Errno>(())
    /// ```
    pub fn open(&self, path: &str, flags: u32) -> Result<i32> {
        let p = self.process();
        self.files.open(&p, flags & O_CLOEXEC, || match path {
            "/dev/net/tun" => Ok(dev::tun::open(&p, self.net.stack(), flags)),
            _ => crate::proc::open(&p, &self.net, path, flags & !O_CLOEXEC),
        })
    }

    /// read(2).
    #[inline]
    pub fn read(&self, fd: i32, buf: &mut [u8]) -> Result<usize> {
        Task::interrupted(rw::read(&self.process(), &self.files, fd, &mut IovSink::from_slice(buf), false))
    }

    /// readv(2).
    pub fn readv(&self, fd: i32, to: &mut IovSink<'_>) -> Result<usize> {
        Task::interrupted(rw::read(&self.process(), &self.files, fd, to, true))
    }

    /// write(2).
    #[inline]
    pub fn write(&self, fd: i32, bytes: &[u8]) -> Result<usize> {
        self.written(
            fd,
            rw::write(&self.process(), &self.files, fd, &mut IovSource::from_slice(bytes), false),
        )
    }

    /// writev(2).
    pub fn writev(&self, fd: i32, from: &mut IovSource<'_>) -> Result<usize> {
        self.written(fd, rw::write(&self.process(), &self.files, fd, from, true))
    }

    #[inline]
    fn written(&self, fd: i32, result: Result<usize>) -> Result<usize> {
        match result {
            Ok(n) => Ok(n),
            Err(errno) => Err(self.files.get(fd).map_or(errno, |file| self.send_failed(&file, 0, errno))),
        }
    }

    /// pread(2).
    pub fn pread(&self, fd: i32, buf: &mut [u8], at: i64) -> Result<usize> {
        rw::pread(&self.process(), &self.files, fd, &mut IovSink::from_slice(buf), at)
    }

    /// pwrite(2).
    pub fn pwrite(&self, fd: i32, bytes: &[u8], at: i64) -> Result<usize> {
        rw::pwrite(&self.process(), &self.files, fd, &mut IovSource::from_slice(bytes), at)
    }

    /// lseek(2).
    pub fn lseek(&self, fd: i32, offset: i64, whence: i32) -> Result<i64> {
        rw::lseek(&self.process(), &self.files, fd, offset, whence)
    }

    /// fsync(2).
    pub fn fsync(&self, fd: i32) -> Result<()> {
        rw::fsync(&self.process(), &self.files, fd)
    }

    /// ftruncate(2).
    pub fn ftruncate(&self, fd: i32, length: i64) -> Result<()> {
        rw::ftruncate(&self.process(), &self.files, fd, length)
    }

    /// close(2).
    #[inline]
    pub fn close(&self, fd: i32) -> Result<()> {
        self.files.close(&self.process(), fd)
    }

    /// dup(2).
    pub fn dup(&self, fd: i32) -> Result<i32> {
        self.files.dup(&self.process(), fd)
    }

    /// dup2(2).
    pub fn dup2(&self, old: i32, new: i32) -> Result<i32> {
        self.files.dup2(&self.process(), old, new)
    }

    /// dup3(2).
    pub fn dup3(&self, old: i32, new: i32, flags: i32) -> Result<i32> {
        self.files.dup3(&self.process(), old, new, flags as u32)
    }

    /// fcntl(2).
    pub fn fcntl(&self, fd: i32, cmd: i32, arg: Arg<'_>) -> Result<i64> {
        vfs::fcntl::fcntl(&self.process(), &self.files, fd, cmd, arg)
    }

    /// Sets or clears `O_NONBLOCK` (`F_SETFL`).
    pub fn set_nonblocking(&self, fd: i32, on: bool) -> Result<()> {
        let flags = self.fcntl(fd, F_GETFL, Arg::Int(0))? as u64;
        let bit = u64::from(O_NONBLOCK);
        self.fcntl(fd, F_SETFL, Arg::Int(if on { flags | bit } else { flags & !bit })).map(drop)
    }

    /// ioctl(2); `arg` is the memory the argument points to.
    pub fn ioctl(&self, fd: i32, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        vfs::ioctl::ioctl(&self.process(), &self.files, fd, cmd, arg)
    }

    /// ioctl(2) of a command that fills an `int`, as `FIONREAD`.
    pub fn ioctl_int(&self, fd: i32, cmd: u32) -> Result<i32> {
        let mut arg = [0; 4];
        self.ioctl(fd, cmd, &mut arg)?;
        Ok(i32::from_ne_bytes(arg))
    }

    /// fstat(2).
    pub fn fstat(&self, fd: i32) -> Result<Stat> {
        self.files.with(&self.process(), fd, |file| file.ops().stat())
    }

    /// What the link `/proc/self/fd/N` shows: `socket:[12]`.
    pub fn readlink_fd(&self, fd: i32) -> Result<String> {
        self.files.with(&self.process(), fd, |file| file.ops().name())
    }

    /// mmap(2) of a descriptor: for sockets always an error.
    pub fn mmap(&self, fd: i32) -> Result<()> {
        let p = self.process();
        self.files.with(&p, fd, |file| file.ops().mmap(&p, file))?
    }

    /// pipe2(2).
    pub fn pipe2(&self, flags: i32) -> Result<[i32; 2]> {
        let (read, write) = vfs::pipe::pipe2(&self.process(), &self.files, flags as u32)?;
        Ok([read, write])
    }

    /// eventfd(2).
    pub fn eventfd(&self, count: u32, flags: i32) -> Result<i32> {
        vfs::eventfd::eventfd(&self.process(), &self.files, count, flags as u32)
    }

    /// splice(2) between a pipe and another file, without offsets: neither pipes nor sockets have any.
    pub fn splice(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        let moved = vfs::splice::splice(&self.process(), &self.files, from, false, to, false, len, flags);
        self.written(to, moved)
    }

    /// tee(2).
    pub fn tee(&self, from: i32, to: i32, len: usize, flags: u32) -> Result<usize> {
        self.written(to, vfs::splice::tee(&self.process(), &self.files, from, to, len, flags))
    }

    /// sendfile(2).
    pub fn sendfile(&self, to: i32, from: i32, offset: Option<&mut i64>, count: usize) -> Result<usize> {
        self.written(to, vfs::splice::sendfile(&self.process(), &self.files, to, from, offset, count))
    }
}
