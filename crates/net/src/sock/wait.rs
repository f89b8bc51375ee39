//! How long a call waits (`sock_rcvtimeo`, `sock_sndtimeo`, `sock_intr_errno`).

use crate::cx::UserCx;
use kern::time::Time;
use uapi::Errno;

/// How long a call may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeo {
    /// Not at all: a non-blocking file, `MSG_DONTWAIT`.
    Never,
    /// Until this moment: `SO_RCVTIMEO`, `SO_SNDTIMEO`, a lingering close.
    Until(Time),
    /// As long as it takes.
    Forever,
}

impl Timeo {
    /// From a timeout in nanoseconds (`u64::MAX` for none) that begins now.
    pub fn new(cx: &UserCx<'_>, nonblock: bool, timeout_ns: u64) -> Timeo {
        match timeout_ns {
            _ if nonblock => Timeo::Never,
            u64::MAX => Timeo::Forever,
            ns => Timeo::Until(Time::from_ns(cx.now().ns().saturating_add(ns))),
        }
    }

    /// What a signal makes of the call: restartable only when it has no timeout.
    pub fn intr_errno(self) -> Errno {
        if self == Timeo::Forever { Errno::ERESTARTSYS } else { Errno::EINTR }
    }

    /// The moment it ends.
    pub fn deadline(self) -> Option<Time> {
        match self {
            Timeo::Until(time) => Some(time),
            Timeo::Never | Timeo::Forever => None,
        }
    }

    /// True when it is over.
    pub fn has_passed(self, cx: &UserCx<'_>) -> bool {
        match self {
            Timeo::Never => true,
            Timeo::Until(time) => cx.now() >= time,
            Timeo::Forever => false,
        }
    }
}
