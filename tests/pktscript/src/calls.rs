//! System calls of a script: what each does, and how its outcome is checked.
//!
//! A call is prepared by the runner, made on a thread of its own, which may sleep, and checked by the
//! runner again once it has returned.

mod args;
mod io;
mod message;
mod option;
mod ready;
mod setup;

use crate::ast::Call;
use crate::run::{Run, Stop};
use args::Args;
use sockeye::Task;
use sockeye::uapi::{Errno, Result as Called};

/// What a call returned: its value and the memory it filled.
#[derive(Debug)]
pub struct Done {
    /// The value or the error.
    pub result: Called<i64>,
    /// Memory that the call filled.
    pub data: Vec<u8>,
    /// Other numbers it gave: flags, lengths, descriptors.
    pub extra: Vec<i64>,
}

impl Done {
    fn plain(result: Called<i64>) -> Done {
        Done { result, data: Vec::new(), extra: Vec::new() }
    }
}

/// The part of a call that runs on the thread.
pub type Body = Box<dyn FnOnce(&Task) -> Done + Send>;
/// What is looked at after a call returned as expected; an error says what was expected and what came.
pub type Check = Box<dyn FnOnce(&mut Run, &Done) -> Result<(), (String, String)>>;

/// A call, ready to be made.
pub struct Prepared {
    /// What the thread does.
    pub body: Body,
    /// What else there is to check.
    pub check: Check,
    /// The result is a descriptor: any will do where the script has one.
    pub fd: bool,
}

impl Prepared {
    fn new(body: impl FnOnce(&Task) -> Called<i64> + Send + 'static) -> Prepared {
        let body: Body = Box::new(move |task| Done::plain(body(task)));
        Prepared { body, check: Box::new(|_, _| Ok(())), fd: false }
    }

    fn with(body: impl FnOnce(&Task) -> Done + Send + 'static) -> Prepared {
        Prepared { body: Box::new(body), check: Box::new(|_, _| Ok(())), fd: false }
    }

    fn check(
        self,
        check: impl FnOnce(&mut Run, &Done) -> Result<(), (String, String)> + 'static,
    ) -> Prepared {
        Prepared { check: Box::new(check), ..self }
    }
}

type Prepare = fn(&mut Run, &Args<'_>) -> Result<Prepared, Stop>;

/// Every call of the language: its name, how many arguments it takes, and how it is made.
const CALLS: &[(&str, &[usize], Prepare)] = &[
    ("socket", &[3], setup::socket),
    ("bind", &[3], setup::bind),
    ("listen", &[2], setup::listen),
    ("accept", &[3], setup::accept),
    ("connect", &[3], setup::connect),
    ("close", &[1], setup::close),
    ("shutdown", &[2], setup::shutdown),
    ("fcntl", &[2, 3], setup::fcntl),
    ("ioctl", &[2, 3], setup::ioctl),
    ("read", &[3], io::read),
    ("recv", &[4], io::recv),
    ("recvfrom", &[6], io::recv),
    ("readv", &[3], io::readv),
    ("write", &[3], io::write),
    ("writev", &[3], io::writev),
    ("send", &[4], io::send),
    ("sendto", &[6], io::sendto),
    ("sendmsg", &[3], message::sendmsg),
    ("recvmsg", &[3], message::recvmsg),
    ("setsockopt", &[5], option::setsockopt),
    ("getsockopt", &[5], option::getsockopt),
    ("poll", &[3], ready::poll),
    ("epoll_create", &[1], ready::epoll_create),
    ("epoll_ctl", &[4], ready::epoll_ctl),
    ("epoll_wait", &[4], ready::epoll_wait),
    ("pipe", &[1], io::pipe),
    ("splice", &[6], io::splice),
    ("open", &[2], io::open),
    ("sendfile", &[4], io::sendfile),
];

/// Makes a call ready.
///
/// # Errors
/// For one that is not known, or arguments it cannot have.
pub fn prepare(run: &mut Run, line: usize, call: &Call) -> Result<Prepared, Stop> {
    let Some((_, counts, prepare)) = CALLS.iter().find(|row| row.0 == call.name) else {
        return Err(Stop::unsupported(line, format!("system call {}", call.name)));
    };
    let args = Args { line, list: &call.args, call };
    if !counts.contains(&call.args.len()) {
        return Err(args.bad("another number of arguments"));
    }
    prepare(run, &args)
}

/// Compares what a call returned with what the script says.
///
/// # Errors
/// What was expected and what came.
pub fn check_result(line: usize, call: &Call, done: &Done, fd: bool) -> Result<(), Stop> {
    let args = Args { line, list: &call.args, call };
    let expected = args.value(&call.result)?;
    let shown = match done.result {
        Ok(value) => value.to_string(),
        Err(errno) => format!("-1 {}", errno.name()),
    };
    let errno = match &call.errno {
        None => None,
        Some(name) => Some(Errno::from_name(name).ok_or_else(|| args.bad(&format!("error {name}")))?),
    };
    let right = match done.result {
        Ok(value) => (fd && expected >= 0 || value == expected) && errno.is_none(),
        Err(got) => expected == -1 && errno.is_none_or(|errno| errno == got),
    };
    if right {
        return Ok(());
    }
    let wanted = format!("{} = {expected} {}", call.name, call.errno.as_deref().unwrap_or(""));
    Err(Stop::fail(line, wanted.trim_end(), shown))
}
