//! The oracle: two kernels behind one trait, the host's ([`Host`]) and Sockeye ([`Ours`]). Whatever is
//! asked of one is asked of the other, and the answers must be the same or be explained by a row of
//! docs/DIVERGENCES.md ([`explained`]).
//!
//! Questions come in three shapes. *Sweeps* call [`Kernel`] themselves and ask a whole table: every
//! socket there may be ([`creation`]). *Scripts* ([`script`]) are calls in words, one a line, for what a
//! person or a generator writes. Both answer in text, which is what is compared, printed and recorded
//! ([`recorded`]) for machines where no namespace can be made to ask the host in ([`place`]).

pub mod creation;
pub mod explained;
pub mod filters;
mod host;
mod kernel;
pub mod memory;
pub mod options;
mod ours;
pub mod place;
mod random;
pub mod recorded;
pub mod report;
pub mod script;
pub mod sequences;
pub mod sweep;
pub mod sysctl;
pub mod unix;
mod value;

pub use host::Host;
pub use kernel::{Errno, Job, Kernel, Many, Name, Outgoing, Received, control, parse_control};
pub use ours::Ours;
pub use place::{Who, in_private_namespace, without_capabilities};
