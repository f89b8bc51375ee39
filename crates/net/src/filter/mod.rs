//! Classic BPF socket filters (`net/core/filter.c`): programs that a user attaches to a sock and that say
//! of each packet how much of it the sock gets.
//!
//! [`Program::new`] checks a program once, as `bpf_check_classic` does, so that running it cannot fail,
//! loop or read what was never written.

mod check;
mod run;
#[cfg(test)]
mod tests;

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::skb::Skb;
use crate::sock::{SockCommon, SockFlag};
use std::sync::Arc;
use uapi::filter::SockFilter;
use uapi::{Errno, Result};

/// A program that was checked (`struct bpf_prog` made from a classic one).
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    insns: Box<[SockFilter]>,
}

impl Program {
    /// Checks a program.
    ///
    /// # Errors
    /// `EINVAL` for one that is empty or longer than 4096 instructions, has an unknown instruction, jumps
    /// beyond its end, divides by the constant 0, reads scratch memory that it has not written, or does
    /// not end with a return.
    ///
    /// ```
    /// use sockeye_net::filter::Program;
    /// use uapi::Errno;
    /// use uapi::filter::*;
    /// let all = [SockFilter::stmt(BPF_RET | BPF_K, u32::MAX)];
    /// assert!(Program::new(&all).is_ok());
    /// let endless = [SockFilter::stmt(BPF_JMP | BPF_JA, u32::MAX)];
    /// assert_eq!(Program::new(&endless), Err(Errno::EINVAL));
    /// ```
    pub fn new(insns: &[SockFilter]) -> Result<Arc<Program>> {
        check::check(insns)?;
        Ok(Arc::new(Program { insns: insns.into() }))
    }

    /// The instructions, as they were given (`SO_GET_FILTER`).
    pub fn insns(&self) -> &[SockFilter] {
        &self.insns
    }

    /// How many bytes of the packet are wanted; 0 for none of it (`bpf_prog_run`). Bytes are counted from
    /// `skb`'s data.
    pub fn run(&self, cx: &Cx<'_>, skb: &Skb) -> u32 {
        run::run(&self.insns, cx, skb, 0)
    }

    /// What the program says of the packet without its first `header` bytes; `None` when it is shorter.
    pub(crate) fn run_after(&self, cx: &Cx<'_>, skb: &Skb, header: usize) -> Option<u32> {
        (skb.len() >= header).then(|| run::run(&self.insns, cx, skb, header))
    }

    /// What keeping it is charged for (`sk_filter_charge`): a structure and its instructions.
    pub(crate) fn size(&self) -> u32 {
        /// `sizeof(struct bpf_prog)` without instructions, and with each translated into one.
        const PROG: u32 = 72;
        PROG + 8 * self.insns.len() as u32
    }
}

impl SockCommon {
    /// Shows a packet to the sock's filter and cuts it to what that wants, but not below `cap` bytes
    /// (`sk_filter_trim_cap`).
    ///
    /// # Errors
    /// The packet is not wanted.
    #[inline]
    pub fn filter(&self, cx: &Cx<'_>, skb: &mut Skb, cap: usize) -> core::result::Result<(), DropReason> {
        if self.flag(SockFlag::HasFilter) { self.run_filter(cx, skb, cap) } else { Ok(()) }
    }

    #[cold]
    fn run_filter(&self, cx: &Cx<'_>, skb: &mut Skb, cap: usize) -> core::result::Result<(), DropReason> {
        let Some(program) = self.program() else { return Ok(()) };
        let wanted = program.run(cx, skb) as usize;
        if wanted == 0 {
            return Err(DropReason::SocketFilter);
        }
        let len = wanted.max(cap);
        if len < skb.len() {
            skb.trim(cx, len);
        }
        Ok(())
    }

    /// Attaches a program in the place of any other (`sk_attach_filter`).
    ///
    /// # Errors
    /// `EPERM` when `SO_LOCK_FILTER` forbids it, `ENOMEM` beyond `net.core.optmem_max`.
    pub(crate) fn attach_filter(&self, cx: &Cx<'_>, program: Arc<Program>) -> Result<()> {
        if self.flag(SockFlag::FilterLocked) {
            return Err(Errno::EPERM);
        }
        self.charge_omem(cx.net, program.size()).map_err(|_| Errno::ENOMEM)?;
        let old = self.set_program(Some(program));
        self.set_flag(SockFlag::HasFilter, true);
        self.release(old);
        Ok(())
    }

    /// Takes the program away (`sk_detach_filter`).
    ///
    /// # Errors
    /// `EPERM` when `SO_LOCK_FILTER` forbids it, `ENOENT` when there is none.
    pub(crate) fn detach_filter(&self) -> Result<()> {
        if self.flag(SockFlag::FilterLocked) {
            return Err(Errno::EPERM);
        }
        let old = self.set_program(None);
        self.set_flag(SockFlag::HasFilter, false);
        let had = old.is_some();
        self.release(old);
        if had { Ok(()) } else { Err(Errno::ENOENT) }
    }

    fn release(&self, old: Option<Arc<Program>>) {
        if let Some(old) = old {
            self.uncharge_omem(old.size());
        }
    }

    /// A connection's sock has its listener's filter, and cannot get rid of a locked one (`sk_clone_lock`).
    pub fn inherit_filter(&self, cx: &Cx<'_>, from: &SockCommon) {
        // Flags may have been copied; what they tell of has not.
        self.set_flag(SockFlag::HasFilter, false);
        self.set_flag(SockFlag::FilterLocked, false);
        if from.flag(SockFlag::HasFilter)
            && let Some(program) = from.program()
        {
            // Beyond the limit the kernel makes no child at all; a limit that is met by the child alone is not.
            let _ = self.attach_filter(cx, program);
        }
        self.set_flag(SockFlag::FilterLocked, from.flag(SockFlag::FilterLocked));
    }
}
