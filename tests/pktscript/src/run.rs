//! Running a script: one host in a world of its own, its device, and the clock.

mod packets;

use crate::ast::{Action, Call, Event, Script, When};
use crate::calls::{self, Check, Done, Prepared};
use crate::code::Python;
use crate::flow::{Flow, Stage};
use crate::settings::Settings;
use crate::shell::Shell;
use crate::tun::{NAME, Tun};
use sockeye::kern::signals::Signals;
use sockeye::kern::time::Clock as _;
use sockeye::sim::{Program, World};
use sockeye::uapi::socket::{SO_ACCEPTCONN, SOL_SOCKET};
use sockeye::{Net, Task};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Why a script did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something else happened than the script says.
    Failed(Failure),
    /// The script wants what is not there to be had.
    Unsupported(Failure),
}

/// What was expected where, and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the script, from 1.
    pub line: usize,
    /// What the script says.
    pub expected: String,
    /// What happened.
    pub got: String,
}

impl Stop {
    pub(crate) fn fail(line: usize, expected: impl Into<String>, got: impl Into<String>) -> Stop {
        Stop::Failed(Failure { line, expected: expected.into(), got: got.into() })
    }

    pub(crate) fn unsupported(line: usize, what: impl Into<String>) -> Stop {
        Stop::Unsupported(Failure { line, expected: what.into(), got: "not supported".into() })
    }
}

/// A time range that says nothing.
const NO_TIME: i64 = i64::MIN;

/// When an event is to be, microseconds since the script began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) line: usize,
    pub(crate) any: bool,
    pub(crate) from: i64,
    /// The end of a range.
    pub(crate) to: i64,
    /// When the event before was to be.
    pub(crate) last: i64,
    /// What its times count from.
    base: i64,
}

/// A call that has not returned yet.
struct Blocked {
    program: Program<(Task, Done, i64)>,
    line: usize,
    call: Call,
    check: Check,
    fd: bool,
    start: i64,
    end: i64,
}

/// A running script.
pub struct Run {
    // In the order they are to be dropped.
    blocked: Option<Blocked>,
    /// Makes the calls; away while one sleeps.
    worker: Option<Task>,
    signals: Arc<Signals>,
    /// Looks at sockets.
    task: Task,
    pub(crate) tun: Tun,
    pub(crate) net: Net,
    pub(crate) world: World,
    pub(crate) settings: Settings,
    /// The clock when the script began, nanoseconds.
    start: u64,
    start_realtime: u64,
    flows: Vec<Flow>,
    current: Option<usize>,
    fds: HashMap<i32, i32>,
    next_port: u16,
    /// Files that commands made: their lengths.
    pub(crate) files: HashMap<String, i64>,
    python: Python,
    shell: Shell,
}

/// Runs a script; `dir` is where it lies, for the commands it names.
///
/// # Errors
/// With why it did not pass.
pub fn run(script: &Script, settings: Settings, dir: &Path) -> Result<(), Stop> {
    let mut run = Run::new(script, settings, dir)?;
    let outcome = run.all(script);
    run.end();
    outcome
}

impl Run {
    fn new(script: &Script, mut settings: Settings, dir: &Path) -> Result<Run, Stop> {
        settings.apply(script).map_err(|option| Stop::unsupported(1, option))?;
        let world = World::new(1);
        let net = world.host();
        let errno = |errno: sockeye::uapi::Errno| Stop::unsupported(1, format!("a device: {}", errno.name()));
        let tun = Tun::new(&net, settings.mtu).map_err(errno)?;
        net.add_addr(NAME, &format!("{}/{}", settings.local, settings.prefix)).map_err(errno)?;
        net.add_route(&settings.remote.to_string(), None, NAME).map_err(errno)?;
        let mut task = Task::new(&net);
        let worker = task.thread();
        let mut run = Run {
            blocked: None,
            signals: worker.signals().clone(),
            worker: Some(worker),
            task,
            tun,
            net,
            world,
            settings,
            start: 0,
            start_realtime: 0,
            flows: Vec::new(),
            current: None,
            fds: HashMap::new(),
            next_port: 45_001,
            files: HashMap::new(),
            python: Python::default(),
            shell: Shell::new(dir),
        };
        if let Some((text, line)) = &script.init {
            run.command(text, *line)?;
        }
        // A quarter into a tick, as the language wants it: what is scheduled by whole milliseconds
        // never meets the tick itself.
        run.world.run_for(99_000_250_000);
        while run.tun.take().is_some() {}
        run.start = run.world.now().ns();
        run.start_realtime = run.world.clock().realtime_ns();
        Ok(run)
    }

    fn all(&mut self, script: &Script) -> Result<(), Stop> {
        let mut last: Option<(i64, bool)> = None;
        for event in &script.events {
            self.collect_returned()?;
            let due = self.due(event, last)?;
            self.event(event, &due)?;
            last = Some((due.from, matches!(event.action, Action::In(_))));
        }
        self.finish_call()?;
        if let Some((text, line)) = &script.cleanup {
            self.command(text, *line)?;
        }
        self.nothing_left(script.events.last().map_or(1, |event| event.line), last.map_or(0, |last| last.0))
    }

    /// Times relative to the event before count from now, but packets in a row from each other.
    fn due(&self, event: &Event, last: Option<(i64, bool)>) -> Result<Due, Stop> {
        let anchored = matches!(event.action, Action::In(_)).then_some(last).flatten();
        let base = anchored.filter(|last| last.1).map_or_else(|| self.usecs(), |last| last.0);
        let (base, from, to, any) = match event.when {
            When::At(at) => (0, at, NO_TIME, false),
            When::After(after) => (base, base + after, NO_TIME, false),
            When::Any => (0, self.usecs(), NO_TIME, true),
            When::Between(from, to) => (0, from, to, false),
            When::AfterBetween(from, to) => (base, base + from, base + to, false),
        };
        if last.is_none() && from != 0 {
            return Err(Stop::unsupported(event.line, "a first event that is not at 0"));
        }
        Ok(Due { line: event.line, any, from, to, last: last.map_or(NO_TIME, |last| last.0), base })
    }

    fn event(&mut self, event: &Event, due: &Due) -> Result<(), Stop> {
        if !matches!(event.action, Action::Out(_)) {
            self.wait_until(due)?;
        }
        match &event.action {
            Action::In(packet) => self.inbound(packet, due.line),
            Action::Out(packet) => self.outbound(packet, due),
            Action::Command(text) => self.command(text, due.line),
            Action::Code(text) => self.code(text, due.line),
            Action::Call(call) => self.call(call, due),
        }
    }

    /// Microseconds since the script began.
    pub(crate) fn usecs(&self) -> i64 {
        (self.world.now().ns() as i64 - self.start as i64) / 1000
    }

    /// The same for a time that the stack gave out.
    pub(crate) fn usecs_of_realtime(&self, ns: u64) -> i64 {
        (ns as i64 - self.start_realtime as i64) / 1000
    }

    pub(crate) fn usecs_of_clock(&self, ns: u64) -> i64 {
        (ns as i64 - self.start as i64) / 1000
    }

    fn wait_until(&mut self, due: &Due) -> Result<(), Stop> {
        let left = due.from - self.usecs();
        if left > 0 {
            let target = self.start + due.from as u64 * 1000;
            self.world.run_for(target - self.world.now().ns());
        } else {
            self.world.pause();
        }
        self.collect_returned()?;
        self.check_time(due, self.usecs(), "the event")
    }

    /// Compares when something happened with when it was to happen.
    pub(crate) fn check_time(&self, due: &Due, actual: i64, what: &str) -> Result<(), Stop> {
        let mut tolerance = self.settings.tolerance_usecs;
        if due.last != NO_TIME {
            let gap = (due.from - due.last) as f64;
            tolerance = tolerance.max((gap * self.settings.tolerance_percent / 100.0) as i64);
        }
        let to = if due.to == NO_TIME { due.from } else { due.to };
        if due.any || (due.from - tolerance..=to + tolerance).contains(&actual) {
            return Ok(());
        }
        let seconds = |usecs: i64| usecs as f64 / 1e6;
        let range = if to == due.from { String::new() } else { format!("~{:.6}", seconds(to)) };
        let expected = format!("{what} at {:.6}{range} (+-{:.6})", seconds(due.from), seconds(tolerance));
        Err(Stop::fail(due.line, expected, format!("at {:.6}", seconds(actual))))
    }

    fn command(&mut self, text: &str, line: usize) -> Result<(), Stop> {
        let mut shell = std::mem::take(&mut self.shell);
        let outcome = shell.run(self, text);
        self.shell = shell;
        match outcome {
            Ok(0) => Ok(()),
            Ok(status) => {
                Err(Stop::fail(line, format!("`{}` = 0", text.trim()), format!("exit status {status}")))
            }
            Err(what) => Err(Stop::unsupported(line, what)),
        }
    }

    fn code(&mut self, text: &str, line: usize) -> Result<(), Stop> {
        let fd = self.current.and_then(|current| self.flows[current].fd);
        let mut python = std::mem::take(&mut self.python);
        if let Some(fd) = fd {
            crate::info::snapshot(&self.task, fd, &mut python);
        }
        let outcome = python.run(text);
        self.python = python;
        match outcome {
            Ok(()) => Ok(()),
            Err(crate::code::Trouble::Assert(expected, got)) => Err(Stop::fail(line, expected, got)),
            Err(crate::code::Trouble::Unknown(what)) => Err(Stop::unsupported(line, what)),
        }
    }

    fn call(&mut self, call: &Call, due: &Due) -> Result<(), Stop> {
        self.finish_call()?;
        let Prepared { body, check, fd } = calls::prepare(self, due.line, call)?;
        let Some(task) = self.worker.take() else {
            return Err(Stop::fail(due.line, "a call", "the one before sleeps"));
        };
        let start = self.world.now().ns();
        let clock = self.world.clock();
        let program = self.world.spawn(move || {
            let done = body(&task);
            let took = (clock.now().ns() - start) / 1000;
            (task, done, took as i64)
        });
        let now = self.usecs();
        // The end of a call counts from where its begin does.
        let end = call.end.map_or(now, |end| end + due.base);
        let line = due.line;
        self.blocked = Some(Blocked { program, line, call: call.clone(), check, fd, start: now, end });
        self.world.pause();
        if call.end.is_none() {
            return self.finish_call();
        }
        self.collect_returned()
    }

    /// Takes the result of a call that has returned.
    fn collect_returned(&mut self) -> Result<(), Stop> {
        let Some(blocked) = self.blocked.take_if(|blocked| blocked.program.is_finished()) else {
            return Ok(());
        };
        let Blocked { program, line, call, check, fd, start, end } = blocked;
        let (task, done, took) = program.join();
        self.worker = Some(task);
        calls::check_result(line, &call, &done, fd)?;
        check(self, &done)
            .map_err(|(expected, got)| Stop::fail(line, format!("{}: {expected}", call.name), got))?;
        let due = Due { line, any: false, from: end, to: NO_TIME, last: start, base: 0 };
        self.check_time(&due, start + took, &format!("the end of {}", call.name))
    }

    /// Waits for a call that sleeps, until a little after it is to end.
    fn finish_call(&mut self) -> Result<(), Stop> {
        self.collect_returned()?;
        let Some(blocked) = &self.blocked else { return Ok(()) };
        let (line, name) = (blocked.line, blocked.call.name.clone());
        let until = (blocked.end - self.usecs()).max(0) + 2_000_000;
        let program = &blocked.program;
        self.world.run_until(until as u64 * 1000, || program.is_finished());
        self.collect_returned()?;
        match self.blocked {
            Some(_) => Err(Stop::fail(line, format!("{name} returns"), "it sleeps")),
            None => Ok(()),
        }
    }

    /// Wakes a call that still sleeps, and closes everything.
    fn end(mut self) {
        if let Some(blocked) = self.blocked.take() {
            self.signals.interrupt();
            let program = &blocked.program;
            if self.world.run_until(1_000_000_000, || program.is_finished()) {
                drop(blocked.program.join());
            }
        }
    }

    /// Adds a socket, to which packets belong from now on.
    pub(crate) fn add_flow(&mut self, mut flow: Flow, fd: i32) {
        flow.fd = Some(fd);
        self.flows.push(flow);
        self.current = Some(self.flows.len() - 1);
    }

    /// The socket with this descriptor of the stack.
    pub(crate) fn flow_of(&mut self, fd: i32) -> Option<&mut Flow> {
        self.flows.iter_mut().rev().find(|flow| flow.fd == Some(fd))
    }

    /// `accept()` gave a descriptor: it is the newest connection's. False if there is none.
    pub(crate) fn accepted(&mut self, fd: i32) -> bool {
        let mut newest = self.flows.iter_mut().rev();
        let Some(flow) = newest.find(|flow| matches!(flow.stage, Stage::SynAckSent | Stage::Accepted)) else {
            return false;
        };
        flow.fd = Some(fd);
        true
    }

    /// The ports of sockets that listen, as the stack says.
    pub(crate) fn listening(&self) -> Vec<u16> {
        let accepts = |fd: &i32| self.task.getsockopt_int(*fd, SOL_SOCKET, SO_ACCEPTCONN) == Ok(1);
        let port = |fd: &i32| self.task.local_addr(*fd).ok().map(|addr| addr.port());
        self.fds.values().filter(|fd| accepts(fd)).filter_map(port).collect()
    }

    /// The stack's descriptor for a script's.
    pub(crate) fn live_fd(&self, script: i32) -> Option<i32> {
        self.fds.get(&script).copied()
    }

    pub(crate) fn map_fd(&mut self, script: i32, live: i32) {
        self.fds.insert(script, live);
    }

    pub(crate) fn unmap_fd(&mut self, script: i32) {
        self.fds.remove(&script);
    }
}
