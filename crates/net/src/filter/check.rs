//! Which programs may run (`bpf_check_classic`, `check_load_and_stores`).

use uapi::filter::*;
use uapi::{Errno, Result};

/// Bits of an instruction's code.
const CLASS: u16 = 0x07;
const OP: u16 = 0xf0;
const SIZE: u16 = 0x18;
const MODE: u16 = 0xe0;

/// Operations on A with a constant or X.
const ALU_OPS: [u16; 10] =
    [BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR];
/// Jumps that ask.
const TESTS: [u16; 4] = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET];

/// `chk_code_allowed`.
fn is_known(code: u16) -> bool {
    if code > 0xff {
        return false;
    }
    let source = code & BPF_X;
    match code & CLASS {
        BPF_LD => {
            let sized = matches!(code & SIZE, BPF_W | BPF_H | BPF_B);
            match code & MODE {
                BPF_ABS | BPF_IND => sized,
                BPF_IMM | BPF_MEM | BPF_LEN => code & SIZE == BPF_W,
                _ => false,
            }
        }
        BPF_LDX => match code & MODE {
            BPF_IMM | BPF_MEM | BPF_LEN => code & SIZE == BPF_W,
            BPF_MSH => code & SIZE == BPF_B,
            _ => false,
        },
        BPF_ST | BPF_STX => code & !CLASS == 0,
        BPF_ALU => code == BPF_ALU | BPF_NEG || ALU_OPS.contains(&(code & OP)),
        BPF_JMP => code == BPF_JMP | BPF_JA || TESTS.contains(&(code & OP)),
        BPF_RET => code == BPF_RET | BPF_K || code == BPF_RET | BPF_A,
        // Only TAX and TXA are left.
        _ => source == 0 && matches!(code & !CLASS, BPF_TAX | BPF_TXA),
    }
}

/// What `skb` knows of the packet (`bpf_anc_helper`).
pub(super) fn is_ancillary(k: u32) -> bool {
    let offset = k.wrapping_sub(SKF_AD_OFF as u32);
    offset.is_multiple_of(4) && offset < SKF_AD_MAX as u32
}

fn is_test(code: u16) -> bool {
    code & CLASS == BPF_JMP && code & OP != BPF_JA
}

/// One instruction, by itself, at `pc` of `len`.
fn check_one(insn: &SockFilter, pc: usize, len: usize) -> bool {
    let &SockFilter { code, jt, jf, k } = insn;
    if !is_known(code) {
        return false;
    }
    let inside = |offset: u8| pc + usize::from(offset) + 1 < len;
    match code {
        _ if code == BPF_ALU | BPF_DIV | BPF_K || code == BPF_ALU | BPF_MOD | BPF_K => k != 0,
        _ if code == BPF_ALU | BPF_LSH | BPF_K || code == BPF_ALU | BPF_RSH | BPF_K => k < 32,
        _ if is_scratch(code).is_some() => (k as usize) < BPF_MEMWORDS,
        _ if code == BPF_JMP | BPF_JA => (k as usize) < len - pc - 1,
        _ if is_test(code) => inside(jt) && inside(jf),
        _ if code & CLASS == BPF_LD && code & MODE == BPF_ABS => k < SKF_AD_OFF as u32 || is_ancillary(k),
        _ => true,
    }
}

/// How an instruction uses scratch memory: it writes.
fn is_scratch(code: u16) -> Option<bool> {
    match code {
        BPF_ST | BPF_STX => Some(true),
        _ if code == BPF_LD | BPF_MEM || code == BPF_LDX | BPF_MEM => Some(false),
        _ => None,
    }
}

/// No word of scratch memory is read before each way to the reader has written it.
fn check_scratch(insns: &[SockFilter]) -> bool {
    let mut known = vec![u16::MAX; insns.len()];
    let mut valid = 0u16;
    for (pc, insn) in insns.iter().enumerate() {
        valid &= known[pc];
        let mut meet = |offset: usize, valid: u16| {
            if let Some(there) = known.get_mut(pc + 1 + offset) {
                *there &= valid;
            }
        };
        match is_scratch(insn.code) {
            Some(true) => valid |= 1 << insn.k,
            Some(false) if valid & 1 << insn.k == 0 => return false,
            _ if insn.code == BPF_JMP | BPF_JA => {
                meet(insn.k as usize, valid);
                valid = u16::MAX;
            }
            _ if is_test(insn.code) => {
                meet(usize::from(insn.jt), valid);
                meet(usize::from(insn.jf), valid);
                valid = u16::MAX;
            }
            _ => {}
        }
    }
    true
}

/// `EINVAL` unless the program may run.
pub(super) fn check(insns: &[SockFilter]) -> Result<()> {
    let ends = |insn: &SockFilter| insn.code & CLASS == BPF_RET;
    let good = insns.len() <= BPF_MAXINSNS
        && insns.iter().enumerate().all(|(pc, insn)| check_one(insn, pc, insns.len()))
        && insns.last().is_some_and(ends)
        && check_scratch(insns);
    if good { Ok(()) } else { Err(Errno::EINVAL) }
}
