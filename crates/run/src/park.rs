//! Calls that wait: held unanswered until their socket changes, their time is up, or a signal withdraws them.

use crate::call::Call;
use crate::stack::Sid;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

#[derive(Debug)]
struct Parked {
    call: Call,
    sid: Sid,
}

/// All waiting calls.
#[derive(Debug, Default)]
pub(crate) struct Park {
    calls: HashMap<u64, Parked>,
    /// A thread waits in one call at most; a second one means that the first was withdrawn.
    by_tid: HashMap<i32, u64>,
    by_sid: HashMap<Sid, Vec<u64>>,
    deadlines: BTreeSet<(Instant, u64)>,
}

impl Park {
    /// Hold a call until `sid` changes or its deadline passes.
    pub(crate) fn insert(&mut self, call: Call, sid: Sid) {
        let id = call.id;
        self.forget_thread(call.tid);
        self.by_tid.insert(call.tid, id);
        self.by_sid.entry(sid).or_default().push(id);
        if let Some(deadline) = call.progress.deadline {
            self.deadlines.insert((deadline, id));
        }
        self.calls.insert(id, Parked { call, sid });
    }

    /// Take a call out.
    pub(crate) fn take(&mut self, id: u64) -> Option<Call> {
        let Parked { call, sid } = self.calls.remove(&id)?;
        if self.by_tid.get(&call.tid) == Some(&id) {
            self.by_tid.remove(&call.tid);
        }
        if let Some(list) = self.by_sid.get_mut(&sid) {
            list.retain(|&other| other != id);
            if list.is_empty() {
                self.by_sid.remove(&sid);
            }
        }
        if let Some(deadline) = call.progress.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(call)
    }

    /// The thread is running again: whatever it waited in was withdrawn.
    pub(crate) fn forget_thread(&mut self, tid: i32) {
        if let Some(&id) = self.by_tid.get(&tid) {
            self.take(id);
        }
    }

    /// Whether anything waits for this socket.
    pub(crate) fn any_for(&self, sid: Sid) -> bool {
        self.by_sid.contains_key(&sid)
    }

    /// The calls that wait for a socket, the oldest first.
    pub(crate) fn ids_for(&self, sid: Sid) -> Vec<u64> {
        self.by_sid.get(&sid).cloned().unwrap_or_default()
    }

    /// When the first deadline passes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|d| d.0)
    }

    /// A call whose deadline has passed.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Call> {
        let &(deadline, id) = self.deadlines.first()?;
        if deadline <= now { self.take(id) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Op, Progress};
    use std::time::Duration;

    fn call(id: u64, tid: i32, deadline: Option<Instant>) -> Call {
        let progress = Progress { deadline, ..Progress::default() };
        Call { id, tid, op: Op::Accept, args: [0; 6], compat: false, progress }
    }

    #[test]
    fn one_call_a_thread() {
        let mut park = Park::default();
        park.insert(call(1, 10, None), Sid(1));
        park.insert(call(2, 10, None), Sid(2));
        assert!(!park.any_for(Sid(1)), "the thread's second call withdraws its first");
        assert_eq!(park.ids_for(Sid(2)), [2]);
        park.forget_thread(10);
        assert!(!park.any_for(Sid(2)));
    }

    #[test]
    fn deadlines_in_order() {
        let mut park = Park::default();
        let now = Instant::now();
        park.insert(call(1, 1, Some(now + Duration::from_secs(2))), Sid(1));
        park.insert(call(2, 2, Some(now + Duration::from_secs(1))), Sid(1));
        assert_eq!(park.next_deadline(), Some(now + Duration::from_secs(1)));
        assert!(park.take_expired(now).is_none());
        let later = now + Duration::from_secs(3);
        assert_eq!(park.take_expired(later).map(|c| c.id), Some(2));
        assert_eq!(park.take_expired(later).map(|c| c.id), Some(1));
        assert!(park.take_expired(later).is_none());
        assert!(!park.any_for(Sid(1)));
    }
}
