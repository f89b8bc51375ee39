//! System calls, one thin file a group, on files rather than descriptors: [`crate::Task`] looks the
//! descriptor up and comes here, and so do the runner and the std-like types, who hold files.
//!
//! User memory is slices: whoever serves another process copies. Lengths and addresses are as
//! hostile as on Linux, and checked in Linux's order.

pub mod accept;
pub mod msg;
pub mod option;
pub mod socket;

use net::Socket;
use uapi::{Errno, Result};
use vfs::File;

/// The most bytes of one call (`MAX_RW_COUNT`).
pub const MAX_RW_COUNT: usize = 0x7fff_f000;
/// The longest sockaddr (`struct sockaddr_storage`).
pub const SOCKADDR_MAX: usize = 128;

/// The socket behind a file (`sockfd_lookup_light`).
///
/// # Errors
/// `ENOTSOCK`.
#[inline]
pub fn sockfd(file: &File) -> Result<&Socket> {
    file.downcast::<Socket>().ok_or(Errno::ENOTSOCK)
}

/// `move_addr_to_kernel`: an address no longer than any family's.
#[inline]
pub fn check_sockaddr(addr: &[u8]) -> Result<()> {
    if addr.len() > SOCKADDR_MAX { Err(Errno::EINVAL) } else { Ok(()) }
}
