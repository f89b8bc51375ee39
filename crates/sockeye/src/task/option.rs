//! setsockopt(2), getsockopt(2).

use super::Task;
use crate::sys;
use net::sock::GetOpt;
use uapi::{Errno, Result};

impl Task {
    /// setsockopt(2) with a value of any bytes.
    pub fn setsockopt(&self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<()> {
        let p = self.process();
        self.files.with(&p, fd, |file| sys::option::setsockopt(&p, file, level, name, value))?
    }

    /// setsockopt(2) with an `int`.
    pub fn setsockopt_int(&self, fd: i32, level: i32, name: i32, value: i32) -> Result<()> {
        self.setsockopt(fd, level, name, &value.to_ne_bytes())
    }

    /// getsockopt(2): the option's length.
    pub fn getsockopt(&self, fd: i32, level: i32, name: i32, buf: &mut [u8]) -> Result<usize> {
        let p = self.process();
        let len = i32::try_from(buf.len()).map_err(|_| Errno::EINVAL)?;
        let mut out = GetOpt::new(buf, len);
        self.files.with(&p, fd, |file| sys::option::getsockopt(&p, file, level, name, &mut out))??;
        Ok(out.len as usize)
    }

    /// getsockopt(2) of an `int`.
    pub fn getsockopt_int(&self, fd: i32, level: i32, name: i32) -> Result<i32> {
        let mut buf = [0; 4];
        self.getsockopt(fd, level, name, &mut buf)?;
        Ok(i32::from_ne_bytes(buf))
    }
}
