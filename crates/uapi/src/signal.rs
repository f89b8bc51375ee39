//! Signals, as x86-64 numbers them.

use crate::table::abi;

abi! {
    /// Signals (`signal(7)`).
    SIGNALS: i32 {
        SIGHUP = 1, "Hang-up.";
        SIGINT = 2, "Interrupt from the keyboard.";
        SIGQUIT = 3, "Quit from the keyboard.";
        SIGILL = 4, "Illegal instruction.";
        SIGTRAP = 5, "Trap.";
        SIGABRT = 6, "Abort.";
        SIGBUS = 7, "Bus error.";
        SIGFPE = 8, "Arithmetic error.";
        SIGKILL = 9, "Kill.";
        SIGUSR1 = 10, "User's first.";
        SIGSEGV = 11, "Bad memory reference.";
        SIGUSR2 = 12, "User's second.";
        SIGPIPE = 13, "Write with no reader.";
        SIGALRM = 14, "Alarm.";
        SIGTERM = 15, "Terminate.";
        SIGSTKFLT = 16, "Unused.";
        SIGCHLD = 17, "Child changed state.";
        SIGCONT = 18, "Continue.";
        SIGSTOP = 19, "Stop.";
        SIGTSTP = 20, "Stop from the keyboard.";
        SIGTTIN = 21, "Background read.";
        SIGTTOU = 22, "Background write.";
        SIGURG = 23, "Urgent data on a socket.";
        SIGXCPU = 24, "CPU time used up.";
        SIGXFSZ = 25, "File too large.";
        SIGVTALRM = 26, "Virtual alarm.";
        SIGPROF = 27, "Profiling alarm.";
        SIGWINCH = 28, "Window size changed.";
        SIGIO = 29, "Input or output is possible.";
        SIGPWR = 30, "Power failure.";
        SIGSYS = 31, "Bad system call.";
    }
}

/// Another name of [`SIGIO`].
pub const SIGPOLL: i32 = SIGIO;
/// One past the last signal (`_NSIG` plus one).
pub const SIG_MAX: i32 = 65;

abi! {
    /// `si_code` of a SIGIO (`POLL_*`).
    SIGIO_CODES: i32 {
        POLL_IN = 1, "Data to read.";
        POLL_OUT = 2, "Room to write.";
        POLL_MSG = 3, "A message.";
        POLL_ERR = 4, "An error.";
        POLL_PRI = 5, "Urgent data.";
        POLL_HUP = 6, "Hung up.";
    }
}
