//! `bind`, `listen`, `getsockname`, `getpeername`, `shutdown`.

use crate::call::{Call, Handled, Outcome};
use crate::carrier::Body;
use crate::carrier::stream::State;
use crate::stack::{Cred, Stack};
use crate::supervisor::Supervisor;
use crate::sys::sock;
use crate::usermem::User;
use uapi::{Errno, Result};

impl Supervisor<'_> {
    /// Ask the stack without any capability, and with the caller's true ones only if that is refused: reading them costs
    /// more than the call.
    pub(crate) fn permitted<T>(
        &mut self,
        tid: i32,
        mut ask: impl FnMut(&mut dyn Stack, &Cred) -> Result<T>,
    ) -> Result<T> {
        let plain = self.tasks.plain_cred(tid);
        match ask(self.stack, plain) {
            Err(refused @ (Errno::EPERM | Errno::EACCES)) => {
                let cred = self.tasks.fresh_cred(tid);
                if cred == *self.tasks.plain_cred(tid) { Err(refused) } else { ask(self.stack, &cred) }
            }
            other => other,
        }
    }

    pub(crate) fn sys_bind(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let addr = User::of(call).read_addr(call.args[1], call.int(2))?;
        self.permitted(call.tid, |stack, cred| stack.bind(cred, held.sid, &addr))?;
        Ok(Outcome::Return(0))
    }

    pub(crate) fn sys_listen(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        self.stack.listen(held.sid, call.int(1))?;
        let fresh = self
            .table
            .get(held.key)
            .and_then(|c| c.stream())
            .is_some_and(|s| matches!(s.state, State::Fresh));
        if fresh {
            self.start_listening(held.key, held.fd())?;
        }
        Ok(Outcome::Return(0))
    }

    pub(crate) fn sys_getname(&mut self, call: &mut Call, peer: bool) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let name = if peer { self.stack.getpeername(held.sid)? } else { self.stack.getsockname(held.sid)? };
        User::of(call).write_addr(call.args[1], call.args[2], name.as_bytes())?;
        Ok(Outcome::Return(0))
    }

    pub(crate) fn sys_shutdown(&mut self, call: &mut Call) -> Handled {
        let held = self.lookup(call, call.int(0))?;
        let how = call.int(1);
        if !(libc::SHUT_RD..=libc::SHUT_RDWR).contains(&how) {
            return Err(Errno::EINVAL.into());
        }
        self.ensure_watch(held.key, held.fd());
        self.pump_out(held.key);
        let carrier = self.table.get(held.key).ok_or(Outcome::Foreign)?;
        let mut tx_waits = false;
        match &mut carrier.body {
            Body::Stream(s) if matches!(s.state, State::Connected) => {
                if how != libc::SHUT_RD {
                    s.tx_shut = true;
                    // What the program wrote goes out first: the end of file behind it shuts the stack's socket down.
                    tx_waits = !s.tx.is_empty();
                }
            }
            Body::Datagram(_) | Body::Stream(_) => {}
        }
        let result = match (tx_waits, how) {
            (false, _) => self.stack.shutdown(held.sid, how),
            (true, libc::SHUT_RDWR) => self.stack.shutdown(held.sid, libc::SHUT_RD),
            (true, _) => Ok(()),
        };
        result?;
        if !tx_waits
            && how != libc::SHUT_RD
            && let Some(s) = self.table.get(held.key).and_then(|c| c.stream())
        {
            s.tx_done = matches!(s.state, State::Connected);
        }
        let _ = sock::shutdown(held.fd(), how);
        Ok(Outcome::Return(0))
    }

    /// Move what the program has written natively so far into the stack: it came before the call at hand.
    pub(crate) fn pump_out(&mut self, key: crate::table::Key) {
        match self.table.get(key).map(|c| &c.body) {
            Some(Body::Stream(_)) => self.pump_tx(key),
            Some(Body::Datagram(_)) => self.pull_datagrams(key),
            None => {}
        }
    }
}
