//! The end of a carrier: seeing the last close, sending on what was written before it, and telling the stack.

use super::Body;
use super::stream::State;
use crate::supervisor::Supervisor;
use crate::sys::inotify::Closed;
use crate::sys::sock;
use crate::table::Key;
use std::os::fd::{BorrowedFd, OwnedFd};
use uapi::Errno;

impl Supervisor<'_> {
    /// Watch for the last close, if nothing does yet.
    pub(crate) fn ensure_watch(&mut self, key: Key, copy: BorrowedFd<'_>) {
        if self.table.get(key).is_none_or(|c| c.watch.is_some()) {
            return;
        }
        if let Ok(watch) = self.inotify.watch(copy) {
            self.table.set_watch(key, watch);
        }
    }

    /// inotify has something.
    pub(crate) fn inotify_event(&mut self) {
        let mut events = Vec::new();
        self.inotify.read(&mut events);
        for event in events {
            match event {
                Closed::Last(watch) => {
                    if let Some(key) = self.table.take_watch(watch) {
                        self.closed(key);
                    }
                }
                Closed::Overflow => {
                    for key in self.table.keys() {
                        if self.locate(key).is_none() {
                            self.closed(key);
                        }
                    }
                }
            }
        }
    }

    /// The program has closed its last descriptor.
    pub(crate) fn closed(&mut self, key: Key) {
        let Some(carrier) = self.table.get(key) else {
            return;
        };
        let sid = carrier.sid;
        // Linux keeps a socket while a call is in it, whoever closes the descriptor meanwhile.
        let listener = &self.listener;
        if self.park.ids_for(sid).iter().any(|&id| listener.id_valid(id)) {
            if !self.lingering.contains(&key) {
                self.lingering.push(key);
            }
            return;
        }
        carrier.closing = true;
        match &mut carrier.body {
            Body::Stream(s) if matches!(s.state, State::Connected) && !s.tx_done => {
                s.hup = true;
                let unread = !s.rx.is_empty();
                if unread {
                    return self.finish_close(key, true);
                }
                self.pump_tx(key);
            }
            Body::Stream(s) => {
                // Sending is over, but what the program left unread still shows.
                let unread = s.pump.as_mut().is_some_and(|p| {
                    matches!(s.state, State::Connected) && p.pull_tx(&mut [0]) == Err(Errno::ECONNRESET)
                });
                self.finish_close(key, unread);
            }
            // Sends what is left, and closes behind it.
            Body::Datagram(_) => self.pull_datagrams(key),
        }
    }

    /// Everything the program wrote is in the stack: close there.
    pub(crate) fn finish_close(&mut self, key: Key, reset: bool) {
        let Some(carrier) = self.table.remove(key) else {
            return;
        };
        self.stack.close(carrier.sid, reset);
        if let Body::Stream(s) = carrier.body
            && let State::Listening(l) = s.state
        {
            for (sid, _) in l.orphans {
                self.stack.close(sid, true);
            }
        }
    }

    /// Closes that waited for calls.
    pub(crate) fn retry_lingering(&mut self) {
        for key in std::mem::take(&mut self.lingering) {
            self.closed(key);
        }
    }

    /// A copy of the program's descriptor: where it was last seen, else wherever it is.
    pub(crate) fn locate(&mut self, key: Key) -> Option<OwnedFd> {
        let carrier = self.table.get(key)?;
        let (cookie, (tid, fd)) = (carrier.cookie, carrier.hint);
        if let Ok(copy) = self.tasks.getfd(tid, fd)
            && sock::cookie(sock::as_fd(&copy)) == Ok(cookie)
        {
            return Some(copy);
        }
        let (copy, hint) = self.search(cookie)?;
        self.table.get(key)?.hint = hint;
        Some(copy)
    }

    /// Look for a carrier in every process that we may look into.
    fn search(&mut self, cookie: u64) -> Option<(OwnedFd, (i32, i32))> {
        let me = std::process::id().cast_signed();
        let numbers = |dir: &str| -> Vec<i32> {
            std::fs::read_dir(dir)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|e| e.file_name().to_str().and_then(|n| n.parse().ok()))
                .collect()
        };
        for pid in numbers("/proc").into_iter().filter(|&pid| pid != me) {
            for fd in numbers(&format!("/proc/{pid}/fd")) {
                let link = std::fs::read_link(format!("/proc/{pid}/fd/{fd}"));
                if !link.is_ok_and(|l| l.as_os_str().as_encoded_bytes().starts_with(b"socket:")) {
                    continue;
                }
                if let Ok(copy) = self.tasks.getfd(pid, fd)
                    && sock::cookie(sock::as_fd(&copy)) == Ok(cookie)
                {
                    return Some((copy, (pid, fd)));
                }
            }
        }
        None
    }
}
