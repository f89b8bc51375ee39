//! Who is bound to what: `unix_socket_table` (abstract names, by type), `bsd_socket_buckets` (files,
//! by inode).

use crate::sock::Unix;
use kern::sync::SpinLock;
use net::Sock;
use std::collections::BTreeMap;
use std::sync::Arc;
use uapi::socket::{SOCK_DGRAM, SOCK_STREAM};
use uapi::{Errno, Result};

type Socks<K> = BTreeMap<K, Arc<Sock<Unix>>>;

/// The bound socks of a namespace.
#[derive(Default)]
pub(crate) struct Table {
    /// Types do not see each other's names. Ordered trees: no choice of names makes them slow.
    names: [SpinLock<Socks<Box<[u8]>>>; 3],
    files: SpinLock<Socks<u64>>,
}

impl Table {
    fn of_kind(&self, kind: u16) -> &SpinLock<Socks<Box<[u8]>>> {
        &self.names[match i32::from(kind) {
            SOCK_STREAM => 0,
            SOCK_DGRAM => 1,
            _ => 2,
        }]
    }

    /// Takes an abstract name; `EADDRINUSE`.
    pub(crate) fn insert(&self, kind: u16, name: &[u8], sk: Arc<Sock<Unix>>) -> Result<()> {
        let mut names = self.of_kind(kind).lock();
        if names.contains_key(name) {
            return Err(Errno::EADDRINUSE);
        }
        names.insert(name.into(), sk);
        Ok(())
    }

    /// The sock of a type with an abstract name.
    pub(crate) fn find(&self, kind: u16, name: &[u8]) -> Option<Arc<Sock<Unix>>> {
        self.of_kind(kind).lock().get(name).cloned()
    }

    /// Frees an abstract name, if it is this sock's: a listener's connections show its name too.
    pub(crate) fn remove(&self, sk: &Sock<Unix>, name: &[u8]) -> Option<Arc<Sock<Unix>>> {
        let mut names = self.of_kind(sk.kind()).lock();
        if names.get(name).is_some_and(|held| Unix::is_same(held, sk)) { names.remove(name) } else { None }
    }

    pub(crate) fn insert_file(&self, ino: u64, sk: Arc<Sock<Unix>>) {
        self.files.lock().insert(ino, sk);
    }

    /// The sock bound to a file.
    pub(crate) fn find_file(&self, ino: u64) -> Option<Arc<Sock<Unix>>> {
        self.files.lock().get(&ino).cloned()
    }

    pub(crate) fn remove_file(&self, ino: u64) -> Option<Arc<Sock<Unix>>> {
        self.files.lock().remove(&ino)
    }
}
