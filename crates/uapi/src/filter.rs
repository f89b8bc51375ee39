//! `linux/filter.h`, `linux/bpf_common.h`: classic BPF.

use crate::table::abi;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most instructions in a program (`BPF_MAXINSNS`).
pub const BPF_MAXINSNS: usize = 4096;
/// Words of scratch memory (`BPF_MEMWORDS`).
pub const BPF_MEMWORDS: usize = 16;

abi! {
    /// Classes of instructions: the low three bits.
    BPF_CLASSES: u16 {
        BPF_LD = 0x00, "Load A.";
        BPF_LDX = 0x01, "Load X.";
        BPF_ST = 0x02, "Store A.";
        BPF_STX = 0x03, "Store X.";
        BPF_ALU = 0x04, "Arithmetic on A.";
        BPF_JMP = 0x05, "Jump.";
        BPF_RET = 0x06, "Return.";
        BPF_MISC = 0x07, "Move between A and X.";
    }
}

abi! {
    u16 {
        BPF_W = 0x00, "Size: 32 bits.";
        BPF_H = 0x08, "Size: 16 bits.";
        BPF_B = 0x10, "Size: 8 bits.";
        BPF_IMM = 0x00, "Mode: the constant.";
        BPF_ABS = 0x20, "Mode: packet at a constant.";
        BPF_IND = 0x40, "Mode: packet at X plus a constant.";
        BPF_MEM = 0x60, "Mode: scratch memory.";
        BPF_LEN = 0x80, "Mode: length of the packet.";
        BPF_MSH = 0xA0, "Mode: four times the low four bits, for the IPv4 header length.";
        BPF_ADD = 0x00, "Add.";
        BPF_SUB = 0x10, "Subtract.";
        BPF_MUL = 0x20, "Multiply.";
        BPF_DIV = 0x30, "Divide; by zero the program returns 0.";
        BPF_OR = 0x40, "Or.";
        BPF_AND = 0x50, "And.";
        BPF_LSH = 0x60, "Shift left.";
        BPF_RSH = 0x70, "Shift right.";
        BPF_NEG = 0x80, "Negate.";
        BPF_MOD = 0x90, "Remainder.";
        BPF_XOR = 0xA0, "Exclusive or.";
        BPF_JA = 0x00, "Jump always.";
        BPF_JEQ = 0x10, "Jump if equal.";
        BPF_JGT = 0x20, "Jump if greater.";
        BPF_JGE = 0x30, "Jump if greater or equal.";
        BPF_JSET = 0x40, "Jump if any bit is set.";
        BPF_K = 0x00, "Operand: the constant.";
        BPF_X = 0x08, "Operand: X.";
        BPF_A = 0x10, "Return value: A.";
        BPF_TAX = 0x00, "X becomes A.";
        BPF_TXA = 0x80, "A becomes X.";
    }
}

/// Loads from here on are not of the packet but of what the kernel knows of it (`SKF_AD_OFF`).
pub const SKF_AD_OFF: i32 = -0x1000;
/// Loads from here on count from the network header (`SKF_NET_OFF`).
pub const SKF_NET_OFF: i32 = -0x10_0000;
/// Loads from here on count from the link header (`SKF_LL_OFF`).
pub const SKF_LL_OFF: i32 = -0x20_0000;

abi! {
    /// What a load beyond [`SKF_AD_OFF`] gives.
    SKF_AD: i32 {
        SKF_AD_PROTOCOL = 0, "Ethertype.";
        SKF_AD_PKTTYPE = 4, "For whom the packet is.";
        SKF_AD_IFINDEX = 8, "Interface.";
        SKF_AD_NLATTR = 12, "Find a netlink attribute.";
        SKF_AD_NLATTR_NEST = 16, "Find a nested one.";
        SKF_AD_MARK = 20, "Mark.";
        SKF_AD_QUEUE = 24, "Receive queue.";
        SKF_AD_HATYPE = 28, "Hardware type.";
        SKF_AD_RXHASH = 32, "Flow hash.";
        SKF_AD_CPU = 36, "This CPU.";
        SKF_AD_ALU_XOR_X = 40, "A becomes A xor X.";
        SKF_AD_VLAN_TAG = 44, "VLAN tag.";
        SKF_AD_VLAN_TAG_PRESENT = 48, "Whether there is one.";
        SKF_AD_PAY_OFFSET = 52, "Where the payload starts.";
        SKF_AD_RANDOM = 56, "A random number.";
        SKF_AD_VLAN_TPID = 60, "VLAN ethertype.";
        SKF_AD_MAX = 64, "One past the last.";
    }
}

/// One instruction (`struct sock_filter`), 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SockFilter {
    /// Class, size, mode and operation.
    pub code: u16,
    /// Jump if true.
    pub jt: u8,
    /// Jump if false.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

impl SockFilter {
    /// An instruction without jumps (`BPF_STMT`).
    #[must_use]
    pub const fn stmt(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// A jump (`BPF_JUMP`).
    #[must_use]
    pub const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Self {
        Self { code, jt, jf, k }
    }
}

/// `struct sock_fprog`: length and address of a program in the caller's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SockFprog {
    /// Instructions.
    pub len: u16,
    /// Padding.
    pub pad: [u16; 3],
    /// Address of the first.
    pub filter: u64,
}
