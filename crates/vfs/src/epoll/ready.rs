//! The ready list (`rdllist`, `txlist`, `ovflist` of `struct eventpoll`): an order of slots, and nothing else.
//!
//! Lists run by index through one vector, so that making an item ready allocates nothing. While the list is scanned (events go to the
//! user, files are asked again) what becomes ready is noted aside, and comes after the scan in front of what the scan put back.

use crate::sync::{self, Fault};

/// Sentinel of the list of what is ready.
const READY: u32 = 0;
/// Sentinel of the list that is being scanned.
const SCAN: u32 = 1;
const SENTINELS: u32 = 2;
/// On no list.
const OFF: u32 = u32::MAX;
/// End of the list of what came during a scan.
const END: u32 = u32::MAX - 1;

#[derive(Clone, Copy, Debug)]
struct Node {
    next: u32,
    prev: u32,
    /// The one noted before it during the scan (`epi->next`).
    noted: u32,
}

#[derive(Debug)]
pub(super) struct Ready {
    nodes: Vec<Node>,
    /// The last one noted; meaningful while scanning.
    last_noted: u32,
    scanning: bool,
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            nodes: (0..SENTINELS).map(|i| Node { next: i, prev: i, noted: OFF }).collect(),
            last_noted: END,
            scanning: false,
        }
    }
}

impl Ready {
    fn node(&mut self, i: u32) -> &mut Node {
        &mut self.nodes[i as usize]
    }

    /// Room for a slot, which is on no list.
    pub(super) fn add_slot(&mut self, slot: u32) {
        let need = (slot + SENTINELS + 1) as usize;
        if self.nodes.len() < need {
            let off = Node { next: OFF, prev: OFF, noted: OFF };
            self.nodes.resize(need, off);
        }
    }

    /// `ep_is_linked`.
    pub(super) fn is_linked(&self, slot: u32) -> bool {
        self.nodes[(slot + SENTINELS) as usize].next != OFF
    }

    fn insert_before(&mut self, at: u32, i: u32) {
        let prev = self.node(at).prev;
        let node = self.node(i);
        node.prev = prev;
        node.next = at;
        self.node(prev).next = i;
        self.node(at).prev = i;
    }

    fn take_off(&mut self, i: u32) {
        let Node { next, prev, .. } = *self.node(i);
        self.node(prev).next = next;
        self.node(next).prev = prev;
        let node = self.node(i);
        node.next = OFF;
        node.prev = OFF;
    }

    /// Put a slot that is on no list at the end of what is ready.
    pub(super) fn push(&mut self, slot: u32) {
        self.insert_before(READY, slot + SENTINELS);
    }

    /// A slot became ready; where it goes depends on whether a scan is on (`ep_poll_callback`).
    pub(super) fn note(&mut self, slot: u32) {
        if self.scanning {
            let last = self.last_noted;
            let node = self.node(slot + SENTINELS);
            if node.noted == OFF && !sync::is(Fault::NotedNowhere) {
                node.noted = last;
                self.last_noted = slot + SENTINELS;
            }
        } else if !self.is_linked(slot) {
            self.push(slot);
        }
    }

    /// Take a slot off whatever list it is on. Not during a scan.
    pub(super) fn unlink(&mut self, slot: u32) {
        if self.is_linked(slot) {
            self.take_off(slot + SENTINELS);
        }
    }

    /// `ep_start_scan`: everything ready is to be looked at.
    pub(super) fn start_scan(&mut self) {
        let Node { next, prev, .. } = *self.node(READY);
        if next != READY {
            *self.node(SCAN) = Node { next, prev, noted: OFF };
            self.node(next).prev = SCAN;
            self.node(prev).next = SCAN;
            *self.node(READY) = Node { next: READY, prev: READY, noted: OFF };
        }
        self.last_noted = END;
        self.scanning = true;
    }

    /// The next one to look at.
    pub(super) fn pop_scan(&mut self) -> Option<u32> {
        let first = self.node(SCAN).next;
        (first != SCAN).then(|| {
            self.take_off(first);
            first - SENTINELS
        })
    }

    /// Put one back that was looked at and stays first.
    pub(super) fn unpop_scan(&mut self, slot: u32) {
        let first = self.node(SCAN).next;
        self.insert_before(first, slot + SENTINELS);
    }

    /// `ep_done_scan`: first what was not looked at, then what came meanwhile, then what was put back. True if anything is ready.
    pub(super) fn done_scan(&mut self) -> bool {
        let mut i = core::mem::replace(&mut self.last_noted, END);
        while i != END {
            let before = core::mem::replace(&mut self.node(i).noted, OFF);
            if self.node(i).next == OFF {
                let first = self.node(READY).next;
                self.insert_before(first, i);
            }
            i = before;
        }
        let Node { next, prev, .. } = *self.node(SCAN);
        if next != SCAN {
            let first = self.node(READY).next;
            self.node(next).prev = READY;
            self.node(READY).next = next;
            self.node(prev).next = first;
            self.node(first).prev = prev;
            *self.node(SCAN) = Node { next: SCAN, prev: SCAN, noted: OFF };
        }
        self.scanning = false;
        self.node(READY).next != READY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(ready: &Ready, head: u32) -> Vec<u32> {
        let mut out = Vec::new();
        let mut i = ready.nodes[head as usize].next;
        while i != head {
            assert_eq!(ready.nodes[ready.nodes[i as usize].next as usize].prev, i);
            out.push(i - SENTINELS);
            i = ready.nodes[i as usize].next;
        }
        out
    }

    fn with(n: u32) -> Ready {
        let mut ready = Ready::default();
        for slot in 0..n {
            ready.add_slot(slot);
        }
        ready
    }

    #[test]
    fn first_come_first_served() {
        let mut r = with(4);
        for slot in [2, 0, 3, 2, 0] {
            r.note(slot);
        }
        assert_eq!(list(&r, READY), [2, 0, 3]);
        r.unlink(0);
        r.unlink(0);
        assert_eq!(list(&r, READY), [2, 3]);
    }

    #[test]
    fn a_scan_ends_with_the_rest_then_the_new_then_the_repeated() {
        let mut r = with(6);
        for slot in [0, 1, 2, 3] {
            r.note(slot);
        }
        r.start_scan();
        assert_eq!((r.pop_scan(), r.pop_scan()), (Some(0), Some(1)));
        r.push(0);
        for slot in [5, 4, 1, 2, 5, 0] {
            r.note(slot);
        }
        assert!(r.done_scan());
        assert_eq!(list(&r, READY), [2, 3, 5, 4, 1, 0]);
        r.start_scan();
        while r.pop_scan().is_some() {}
        assert!(!r.done_scan());
        assert_eq!(list(&r, READY), []);
    }

    #[test]
    fn one_looked_at_stays_first() {
        let mut r = with(3);
        for slot in [2, 1] {
            r.note(slot);
        }
        r.start_scan();
        let first = r.pop_scan().unwrap();
        r.unpop_scan(first);
        r.note(0);
        assert!(r.done_scan());
        assert_eq!(list(&r, READY), [2, 1, 0]);
    }
}
