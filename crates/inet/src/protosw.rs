//! The protocol switch (`inetsw`, `inetsw6`): which protocol serves a type and protocol number.

use crate::family::{Create, create_sock};
use bitflags::bitflags;
use ip::InetProto;
use kern::sync::SpinLock;
use net::ProtoOps;
use uapi::{Errno, IPPROTO_IP, Result, SOCK_MAX};

bitflags! {
    /// What kind of entry (`INET_PROTOSW_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SwFlags: u8 {
        /// Its ports are shared at once, as with `SO_REUSEADDR`.
        const REUSE = 1;
        /// It cannot be removed or overridden.
        const PERMANENT = 2;
        /// Its sockets are connection-oriented.
        const ICSK = 4;
    }
}

/// One entry (`struct inet_protosw`).
#[derive(Clone, Copy)]
pub struct ProtoSw {
    /// `SOCK_STREAM` and its kin.
    pub kind: u16,
    /// `IPPROTO_*`; `IPPROTO_IP` takes every number.
    pub protocol: u16,
    /// The protocol's name.
    pub prot: &'static str,
    /// The operations its sockets get.
    pub ops: &'static ProtoOps,
    /// What kind of entry.
    pub flags: SwFlags,
    /// Makes a sock of the protocol.
    pub(crate) create: Create,
}

impl ProtoSw {
    /// An entry for protocol `P`.
    pub const fn new<P: InetProto>(
        kind: u16,
        protocol: u16,
        ops: &'static ProtoOps,
        flags: SwFlags,
    ) -> ProtoSw {
        ProtoSw { kind, protocol, prot: P::NAME, ops, flags, create: create_sock::<P> }
    }

    fn is_permanent(&self) -> bool {
        self.flags.contains(SwFlags::PERMANENT)
    }
}

const ANY: u16 = IPPROTO_IP as u16;

/// The entries of one family, by type; each list is searched from its front.
pub struct Switch {
    rows: [SpinLock<Vec<ProtoSw>>; SOCK_MAX as usize],
}

impl Switch {
    pub(crate) fn new(rows: &[ProtoSw]) -> Self {
        let switch = Switch { rows: std::array::from_fn(|_| SpinLock::new(Vec::new())) };
        for row in rows {
            // A family's own table has no entry twice.
            let _ = switch.register(*row);
        }
        switch
    }

    /// Adds an entry (`inet_register_protosw`, `inet6_register_protosw`): behind the permanent ones
    /// of its type and before all others, which it overrides until it is removed.
    ///
    /// # Errors
    /// `EINVAL` for a type that does not exist, `EPERM` when a permanent entry has the protocol.
    pub fn register(&self, entry: ProtoSw) -> Result<()> {
        let mut rows = self.rows.get(usize::from(entry.kind)).ok_or(Errno::EINVAL)?.lock();
        let permanent = rows.iter().take_while(|row| row.is_permanent());
        let mut at = 0;
        for row in permanent {
            if row.protocol == entry.protocol {
                return Err(Errno::EPERM);
            }
            at += 1;
        }
        rows.insert(at, entry);
        Ok(())
    }

    /// Removes the first entry of this type, protocol and name (`inet_unregister_protosw`).
    ///
    /// # Errors
    /// `EPERM` for a permanent entry, `ENOENT` when there is none.
    pub fn unregister(&self, kind: u16, protocol: u16, prot: &str) -> Result<ProtoSw> {
        let mut rows = self.rows.get(usize::from(kind)).ok_or(Errno::EINVAL)?.lock();
        let is = |row: &ProtoSw| row.protocol == protocol && row.prot == prot;
        let at = rows.iter().position(is).ok_or(Errno::ENOENT)?;
        if rows[at].is_permanent() {
            return Err(Errno::EPERM);
        }
        Ok(rows.remove(at))
    }

    /// The entry for a type and protocol, and the protocol number the socket gets: the entry's own
    /// when none was asked for.
    ///
    /// # Errors
    /// `ESOCKTNOSUPPORT` when the type has no entry, `EPROTONOSUPPORT` when none fits.
    #[inline]
    pub fn lookup(&self, kind: u16, protocol: u16) -> Result<(ProtoSw, u16)> {
        let rows = self.rows.get(usize::from(kind)).ok_or(Errno::EINVAL)?.lock();
        for row in rows.iter() {
            // Asked for nothing, an entry for everything does not help.
            match (protocol == row.protocol, protocol, row.protocol) {
                (true, asked, _) if asked != ANY => return Ok((*row, asked)),
                (false, ANY, own) => return Ok((*row, own)),
                (false, asked, ANY) => return Ok((*row, asked)),
                _ => {}
            }
        }
        Err(if rows.is_empty() { Errno::ESOCKTNOSUPPORT } else { Errno::EPROTONOSUPPORT })
    }
}
