//! The trapped calls, one file a group. Each is thin: read the caller's memory, ask the stack, show the result in the carrier.

mod accept;
mod connect;
mod ioctl;
mod message;
mod name;
mod open;
mod opt;
mod recv;
mod send;
mod socket;
mod socketcall;
mod transfer;
