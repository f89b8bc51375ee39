//! A connection, as the script counts and as the stack does.
//!
//! A script's sequence numbers begin where it likes, and its time stamps too; what the stack chooses
//! becomes known with its first segment.

use crate::ast::{Opt, Tcp};
use crate::packet::compare::timestamp;
use crate::packet::{Segment, Tuple, be32};
use std::collections::HashMap;
use std::net::IpAddr;

/// How far a socket is, as the script shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// After `socket()`.
    New,
    /// After `listen()`.
    Listening,
    /// After `connect()`.
    Connecting,
    /// Its SYN is expected or was seen.
    SynSent,
    /// The peer's SYN-ACK was sent to it.
    SynAcked,
    /// The peer's SYN was sent to it.
    SynReceived,
    /// Its SYN-ACK was seen.
    SynAckSent,
    /// The peer acknowledged it.
    Accepted,
}

/// One socket of a script.
#[derive(Debug)]
pub(crate) struct Flow {
    /// How far it is.
    pub(crate) stage: Stage,
    /// Its descriptor in the stack.
    pub(crate) fd: Option<i32>,
    /// Our address and port.
    pub(crate) local: (IpAddr, u16),
    /// The peer's.
    pub(crate) remote: (IpAddr, u16),
    /// The stack's initial sequence number as the script has it.
    pub(crate) script_isn: u32,
    /// The one it chose.
    pub(crate) live_isn: u32,
    /// The peer's; both have the same.
    pub(crate) remote_isn: u32,
    /// Time stamps of the stack: those of the script and those it sent.
    sent_ts: HashMap<u32, u32>,
    /// The first of them.
    first_ts: Option<(u32, u32)>,
    /// Flow labels: the script's and the stack's.
    label: Option<(u32, u32)>,
}

impl Flow {
    /// A new socket.
    pub(crate) fn new(local: IpAddr, remote: IpAddr) -> Flow {
        Flow {
            stage: Stage::New,
            fd: None,
            local: (local, 0),
            remote: (remote, 0),
            script_isn: 0,
            live_isn: 0,
            remote_isn: 0,
            sent_ts: HashMap::new(),
            first_ts: None,
            label: None,
        }
    }

    /// Addresses of what the stack sends.
    pub(crate) fn outbound(&self) -> Tuple {
        Tuple { source: self.local, dest: self.remote }
    }

    /// Addresses of what is sent to the stack.
    pub(crate) fn inbound(&self) -> Tuple {
        Tuple { source: self.remote, dest: self.local }
    }

    fn local_offset(&self, syn: bool) -> u32 {
        if syn { self.live_isn.wrapping_sub(self.script_isn) } else { self.live_isn }
    }

    fn remote_offset(&self, syn: bool) -> u32 {
        if syn { 0 } else { self.remote_isn }
    }

    /// A sequence number of ours, as the stack has it.
    pub(crate) fn live_seq(&self, seq: u32) -> u32 {
        seq.wrapping_add(self.local_offset(false))
    }

    /// The script's segment in the stack's terms.
    ///
    /// # Errors
    /// For an echoed time stamp that was never sent.
    pub(crate) fn to_live(&self, tcp: &Tcp, scaled: bool) -> Result<(Tcp, Vec<Opt>), String> {
        let syn = tcp.flags.contains('S');
        let acked = tcp.flags.contains('.');
        let (local, remote) = (self.local_offset(syn), self.remote_offset(syn));
        let mut live = Tcp { seq: tcp.seq.wrapping_add(remote), ..tcp.clone() };
        if acked {
            live.ack = tcp.ack.wrapping_add(local);
        }
        let mut options = tcp.options.clone().unwrap_or_default();
        for option in &mut options {
            match option {
                Opt::Sack(blocks) => {
                    for (left, right) in blocks {
                        (*left, *right) = (left.wrapping_add(local), right.wrapping_add(local));
                    }
                }
                Opt::Ts(_, echo) if acked => {
                    *echo = match (self.sent_ts.get(echo), self.first_ts) {
                        (Some(live), _) => *live,
                        (None, Some((script, live))) if scaled => {
                            echo.wrapping_sub(script).wrapping_add(live)
                        }
                        _ => return Err(format!("time stamp {echo} to be echoed was never sent")),
                    };
                }
                _ => {}
            }
        }
        Ok((live, options))
    }

    /// The stack's segment in the script's terms; time stamps stay.
    pub(crate) fn to_script(&self, seen: &mut Segment) {
        let syn = seen.flags & 0x02 != 0;
        seen.seq = seen.seq.wrapping_sub(self.local_offset(syn));
        let remote = self.remote_offset(syn);
        if seen.flags & 0x10 != 0 {
            seen.ack = seen.ack.wrapping_sub(remote);
        }
        let mut at = 0;
        while at < seen.options.len() {
            let kind = seen.options[at];
            if kind <= 1 {
                at += 1;
                continue;
            }
            let len = usize::from(seen.options.get(at + 1).copied().unwrap_or(0)).max(2);
            if kind == 5 {
                let end = (at + len).min(seen.options.len());
                for edge in seen.options[at + 2..end].chunks_exact_mut(4) {
                    let value = be32(edge, 0).wrapping_sub(remote);
                    edge.copy_from_slice(&value.to_be_bytes());
                }
            }
            at += len;
        }
    }

    /// Takes note of the time stamp of a segment from the stack; how far it is from the script's, in
    /// ticks, if both have one.
    pub(crate) fn note_timestamp(&mut self, expected: &Tcp, seen: &mut Segment) -> Option<u32> {
        let wanted = expected.options.iter().flatten().find_map(|option| match option {
            Opt::Ts(value, _) => Some(*value),
            _ => None,
        })?;
        let (live, _) = timestamp(&seen.options)?;
        self.sent_ts.insert(wanted, live);
        let (script_first, live_first) = *self.first_ts.get_or_insert((wanted, live));
        let mapped = live.wrapping_sub(live_first).wrapping_add(script_first);
        if let Some(at) = seen.options.windows(4).position(|four| be32(four, 0) == live) {
            seen.options[at..at + 4].copy_from_slice(&mapped.to_be_bytes());
        }
        Some((mapped.wrapping_sub(wanted) as i32).unsigned_abs())
    }

    /// Compares flow labels: the same name stands for the same label, another for another.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn check_label(&mut self, expected: u32, actual: u32) -> Result<(), String> {
        if expected == 0 {
            return Ok(());
        }
        if actual == 0 {
            return Err("no flow label".into());
        }
        match self.label {
            Some((script, live)) if (script == expected) != (live == actual) => {
                Err(format!("flow label {actual:#x} after {live:#x}"))
            }
            _ => {
                self.label = Some((expected, actual));
                Ok(())
            }
        }
    }
}
