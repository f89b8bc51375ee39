//! `net.ipv4.tcp_congestion_control` and its kin, files whose values are names, and the parameters of
//! CUBIC, which Linux has below `/sys/module/tcp_cubic/parameters`.

use super::registry::NAME_MAX;
use crate::TcpNet;
use net::Net;
use net::sysctl::{IntRow, SysctlNode};
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::{Errno, Result};

/// `tcp_congestion_control`: up to the end of the line; `ENOENT` for an unknown name
/// (`proc_tcp_congestion_control`).
struct Chosen;

impl SysctlNode for Chosen {
    fn is_text(&self) -> bool {
        true
    }

    fn read(&self, net: &Net) -> String {
        format!("{}\n", net.generic::<TcpNet>().sysctl.cong.default_ops().name)
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        let line = text.split(['\n', '\0']).next().unwrap_or_default();
        // A file written with nothing keeps its value.
        if text.is_empty() {
            return Ok(());
        }
        let name = line.get(..NAME_MAX - 1).unwrap_or(line);
        net.generic::<TcpNet>().sysctl.cong.set_default(name)
    }
}

/// `tcp_available_congestion_control`.
struct Available;

impl SysctlNode for Available {
    fn is_text(&self) -> bool {
        true
    }

    fn mode(&self) -> u32 {
        0o444
    }

    fn read(&self, net: &Net) -> String {
        net.generic::<TcpNet>().sysctl.cong.available().join(" ") + "\n"
    }

    fn write(&self, _net: &Net, _text: &str) -> Result<()> {
        Err(Errno::EPERM)
    }
}

/// `tcp_allowed_congestion_control`: those that need no capability.
struct Allowed;

impl SysctlNode for Allowed {
    fn is_text(&self) -> bool {
        true
    }

    fn read(&self, net: &Net) -> String {
        net.generic::<TcpNet>().sysctl.cong.allowed().join(" ") + "\n"
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        let line = text.split(['\n', '\0']).next().unwrap_or_default();
        // As `strsep()`: nothing between two spaces ends the list.
        let names = line.split(' ').take_while(|name| !name.is_empty());
        net.generic::<TcpNet>().sysctl.cong.set_allowed(&names)
    }
}

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = $default:expr, $mode:literal;)*) => {
        /// The parameters of `tcp_cubic`.
        pub struct CubicParams {
            $($(#[$doc])* pub $name: AtomicI32,)*
        }

        impl Default for CubicParams {
            fn default() -> Self {
                CubicParams { $($name: AtomicI32::new($default),)* }
            }
        }

        impl CubicParams {
            $($(#[$doc])* #[inline] #[must_use] pub fn $name(&self) -> i32 { self.$name.load(Relaxed) })*
        }

        static PARAMETERS: &[IntRow] = &[$(
            IntRow {
                mode: $mode,
                ..IntRow::new(
                    concat!("tcp_cubic/parameters/", stringify!($name)),
                    |net| from_ref(&net.generic::<TcpNet>().sysctl.cubic.$name),
                )
            },
        )*];
    };
}

parameters! {
    /// Let newcomers have room: a second loss below the last maximum lowers that.
    fast_convergence = 1, 0o644;
    /// Multiplicative decrease, in 1024ths.
    beta = 717, 0o644;
    /// The slow-start threshold to begin with, segments; 0 for none.
    initial_ssthresh = 0, 0o644;
    /// Steepness of the cubic function, read when the module is loaded.
    bic_scale = 41, 0o444;
    /// Never slower than Reno would be.
    tcp_friendliness = 1, 0o644;
    /// HyStart is on.
    hystart = 1, 0o644;
    /// Its ways: 1 trains of ACKs, 2 delay.
    hystart_detect = 3, 0o644;
    /// It begins at this window, segments.
    hystart_low_window = 16, 0o644;
    /// ACKs at most so far apart are a train, µs.
    hystart_ack_delta_us = 2000, 0o644;
}

pub(crate) fn register(net: &Net) -> Result<()> {
    net.sysctl.register("net/ipv4/tcp_congestion_control", Arc::new(Chosen))?;
    net.sysctl.register("net/ipv4/tcp_available_congestion_control", Arc::new(Available))?;
    net.sysctl.register("net/ipv4/tcp_allowed_congestion_control", Arc::new(Allowed))?;
    for row in PARAMETERS {
        net.modules.register(row.path, Arc::new(row))?;
    }
    Ok(())
}
