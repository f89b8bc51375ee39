//! A small assembler for classic BPF, with labels: what a seccomp filter is written in.

use std::collections::HashMap;

/// One instruction, as `struct sock_filter`.
pub(crate) type Insn = libc::sock_filter;

const LD_W_ABS: u16 = 0x20;
const JA: u16 = 0x05;
const JEQ_K: u16 = 0x15;
const JGE_K: u16 = 0x35;
const JSET_K: u16 = 0x45;
const RET_K: u16 = 0x06;

/// A place in the program, named before it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Label(usize);

#[derive(Clone, Copy, Debug)]
enum Step {
    Plain(Insn),
    /// Jump to the label if the test holds, else fall through. The jump is a long one: offsets of tests have 8 bits only.
    Branch {
        code: u16,
        k: u32,
        to: Label,
    },
    Goto(Label),
}

/// A program being written.
#[derive(Debug, Default)]
pub(crate) struct Program {
    steps: Vec<Step>,
    labels: usize,
    places: HashMap<Label, usize>,
}

impl Program {
    /// A label to be [placed](Self::place) later.
    pub(crate) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels)
    }

    /// The label stands for the next instruction.
    pub(crate) fn place(&mut self, label: Label) {
        self.places.insert(label, self.steps.len());
    }

    /// `A = word at offset` of `struct seccomp_data`.
    pub(crate) fn load(&mut self, offset: u32) {
        self.steps.push(Step::Plain(Insn { code: LD_W_ABS, jt: 0, jf: 0, k: offset }));
    }

    /// End with an action.
    pub(crate) fn ret(&mut self, action: u32) {
        self.steps.push(Step::Plain(Insn { code: RET_K, jt: 0, jf: 0, k: action }));
    }

    /// Jump if `A == k`.
    pub(crate) fn if_eq(&mut self, k: u32, to: Label) {
        self.steps.push(Step::Branch { code: JEQ_K, k, to });
    }

    /// Jump if `A >= k`.
    pub(crate) fn if_ge(&mut self, k: u32, to: Label) {
        self.steps.push(Step::Branch { code: JGE_K, k, to });
    }

    /// Jump if `A & k != 0`.
    pub(crate) fn if_any(&mut self, k: u32, to: Label) {
        self.steps.push(Step::Branch { code: JSET_K, k, to });
    }

    /// Jump.
    pub(crate) fn goto(&mut self, to: Label) {
        self.steps.push(Step::Goto(to));
    }

    /// Resolve the labels. A label that was never placed, or lies behind its use, gives `None`: classic BPF jumps forward only.
    pub(crate) fn finish(self) -> Option<Vec<Insn>> {
        // A branch takes two instructions (the test skips the long jump if it fails), so places shift.
        let mut at = Vec::with_capacity(self.steps.len() + 1);
        let mut len = 0usize;
        for step in &self.steps {
            at.push(len);
            len += if matches!(step, Step::Branch { .. }) { 2 } else { 1 };
        }
        at.push(len);
        let distance = |to: Label, from: usize| -> Option<u32> {
            let target = at.get(*self.places.get(&to)?)?;
            u32::try_from(target.checked_sub(from + 1)?).ok()
        };
        let mut out = Vec::with_capacity(len);
        for step in &self.steps {
            match *step {
                Step::Plain(insn) => out.push(insn),
                Step::Goto(to) => {
                    let k = distance(to, out.len())?;
                    out.push(Insn { code: JA, jt: 0, jf: 0, k });
                }
                Step::Branch { code, k, to } => {
                    let far = distance(to, out.len() + 1)?;
                    out.push(Insn { code, jt: 0, jf: 1, k });
                    out.push(Insn { code: JA, jt: 0, jf: 0, k: far });
                }
            }
        }
        Some(out)
    }
}

/// Run a program over the bytes of a `struct seccomp_data`: the tests' oracle.
#[cfg(test)]
pub(crate) fn interpret(program: &[Insn], data: &[u8]) -> u32 {
    let (mut pc, mut a) = (0usize, 0u32);
    loop {
        let insn = program[pc];
        pc += 1;
        let test = match insn.code {
            LD_W_ABS => {
                let at = insn.k as usize;
                a = u32::from_ne_bytes(data[at..at + 4].try_into().unwrap());
                continue;
            }
            RET_K => return insn.k,
            JA => {
                pc += insn.k as usize;
                continue;
            }
            JEQ_K => a == insn.k,
            JGE_K => a >= insn.k,
            JSET_K => a & insn.k != 0,
            other => panic!("unknown instruction {other:#x}"),
        };
        pc += usize::from(if test { insn.jt } else { insn.jf });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_reach_over_any_distance() {
        let mut p = Program::default();
        let (yes, end) = (p.label(), p.label());
        p.load(0);
        p.if_eq(7, yes);
        for _ in 0..1000 {
            p.load(4);
        }
        p.goto(end);
        p.place(yes);
        p.ret(1);
        p.place(end);
        p.ret(2);
        let code = p.finish().unwrap();
        assert_eq!(interpret(&code, &[7, 0, 0, 0, 0, 0, 0, 0]), 1);
        assert_eq!(interpret(&code, &[8, 0, 0, 0, 0, 0, 0, 0]), 2);
    }

    #[test]
    fn a_backward_or_missing_label_is_refused() {
        let mut p = Program::default();
        let back = p.label();
        p.place(back);
        p.load(0);
        p.goto(back);
        assert!(p.finish().is_none());
        let mut p = Program::default();
        let never = p.label();
        p.goto(never);
        assert!(p.finish().is_none());
    }
}
