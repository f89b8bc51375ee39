//! Whose turn it is: the threads of a world sit in a ring, and only one of them runs.
//!
//! Who sleeps passes the turn on. When it has gone round and nobody found what he sleeps for, the
//! one who has it lets the next thing in the world happen.

use kern::time::Time;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

#[derive(Default)]
pub(super) struct Ring {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    /// The seat whose turn it is, an index.
    turn: usize,
    /// How many found nothing, one after the other.
    idle: usize,
    next_ticket: u64,
    /// Somebody panicked: nobody is to wait for him.
    broken: bool,
}

struct Seat {
    ticket: u64,
    thread: Option<ThreadId>,
    until: Option<Time>,
}

/// A place in the ring, kept for a thread that is to come.
pub(super) struct Ticket(u64);

/// Gives the seat up.
pub(super) struct Seated<'r>(&'r Ring, u64);

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

impl State {
    fn find(&self, ticket: u64) -> Option<usize> {
        self.seats.iter().position(|seat| seat.ticket == ticket)
    }

    fn pass(&mut self) {
        self.turn = (self.turn + 1) % self.seats.len().max(1);
    }

    fn add(&mut self, thread: Option<ThreadId>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.seats.push(Seat { ticket, thread, until: None });
        self.idle = 0;
        ticket
    }
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calling thread's seat; it takes one if it has none, and waits for its turn then.
    fn own(&self) -> u64 {
        let me = std::thread::current().id();
        let mut state = self.lock();
        if let Some(seat) = state.seats.iter().find(|seat| seat.thread == Some(me)) {
            return seat.ticket;
        }
        let ticket = state.add(Some(me));
        drop(self.wait_turn(state, ticket));
        ticket
    }

    fn wait_turn<'g>(&self, mut state: MutexGuard<'g, State>, ticket: u64) -> MutexGuard<'g, State> {
        loop {
            assert!(!state.broken, "another program of this world panicked");
            if state.find(ticket) == Some(state.turn) {
                return state;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A seat for a thread that the caller starts.
    pub(super) fn enlist(&self) -> Ticket {
        self.own();
        Ticket(self.lock().add(None))
    }

    /// The new thread sits down and waits for its turn.
    pub(super) fn sit_down(&self, ticket: &Ticket) -> Seated<'_> {
        let mut state = self.lock();
        if let Some(at) = state.find(ticket.0) {
            state.seats[at].thread = Some(std::thread::current().id());
        }
        drop(self.wait_turn(state, ticket.0));
        Seated(self, ticket.0)
    }

    fn leave(&self, ticket: u64) {
        let mut state = self.lock();
        state.broken |= std::thread::panicking();
        if let Some(at) = state.find(ticket) {
            state.seats.remove(at);
            // Whoever sat behind has moved up to this place.
            if state.turn > at {
                state.turn -= 1;
            }
            if state.turn >= state.seats.len() {
                state.turn = 0;
            }
        }
        state.idle = 0;
        self.changed.notify_all();
    }

    /// Lets others run, and when all are idle the world by `step`, until `ready` holds or it is
    /// `until`; tells whether it holds. `step` takes the time beyond which nobody wants to sleep.
    pub(super) fn idle(
        &self,
        until: Option<Time>,
        now: impl Fn() -> Time,
        mut ready: impl FnMut() -> bool,
        step: impl Fn(Time) -> bool,
    ) -> bool {
        let ticket = self.own();
        loop {
            let done = ready();
            let mut state = self.lock();
            let Some(at) = state.find(ticket) else { return done };
            state.seats[at].until = None;
            // Who only lets others have their turn waits until they had it.
            let over = until.is_some_and(|until| now() >= until) && state.idle + 1 >= state.seats.len();
            if done || over {
                state.idle = 0;
                return done;
            }
            state.seats[at].until = until;
            state.idle += 1;
            if state.idle >= state.seats.len() {
                state.idle = 0;
                let bound = state.seats.iter().filter_map(|seat| seat.until).min().unwrap_or(Time::MAX);
                drop(state);
                assert!(step(bound), "everybody in this world sleeps, and nothing is due");
                continue;
            }
            state.pass();
            self.changed.notify_all();
            drop(self.wait_turn(state, ticket));
        }
    }
}
