//! What happens inside when a program makes a call: the rooms it passes, as text or as JSON lines.
//!
//! A [`Trace`] is a tracer of namespaces ([`net::trace::Tracer`]). It gathers what happens on each
//! thread; [`Trace::call`] runs a call and tells it as strace would, with what happened inside below
//! it. Off, the tracepoints cost a load and a branch.
//!
//! ```
//! use sockeye::trace::{Style, Trace};
//! use sockeye::uapi::socket::{AF_INET, SOCK_STREAM};
//! use sockeye::{Net, Task};
//!
//! let net = Net::new();
//! let trace = Trace::attach(&net);
//! let task = Task::new(&net);
//! let (fd, told) = trace.call("socket(AF_INET, SOCK_STREAM, 0)", || task.socket(AF_INET, SOCK_STREAM, 0));
//! let text = told.to_string(Style::Text);
//! assert!(text.starts_with("socket(AF_INET, SOCK_STREAM, 0) = 0\n"), "{text}");
//! assert!(text.contains("inet_stream_ops"), "{text}");
//! # let _ = fd;
//! ```

mod packet;
mod record;
mod show;

pub use packet::summary;
pub use record::{Record, Value};
pub use show::{Style, Told};

use crate::Net;
use kern::sync::SpinLock;
use net::trace::{Event, Tracer};
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::thread::ThreadId;
use uapi::Errno;

/// Gathers what happens in namespaces. Clones gather together.
#[derive(Clone, Default)]
pub struct Trace(Arc<Gatherer>);

#[derive(Default)]
struct Gatherer(SpinLock<HashMap<ThreadId, Vec<Record>>>);

impl Tracer for Gatherer {
    fn event(&self, net: &net::Net, event: &Event<'_>) {
        let record = Record::of(net, event);
        self.0.lock().entry(std::thread::current().id()).or_default().push(record);
    }
}

impl Trace {
    /// Gathers what happens in this namespace from now on. A namespace has one tracer: the last wins.
    pub fn attach(net: &Net) -> Trace {
        let trace = Trace::default();
        trace.also(net);
        trace
    }

    /// Gathers what happens in another namespace, too.
    pub fn also(&self, net: &Net) {
        net.stack().tracer.set(Some(self.0.clone()));
    }

    /// Gathers no more.
    pub fn detach(&self, net: &Net) {
        net.stack().tracer.set(None);
    }

    /// What happened on this thread since it was last taken.
    pub fn take(&self) -> Vec<Record> {
        self.0.0.lock().remove(&std::thread::current().id()).unwrap_or_default()
    }

    /// Runs a call, and tells it: `line` is how strace would write it, without the result.
    pub fn call<T: Outcome>(&self, line: impl Into<String>, call: impl FnOnce() -> T) -> (T, Told) {
        let before = self.take();
        let result = call();
        let told = Told { before, line: Some(line.into()), result: Some(result.told()), inside: self.take() };
        (result, told)
    }
}

/// What a call returns, as strace writes it.
pub trait Outcome {
    /// `3`, `0`, `-1 EAGAIN (Resource temporarily unavailable)`.
    fn told(&self) -> String;
}

/// A value as it is printed.
pub trait Returned {
    /// What the system call returns.
    fn shown(&self) -> String;
}

macro_rules! numbers {
    ($($t:ty)*) => { $(impl Returned for $t {
        fn shown(&self) -> String { self.to_string() }
    })* };
}

numbers!(i32 i64 usize);

impl Returned for () {
    fn shown(&self) -> String {
        "0".to_owned()
    }
}

impl<A: Display, B> Returned for (A, B) {
    fn shown(&self) -> String {
        self.0.to_string()
    }
}

impl<T: Returned> Outcome for uapi::Result<T> {
    fn told(&self) -> String {
        match self {
            Ok(value) => value.shown(),
            Err(errno) => failed(*errno),
        }
    }
}

/// A failed call's result.
pub fn failed(errno: Errno) -> String {
    format!("-1 {} ({})", errno.name(), errno.text())
}
