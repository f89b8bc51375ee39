//! Sockeye's TCP beside Linux's, and against it.
//!
//! - [`ours`] and [`host`] send over the same simulated [`path`], one in virtual time, the other between
//!   two network namespaces joined by TUN devices; [`series`] compares how their windows went, and
//!   [`plot`] draws it. The host's are recorded, for machines without the right to a namespace.
//! - [`transfer`] sends checked bytes between Sockeye and the host's kernel over a TUN device, with what
//!   goes wrong on a path done to them on our side.
//!
//! - [`programs`] lets the host's curl and nginx talk to Sockeye over the same device.
//!
//! All talk to the host's kernel is in [`host`].

pub mod host;
pub mod ours;
pub mod path;
pub mod plot;
pub mod programs;
pub mod series;
pub mod transfer;
