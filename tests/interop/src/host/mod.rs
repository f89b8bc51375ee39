//! The host's kernel: network namespaces of this process, TUN devices and plain sockets in them. The
//! only room here with `unsafe`.

pub mod kernel;
pub mod trajectory;

pub use kernel::{Tun, in_namespace, set_sysctl};
