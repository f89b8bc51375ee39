//! Which programs are taken.

use super::Program;
use uapi::Errno;
use uapi::filter::*;

const ALL: SockFilter = SockFilter::stmt(BPF_RET | BPF_K, u32::MAX);

fn taken(insns: &[SockFilter]) -> bool {
    match Program::new(insns) {
        Ok(program) => program.insns() == insns,
        Err(errno) => {
            assert_eq!(errno, Errno::EINVAL);
            false
        }
    }
}

#[test]
fn a_program_ends_with_a_return() {
    assert!(taken(&[ALL]));
    assert!(!taken(&[]));
    assert!(!taken(&[SockFilter::stmt(BPF_LD | BPF_IMM, 1)]));
    assert!(taken(&vec![ALL; BPF_MAXINSNS]) && !taken(&vec![ALL; BPF_MAXINSNS + 1]));
}

#[test]
fn jumps_stay_inside() {
    let ja = |k| SockFilter::stmt(BPF_JMP | BPF_JA, k);
    assert!(taken(&[ja(0), ALL]) && taken(&[ja(1), ALL, ALL]));
    assert!(!taken(&[ja(1), ALL]) && !taken(&[ja(u32::MAX), ALL]));
    let jeq = |jt, jf| SockFilter::jump(BPF_JMP | BPF_JEQ | BPF_K, 5, jt, jf);
    assert!(taken(&[jeq(0, 1), ALL, ALL]));
    assert!(!taken(&[jeq(0, 2), ALL, ALL]) && !taken(&[jeq(255, 0), ALL, ALL]));
}

#[test]
fn constants_that_cannot_be() {
    for code in [BPF_DIV, BPF_MOD] {
        assert!(!taken(&[SockFilter::stmt(BPF_ALU | code | BPF_K, 0), ALL]));
        assert!(taken(&[SockFilter::stmt(BPF_ALU | code | BPF_X, 0), ALL]));
    }
    assert!(!taken(&[SockFilter::stmt(BPF_ALU | BPF_LSH | BPF_K, 32), ALL]));
    assert!(!taken(&[SockFilter::stmt(BPF_ST, 16), ALL]));
    let load = |k: i32| [SockFilter::stmt(BPF_LD | BPF_W | BPF_ABS, k as u32), ALL];
    assert!(
        taken(&load(SKF_AD_OFF + SKF_AD_PROTOCOL)) && taken(&load(SKF_NET_OFF)) && taken(&load(i32::MAX))
    );
    assert!(!taken(&load(SKF_AD_OFF + 1)) && !taken(&load(SKF_AD_OFF + SKF_AD_MAX)) && !taken(&load(-1)));
}

#[test]
fn scratch_memory_is_written_before_it_is_read() {
    let (write, read) = (SockFilter::stmt(BPF_ST, 3), SockFilter::stmt(BPF_LD | BPF_MEM, 3));
    assert!(taken(&[write, read, ALL]) && !taken(&[read, ALL]));
    // One of the two ways passes the write by.
    let jeq = SockFilter::jump(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
    assert!(!taken(&[jeq, write, read, ALL]));
    assert!(taken(&[write, jeq, ALL, read, ALL]));
}

#[test]
fn codes_that_there_are() {
    // Of 256 codes the kernel knows these many.
    let known = (0..=u16::MAX).filter(|code| {
        let insn = SockFilter::jump(*code, 1, 0, 0);
        taken(&[SockFilter::stmt(BPF_ST, 1), insn, ALL, ALL])
    });
    assert_eq!(known.count(), 49);
}
