//! Packet scripts: an interpreter of the packetdrill language, in one process with the stack and on
//! the virtual clock.
//!
//! A script makes system calls, sends packets to the stack and says which packets are to come from it,
//! and when. Each runs in a [world](sockeye::sim::World) of its own: one host, one device (`tun0`),
//! whose other end is the script. Calls are made on a program of that world, so that one may sleep
//! while the script goes on and the time passes.
//!
//! Stricter than the original: a packet that belongs to no connection of the script fails it, checksums
//! are looked at, and for our own scripts a packet that nobody expected before the last event is wrong
//! too ([`settings::Settings::strict_end`]). What a script needs and is
//! not there (a command, a call, an option) makes it *unsupported*; nothing is passed over.
//!
//! ```
//! use pktscript::{parse::parse, run::run, settings::{IpVersion, Settings}};
//!
//! let settings = Settings::new(IpVersion::V4);
//! let script = parse(
//!     "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//!      +0 bind(3, ..., ...) = 0
//!      +0 listen(3, 1) = 0
//!      +0 < S 0:0(0) win 1000 <mss 1000>
//!      +0 > S. 0:0(0) ack 1 <mss 1460>",
//!     &settings.defines,
//! )
//! .unwrap();
//! run(&script, settings, ".".as_ref()).unwrap();
//! ```

#![forbid(unsafe_code)]

pub mod ast;
pub mod calls;
pub mod code;
mod file;
mod flow;
mod info;
pub mod lex;
pub mod packet;
pub mod parse;
pub mod run;
pub mod settings;
mod shell;
pub mod suite;
pub mod symbols;
mod tun;
