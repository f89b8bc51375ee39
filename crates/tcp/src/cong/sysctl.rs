//! `net.ipv4.tcp_congestion_control` and its kin: files whose values are names.

use super::{BUILTIN, CongestionOps};
use crate::TcpNet;
use net::Net;
use net::sysctl::SysctlNode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use uapi::{Errno, Result};

/// The congestion control of new sockets, by its place among the built-in ones.
pub struct DefaultCong(AtomicUsize);

impl Default for DefaultCong {
    fn default() -> Self {
        DefaultCong(AtomicUsize::new(BUILTIN.len() - 1))
    }
}

impl DefaultCong {
    /// The one in use.
    #[inline]
    #[must_use]
    pub fn ops(&self) -> &'static dyn CongestionOps {
        BUILTIN[self.0.load(Relaxed).min(BUILTIN.len() - 1)]
    }
}

/// `tcp_congestion_control`: `ENOENT` for an unknown name (`proc_tcp_congestion_control`).
struct Chosen;

impl SysctlNode for Chosen {
    fn read(&self, net: &Net) -> String {
        format!("{}\n", net.generic::<TcpNet>().sysctl.cong.ops().name())
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        let name = text.trim();
        let at = BUILTIN.iter().position(|ops| ops.name() == name).ok_or(Errno::ENOENT)?;
        net.generic::<TcpNet>().sysctl.cong.0.store(at, Relaxed);
        Ok(())
    }
}

/// `tcp_available_congestion_control`.
struct Available;

impl SysctlNode for Available {
    fn mode(&self) -> u32 {
        0o444
    }

    fn read(&self, _net: &Net) -> String {
        let names: Vec<_> = BUILTIN.iter().map(|ops| ops.name()).collect();
        names.join(" ") + "\n"
    }

    fn write(&self, _net: &Net, _text: &str) -> Result<()> {
        Err(Errno::EPERM)
    }
}

pub(crate) fn register(net: &Net) -> Result<()> {
    net.sysctl.register("net/ipv4/tcp_congestion_control", Arc::new(Chosen))?;
    net.sysctl.register("net/ipv4/tcp_available_congestion_control", Arc::new(Available))
}
