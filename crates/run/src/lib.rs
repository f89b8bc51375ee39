//! The runner: unmodified programs on the stack.
//!
//! A seccomp filter stops the socket-specific calls of a process tree; the supervisor answers them from a [`Stack`]. For
//! each socket the program holds a real descriptor, the *carrier*: one end of an AF_UNIX connection whose other end the
//! supervisor pumps. Everything that is not socket-specific (read, write, poll, epoll, dup, fork, exec, close, sendfile,
//! SCM_RIGHTS) goes straight to the carrier, so static binaries, threads and signals need no help.
//!
//! - `filter`, `bpf`: which calls stop. `launch`: the child's way into the filter.
//! - `supervisor`: the loop. `calls`: one file a group of calls. `park`: calls that wait.
//! - `carrier`: streams, datagrams, listeners, and their ends. `table`: finding them.
//! - `sys`: the host's calls that all this is made of.

mod bpf;
mod call;
mod calls;
mod carrier;
mod creds;
pub mod doctor;
mod filter;
mod launch;
mod observe;
mod park;
mod runner;
pub mod stack;
mod supervisor;
mod sys;
mod table;
mod tasks;
mod usermem;

pub use observe::{Answer, Message, Observer, Seen};
pub use runner::{End, Error, Options, die_of, run, run_observed};
pub use stack::Stack;
