//! `ioctl(2)` as far as it is the same for every file (`do_vfs_ioctl`).

use crate::fcntl::{get_owner, set_owner};
use crate::file::File;
use crate::files::Files;
use kern::context::Process;
use uapi::fcntl::{FASYNC, S_IFMT, S_IFSOCK};
use uapi::ioctl::{
    FIOASYNC, FIOCLEX, FIOGETOWN, FIONBIO, FIONCLEX, FIOQSIZE, FIOSETOWN, SIOCGPGRP, SIOCSPGRP,
};
use uapi::{Errno, Result};

/// Block size of the file system.
const FIGETBSZ: u32 = 2;
/// Stop a file system, and let it go on.
const FIFREEZE: u32 = 0xc004_5877;
const FITHAW: u32 = 0xc004_5878;
const FS_IOC_FIEMAP: u32 = 0xc020_660b;

/// `ioctl(2)`. `arg` is the memory the argument points to, of the command's size; too little of it answers `EFAULT`.
///
/// # Errors
/// `EBADF`; `ENOTTY` for a command that is not the file's; what the file says.
pub fn ioctl(p: &Process<'_>, files: &Files, fd: i32, cmd: u32, arg: &mut [u8]) -> Result<i32> {
    files.with(p, fd, |file| match cmd {
        FIOCLEX | FIONCLEX => files.set_close_on_exec(fd, cmd == FIOCLEX).map(|()| 0),
        FIONBIO => {
            file.set_nonblock(int(arg)? != 0);
            Ok(0)
        }
        FIOASYNC => {
            let on = int(arg)? != 0;
            if on != (file.flags() & FASYNC != 0) {
                file.ops().fasync().ok_or(Errno::ENOTTY)?.change(file, fd, on);
            }
            Ok(0)
        }
        FIGETBSZ => {
            let to = arg.first_chunk_mut().ok_or(Errno::EFAULT)?;
            *to = file.ops().stat().blksize.to_ne_bytes();
            Ok(0)
        }
        // Of all files here only sockets know these (`sock_ioctl`).
        FIOSETOWN | SIOCSPGRP if is_socket(file) => set_owner(p, files, file, int(arg)?).map(|()| 0),
        FIOGETOWN | SIOCGPGRP if is_socket(file) => {
            let to = arg.first_chunk_mut().ok_or(Errno::EFAULT)?;
            *to = (get_owner(file) as i32).to_ne_bytes();
            Ok(0)
        }
        FIOQSIZE => Err(Errno::ENOTTY),
        FIFREEZE | FS_IOC_FIEMAP => Err(Errno::EOPNOTSUPP),
        FITHAW => Err(Errno::EINVAL),
        _ => file.ops().ioctl(p, file, cmd, arg),
    })?
}

fn is_socket(file: &File) -> bool {
    file.ops().stat().mode & S_IFMT == S_IFSOCK
}

fn int(arg: &[u8]) -> Result<i32> {
    let bytes = arg.first_chunk().ok_or(Errno::EFAULT)?;
    Ok(i32::from_ne_bytes(*bytes))
}
