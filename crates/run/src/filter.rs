//! The seccomp filter: which system calls stop for the supervisor, decided by number and arguments.
//!
//! Tables, not branches: [`NATIVE`] and [`I386`] list every call that is looked at; all others run untouched. Calls that
//! nobody retries (close, dup, read, write, poll, fcntl) are not trapped, so that they never see EINTR, unless somebody
//! watches.

use crate::bpf::{Insn, Label, Program};
use crate::call::Op;
use uapi::ioctl::{SIOCGSTAMP_NEW, SIOCGSTAMPNS_NEW};

const ARCH_X86_64: u32 = 0xc000_003e;
const ARCH_I386: u32 = 0x4000_0003;
const ARCH_AARCH64: u32 = 0xc000_00b7;
const X32_BIT: u32 = 0x4000_0000;

const OFF_NR: u32 = 0;
const OFF_ARCH: u32 = 4;

const fn arg_lo(n: u32) -> u32 {
    16 + 8 * n
}
const fn arg_hi(n: u32) -> u32 {
    20 + 8 * n
}

const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const fn errno(e: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | e.cast_unsigned()
}

/// When a listed call is stopped.
#[derive(Clone, Copy, Debug)]
enum When {
    /// Always.
    Always,
    /// `socket`: by family.
    Family,
    /// `sendto`/`recvfrom`: with an address (argument 4), or one of these flags (argument 3).
    AddressOrFlags(u32),
    /// `ioctl`: by request (argument 1).
    Request,
    /// When somebody watches: the carrier would do it alone.
    Watched,
    /// When the programs are to see the stack's `/proc/net`: an open, whose path only the supervisor can read.
    Proc,
    /// Refused with ENOSYS.
    Enosys,
    /// `prctl(PR_SET_DUMPABLE, 0)` is answered with success and not done, or we could not reach the program any more.
    StayDumpable,
}

/// Sending flags that a carrier cannot express.
const SEND_FLAGS: u32 =
    (libc::MSG_OOB | libc::MSG_MORE | libc::MSG_ZEROCOPY | libc::MSG_FASTOPEN).cast_unsigned();
/// Receiving flags that a carrier cannot express.
const RECV_FLAGS: u32 = (libc::MSG_OOB | libc::MSG_ERRQUEUE | libc::MSG_TRUNC).cast_unsigned();

/// Families that the stack serves, or that would reach the network past it (SMC falls back to the host's TCP).
const FAMILIES: &[i32] = &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];
const REFUSED_FAMILIES: &[i32] = &[AF_SMC, libc::AF_RDS, libc::AF_TIPC];
const AF_SMC: i32 = 43;

/// `SIOCATMARK` and the network requests of `linux/sockios.h`; the first few of that range concern signals and stay the carrier's.
const SIOC_FIRST: u32 = 0x8905;
const SIOC_LAST: u32 = 0x89ff;
const SIOCOUTQ: u32 = 0x5411;

type Row = (u32, Op, When);

/// `x86_64`, by system call number.
#[cfg(target_arch = "x86_64")]
const NATIVE: &[Row] = &[
    (41, Op::Socket, When::Family),
    (42, Op::Connect, When::Always),
    (43, Op::Accept, When::Always),
    (44, Op::Sendto, When::AddressOrFlags(SEND_FLAGS)),
    (45, Op::Recvfrom, When::AddressOrFlags(RECV_FLAGS)),
    (46, Op::Sendmsg, When::Always),
    (47, Op::Recvmsg, When::Always),
    (48, Op::Shutdown, When::Always),
    (49, Op::Bind, When::Always),
    (50, Op::Listen, When::Always),
    (51, Op::Getsockname, When::Always),
    (52, Op::Getpeername, When::Always),
    (54, Op::Setsockopt, When::Always),
    (55, Op::Getsockopt, When::Always),
    (288, Op::Accept4, When::Always),
    (299, Op::Recvmmsg, When::Always),
    (307, Op::Sendmmsg, When::Always),
    (16, Op::Ioctl, When::Request),
    (0, Op::Read, When::Watched),
    (1, Op::Write, When::Watched),
    (3, Op::Close, When::Watched),
    (19, Op::Readv, When::Watched),
    (20, Op::Writev, When::Watched),
    (2, Op::Open, When::Proc),
    (257, Op::Openat, When::Proc),
    (437, Op::Openat2, When::Proc),
    (157, Op::Prctl, When::StayDumpable),
    (425, Op::IoUring, When::Enosys),
];
#[cfg(target_arch = "x86_64")]
const NATIVE_ARCH: u32 = ARCH_X86_64;

/// `aarch64`, by system call number.
#[cfg(target_arch = "aarch64")]
const NATIVE: &[Row] = &[
    (198, Op::Socket, When::Family),
    (200, Op::Bind, When::Always),
    (201, Op::Listen, When::Always),
    (202, Op::Accept, When::Always),
    (203, Op::Connect, When::Always),
    (204, Op::Getsockname, When::Always),
    (205, Op::Getpeername, When::Always),
    (206, Op::Sendto, When::AddressOrFlags(SEND_FLAGS)),
    (207, Op::Recvfrom, When::AddressOrFlags(RECV_FLAGS)),
    (208, Op::Setsockopt, When::Always),
    (209, Op::Getsockopt, When::Always),
    (210, Op::Shutdown, When::Always),
    (211, Op::Sendmsg, When::Always),
    (212, Op::Recvmsg, When::Always),
    (242, Op::Accept4, When::Always),
    (243, Op::Recvmmsg, When::Always),
    (269, Op::Sendmmsg, When::Always),
    (29, Op::Ioctl, When::Request),
    (56, Op::Openat, When::Proc),
    (437, Op::Openat2, When::Proc),
    (57, Op::Close, When::Watched),
    (63, Op::Read, When::Watched),
    (64, Op::Write, When::Watched),
    (65, Op::Readv, When::Watched),
    (66, Op::Writev, When::Watched),
    (167, Op::Prctl, When::StayDumpable),
    (425, Op::IoUring, When::Enosys),
];
#[cfg(target_arch = "aarch64")]
const NATIVE_ARCH: u32 = ARCH_AARCH64;

/// `i386`, by system call number: `socketcall` carries most of them in its first argument, and is stopped whole.
const I386: &[Row] = &[
    (3, Op::Read, When::Watched),
    (4, Op::Write, When::Watched),
    (5, Op::Open, When::Proc),
    (6, Op::Close, When::Watched),
    (145, Op::Readv, When::Watched),
    (146, Op::Writev, When::Watched),
    (54, Op::Ioctl, When::Request),
    (102, Op::Socketcall, When::Always),
    (172, Op::Prctl, When::StayDumpable),
    (295, Op::Openat, When::Proc),
    (437, Op::Openat2, When::Proc),
    (337, Op::Recvmmsg, When::Always),
    (345, Op::Sendmmsg, When::Always),
    (359, Op::Socket, When::Family),
    (361, Op::Bind, When::Always),
    (362, Op::Connect, When::Always),
    (363, Op::Listen, When::Always),
    (364, Op::Accept4, When::Always),
    (365, Op::Getsockopt, When::Always),
    (366, Op::Setsockopt, When::Always),
    (367, Op::Getsockname, When::Always),
    (368, Op::Getpeername, When::Always),
    (369, Op::Sendto, When::AddressOrFlags(SEND_FLAGS)),
    (370, Op::Sendmsg, When::Always),
    (371, Op::Recvfrom, When::AddressOrFlags(RECV_FLAGS)),
    (372, Op::Recvmsg, When::Always),
    (373, Op::Shutdown, When::Always),
    (417, Op::RecvmmsgTime64, When::Always),
    (425, Op::IoUring, When::Enosys),
];

/// Which operation a stopped call is, and whether its structures are 32-bit ones.
pub(crate) fn operation(arch: u32, nr: i32) -> Option<(Op, bool)> {
    let (table, compat) = if arch == NATIVE_ARCH {
        (NATIVE, false)
    } else if arch == ARCH_I386 {
        (I386, true)
    } else {
        return None;
    };
    let nr = nr.cast_unsigned();
    table.iter().find(|row| row.0 == nr).map(|row| (row.1, compat))
}

struct Ends {
    notify: Label,
    allow: Label,
    enosys: Label,
    eafnosupport: Label,
    done: Label,
}

/// What a filter is made for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    /// The supervisor has no `CAP_SYS_PTRACE` and needs its programs dumpable.
    pub keep_dumpable: bool,
    /// Somebody watches, and wants to see what carriers would do alone, too.
    pub watch: bool,
    /// The programs are to see the stack's `/proc/net`.
    pub proc: bool,
}

fn table(p: &mut Program, rows: &[Row], ends: &Ends, wants: Wants) {
    let rows = rows.iter().filter(|row| match row.2 {
        When::Watched => wants.watch,
        When::Proc => wants.proc,
        _ => true,
    });
    let bodies: Vec<(&Row, Label)> = rows.map(|row| (row, p.label())).collect();
    p.load(OFF_NR);
    for (row, body) in &bodies {
        p.if_eq(row.0, *body);
    }
    p.goto(ends.allow);
    for (row, body) in bodies {
        p.place(body);
        when(p, row.2, ends, wants);
    }
}

fn when(p: &mut Program, when: When, ends: &Ends, wants: Wants) {
    match when {
        When::Always | When::Watched | When::Proc => p.goto(ends.notify),
        When::AddressOrFlags(_) if wants.watch => p.goto(ends.notify),
        When::Enosys => p.goto(ends.enosys),
        When::Family => {
            // The kernel reads `int`: the upper half is not part of the family.
            p.load(arg_lo(0));
            for family in FAMILIES {
                p.if_eq(family.cast_unsigned(), ends.notify);
            }
            for family in REFUSED_FAMILIES {
                p.if_eq(family.cast_unsigned(), ends.eafnosupport);
            }
            p.goto(ends.allow);
        }
        When::AddressOrFlags(flags) => {
            // A pointer is null only if both halves are.
            p.load(arg_lo(4));
            p.if_any(u32::MAX, ends.notify);
            p.load(arg_hi(4));
            p.if_any(u32::MAX, ends.notify);
            p.load(arg_lo(3));
            p.if_any(flags, ends.notify);
            p.goto(ends.allow);
        }
        When::Request => {
            p.load(arg_lo(1));
            p.if_eq(SIOCOUTQ, ends.notify);
            p.if_eq(SIOCGSTAMP_NEW, ends.notify);
            p.if_eq(SIOCGSTAMPNS_NEW, ends.notify);
            p.if_ge(SIOC_LAST + 1, ends.allow);
            p.if_ge(SIOC_FIRST, ends.notify);
            p.goto(ends.allow);
        }
        When::StayDumpable if !wants.keep_dumpable => p.goto(ends.allow),
        When::StayDumpable => {
            let is_it = p.label();
            p.load(arg_lo(0));
            p.if_eq(libc::PR_SET_DUMPABLE.cast_unsigned(), is_it);
            p.goto(ends.allow);
            p.place(is_it);
            p.load(arg_lo(1));
            p.if_any(u32::MAX, ends.allow);
            p.load(arg_hi(1));
            p.if_any(u32::MAX, ends.allow);
            p.goto(ends.done);
        }
    }
}

/// The filter.
pub(crate) fn program(wants: Wants) -> Option<Vec<Insn>> {
    let mut p = Program::default();
    let ends = Ends {
        notify: p.label(),
        allow: p.label(),
        enosys: p.label(),
        eafnosupport: p.label(),
        done: p.label(),
    };
    let (native, i386) = (p.label(), p.label());
    p.load(OFF_ARCH);
    p.if_eq(NATIVE_ARCH, native);
    if NATIVE_ARCH == ARCH_X86_64 {
        p.if_eq(ARCH_I386, i386);
    }
    // A calling convention we do not know could reach the host's sockets.
    p.goto(ends.enosys);

    p.place(native);
    if NATIVE_ARCH == ARCH_X86_64 {
        let not_x32 = p.label();
        p.load(OFF_NR);
        let x32 = p.label();
        p.if_any(X32_BIT, x32);
        p.goto(not_x32);
        p.place(x32);
        // -1 is a tracer's "skipped", not a call of the x32 ABI.
        p.if_eq(u32::MAX, ends.allow);
        p.goto(ends.enosys);
        p.place(not_x32);
    }
    table(&mut p, NATIVE, &ends, wants);
    p.place(i386);
    table(&mut p, I386, &ends, wants);

    p.place(ends.notify);
    p.ret(NOTIFY);
    p.place(ends.allow);
    p.ret(ALLOW);
    p.place(ends.enosys);
    p.ret(errno(libc::ENOSYS));
    p.place(ends.eafnosupport);
    p.ret(errno(libc::EAFNOSUPPORT));
    p.place(ends.done);
    p.ret(errno(0));
    p.finish()
}

const _: u32 = ARCH_AARCH64;

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::bpf::interpret;

    const ALONE: Wants = Wants { keep_dumpable: true, watch: false, proc: false };
    const WATCHED: Wants = Wants { keep_dumpable: true, watch: true, proc: true };

    fn ask(arch: u32, nr: u32, args: &[u64]) -> u32 {
        ask_of(ALONE, arch, nr, args)
    }

    fn ask_of(wants: Wants, arch: u32, nr: u32, args: &[u64]) -> u32 {
        let mut data = [0u8; 64];
        data[0..4].copy_from_slice(&nr.to_ne_bytes());
        data[4..8].copy_from_slice(&arch.to_ne_bytes());
        for (i, a) in args.iter().enumerate() {
            data[16 + 8 * i..24 + 8 * i].copy_from_slice(&a.to_ne_bytes());
        }
        interpret(&program(wants).unwrap(), &data)
    }

    #[test]
    fn fits_the_kernel() {
        assert!(program(WATCHED).unwrap().len() <= 4096);
    }

    #[test]
    fn by_family() {
        assert_eq!(ask(ARCH_X86_64, 41, &[2, 1, 0]), NOTIFY);
        assert_eq!(ask(ARCH_X86_64, 41, &[16, 3, 0]), NOTIFY);
        assert_eq!(ask(ARCH_X86_64, 41, &[1, 1, 0]), ALLOW);
        assert_eq!(ask(ARCH_X86_64, 41, &[43, 1, 0]), errno(libc::EAFNOSUPPORT));
        assert_eq!(ask(ARCH_X86_64, 41, &[0x1_0000_0002, 1, 0]), NOTIFY, "int argument");
    }

    #[test]
    fn both_halves_of_an_address_count() {
        assert_eq!(ask(ARCH_X86_64, 44, &[3, 1, 1, 0, 0, 0]), ALLOW);
        assert_eq!(ask(ARCH_X86_64, 44, &[3, 1, 1, 0, 0x7f00_0000_0000, 16]), NOTIFY);
        assert_eq!(ask(ARCH_X86_64, 45, &[3, 1, 1, 0, 0x1000, 16]), NOTIFY);
        assert_eq!(ask(ARCH_X86_64, 44, &[3, 1, 1, 0x8000, 0, 0]), NOTIFY, "MSG_MORE");
        assert_eq!(ask(ARCH_X86_64, 44, &[3, 1, 1, 0x4040, 0, 0]), ALLOW, "NOSIGNAL|DONTWAIT");
    }

    #[test]
    fn other_conventions() {
        assert_eq!(ask(ARCH_X86_64, X32_BIT | 41, &[2]), errno(libc::ENOSYS));
        assert_eq!(ask(ARCH_X86_64, u32::MAX, &[]), ALLOW);
        assert_eq!(ask(ARCH_AARCH64, 198, &[2]), errno(libc::ENOSYS));
        assert_eq!(ask(ARCH_I386, 102, &[1]), NOTIFY);
        assert_eq!(ask(ARCH_I386, 359, &[1]), ALLOW);
        assert_eq!(ask(ARCH_X86_64, 425, &[]), errno(libc::ENOSYS));
    }

    #[test]
    fn ioctl_by_request() {
        assert_eq!(ask(ARCH_X86_64, 16, &[3, 0x8912]), NOTIFY, "SIOCGIFCONF");
        assert_eq!(ask(ARCH_X86_64, 16, &[3, 0x5411]), NOTIFY, "SIOCOUTQ");
        assert_eq!(ask(ARCH_X86_64, 16, &[3, 0x8010_8906]), NOTIFY, "SIOCGSTAMP");
        assert_eq!(ask(ARCH_X86_64, 16, &[3, 0x541b]), ALLOW, "FIONREAD");
        assert_eq!(ask(ARCH_X86_64, 16, &[3, 0x5401]), ALLOW, "TCGETS");
    }

    #[test]
    fn a_program_stays_reachable() {
        assert_eq!(ask(ARCH_X86_64, 157, &[4, 0]), errno(0));
        assert_eq!(ask(ARCH_X86_64, 157, &[4, 1]), ALLOW);
        assert_eq!(ask(ARCH_X86_64, 157, &[38, 1]), ALLOW);
    }

    #[test]
    fn a_watcher_sees_what_carriers_do() {
        for nr in [0, 1, 3, 19, 20, 44, 45] {
            assert_eq!(ask_of(WATCHED, ARCH_X86_64, nr, &[3, 2, 1, 0, 0, 0]), NOTIFY, "{nr}");
        }
        for nr in [3, 4, 6, 145, 146] {
            assert_eq!(ask_of(WATCHED, ARCH_I386, nr, &[3, 2, 1, 0, 0, 0]), NOTIFY, "{nr}");
        }
        for (nr, wanted) in [(2, NOTIFY), (257, NOTIFY), (437, NOTIFY), (4, ALLOW), (262, ALLOW)] {
            assert_eq!(ask_of(WATCHED, ARCH_X86_64, nr, &[0; 6]), wanted, "{nr}");
            assert_eq!(ask(ARCH_X86_64, nr, &[0; 6]), ALLOW, "{nr}");
        }
        // What a child needs between its filter and exec, before anybody serves it.
        for nr in [14, 59, 231, 327, 328, 436] {
            assert_eq!(ask_of(WATCHED, ARCH_X86_64, nr, &[3, 2, 1, 0, 0, 0]), ALLOW, "{nr}");
        }
    }

    #[test]
    fn untouched_calls() {
        for nr in [0, 1, 3, 5, 7, 19, 20, 23, 32, 33, 40, 53, 72, 232, 233, 275] {
            assert_eq!(ask(ARCH_X86_64, nr, &[3, 2, 1, 0xffff, 0xffff, 1]), ALLOW, "{nr}");
        }
    }
}
