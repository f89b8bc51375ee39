//! Running a program that was checked.

use super::check::is_ancillary;
use crate::cx::Cx;
use crate::skb::Skb;
use uapi::filter::*;

/// The registers and the scratch memory.
struct Machine<'a, 'c> {
    cx: &'a Cx<'c>,
    skb: &'a Skb,
    /// So many bytes at the front are not looked at.
    skip: usize,
    a: u32,
    x: u32,
    scratch: [u32; BPF_MEMWORDS],
}

/// What the program returns; 0 as soon as it reads beyond the packet or divides by 0.
pub(super) fn run(insns: &[SockFilter], cx: &Cx<'_>, skb: &Skb, skip: usize) -> u32 {
    let mut machine = Machine { cx, skb, skip, a: 0, x: 0, scratch: [0; BPF_MEMWORDS] };
    let mut pc = 0;
    // Jumps only go forward: the program ends after as many steps as it is long.
    while let Some(insn) = insns.get(pc) {
        pc += 1;
        match insn.code & 7 {
            BPF_RET => return if insn.code & 0x18 == BPF_A { machine.a } else { insn.k },
            BPF_JMP => pc += machine.jump(insn),
            _ if machine.step(insn).is_none() => return 0,
            _ => {}
        }
    }
    0
}

impl Machine<'_, '_> {
    fn jump(&self, insn: &SockFilter) -> usize {
        let other = if insn.code & BPF_X != 0 { self.x } else { insn.k };
        let taken = match insn.code & 0xf0 {
            BPF_JA => return insn.k as usize,
            BPF_JEQ => self.a == other,
            BPF_JGT => self.a > other,
            BPF_JGE => self.a >= other,
            _ => self.a & other != 0,
        };
        usize::from(if taken { insn.jt } else { insn.jf })
    }

    fn step(&mut self, insn: &SockFilter) -> Option<()> {
        let k = insn.k;
        match insn.code & 7 {
            BPF_LD => {
                self.a = match insn.code & 0xe0 {
                    BPF_IMM => k,
                    BPF_LEN => (self.skb.len() - self.skip) as u32,
                    BPF_MEM => self.word(k),
                    BPF_IND => self.packet(k.wrapping_add(self.x), insn.code)?,
                    _ if is_ancillary(k) => self.ancillary(k.wrapping_sub(SKF_AD_OFF as u32) as i32)?,
                    _ => self.packet(k, insn.code)?,
                }
            }
            BPF_LDX => {
                self.x = match insn.code & 0xe0 {
                    BPF_IMM => k,
                    BPF_LEN => (self.skb.len() - self.skip) as u32,
                    BPF_MEM => self.word(k),
                    // The length of an IPv4 header.
                    _ => (self.packet(k, BPF_B)? & 0xf) << 2,
                }
            }
            BPF_ST => self.store(k, self.a),
            BPF_STX => self.store(k, self.x),
            BPF_ALU => self.alu(insn)?,
            _ if insn.code & 0xf8 == BPF_TAX => self.x = self.a,
            _ => self.a = self.x,
        }
        Some(())
    }

    fn alu(&mut self, insn: &SockFilter) -> Option<()> {
        let other = if insn.code & BPF_X != 0 { self.x } else { insn.k };
        let a = self.a;
        self.a = match insn.code & 0xf0 {
            BPF_ADD => a.wrapping_add(other),
            BPF_SUB => a.wrapping_sub(other),
            BPF_MUL => a.wrapping_mul(other),
            BPF_DIV => a.checked_div(other)?,
            BPF_MOD => a.checked_rem(other)?,
            BPF_OR => a | other,
            BPF_AND => a & other,
            BPF_XOR => a ^ other,
            BPF_LSH => a.wrapping_shl(other),
            BPF_RSH => a.wrapping_shr(other),
            _ => a.wrapping_neg(),
        };
        Some(())
    }

    fn word(&self, k: u32) -> u32 {
        self.scratch.get(k as usize).copied().unwrap_or(0)
    }

    fn store(&mut self, k: u32, value: u32) {
        if let Some(word) = self.scratch.get_mut(k as usize) {
            *word = value;
        }
    }

    /// Bytes of the packet, from its data on, or with a negative place from its network or link header.
    fn packet(&self, k: u32, code: u16) -> Option<u32> {
        let size = match code & 0x18 {
            BPF_W => 4,
            BPF_H => 2,
            _ => 1,
        };
        let mut bytes = [0; 4];
        let to = &mut bytes[4 - size..];
        let place = k as i32;
        if place >= 0 {
            // Fewer bytes are copied at the end of the packet.
            (self.skb.copy_bits(place as usize + self.skip, to) == size).then_some(())?;
        } else {
            let (header, at) = match place {
                SKF_NET_OFF.. => (self.skb.network(), place - SKF_NET_OFF),
                SKF_LL_OFF.. => (self.skb.mac_header(), place - SKF_LL_OFF),
                _ => return None,
            };
            let at = usize::try_from(at).ok()?;
            // The header lies before the data; what is behind it may be in fragments.
            let before = header.len().saturating_sub(self.skb.linear_len());
            match at.checked_sub(before) {
                Some(at) => (self.skb.copy_bits(at, to) == size).then_some(())?,
                None => to.copy_from_slice(header.get(at..at + size)?),
            }
        }
        Some(u32::from_be_bytes(bytes))
    }

    /// What the kernel knows of the packet (`SKF_AD_*`).
    fn ancillary(&mut self, what: i32) -> Option<u32> {
        let skb = self.skb;
        Some(match what {
            SKF_AD_PROTOCOL => u32::from(skb.protocol),
            SKF_AD_PKTTYPE => skb.pkt_type as u32,
            // A packet that came from no device ends the program.
            SKF_AD_IFINDEX if skb.iif == 0 => return None,
            SKF_AD_IFINDEX => skb.iif,
            SKF_AD_HATYPE if skb.iif == 0 => return None,
            SKF_AD_HATYPE => u32::from(self.cx.net.dev.by_index(skb.iif)?.hardware),
            SKF_AD_MARK => skb.mark,
            SKF_AD_RXHASH => skb.hash,
            SKF_AD_CPU => self.cx.cpu.id.index() as u32,
            SKF_AD_ALU_XOR_X => self.a ^ self.x,
            SKF_AD_RANDOM => self.cx.net.rng.u32(),
            SKF_AD_NLATTR => self.attribute(false),
            SKF_AD_NLATTR_NEST => self.attribute(true),
            SKF_AD_PAY_OFFSET => payload_offset(skb),
            // One queue, no VLAN.
            _ => 0,
        })
    }

    /// Where the attribute X of netlink is, from A on, or inside of the attribute at A; 0 when it is not.
    fn attribute(&self, nested: bool) -> u32 {
        let bytes = self.skb.to_vec().split_off(self.skip);
        let Some(rest) = bytes.get(self.a as usize..).filter(|rest| rest.len() >= 4) else { return 0 };
        let len = |rest: &[u8]| usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let (mut rest, mut at) = (rest, self.a as usize);
        if nested {
            let whole = len(rest);
            if whole < 4 || whole > rest.len() {
                return 0;
            }
            (rest, at) = (&rest[4..whole], at + 4);
        }
        while rest.len() >= 4 && (4..=rest.len()).contains(&len(rest)) {
            // NLA_TYPE_MASK.
            if u32::from(u16::from_ne_bytes([rest[2], rest[3]]) & 0x3fff) == self.x {
                return at as u32;
            }
            let step = len(rest).next_multiple_of(4).min(rest.len());
            (rest, at) = (&rest[step..], at + step);
        }
        0
    }
}

/// Where the payload begins, from the packet's data on (`skb_get_poff`); 0 when it cannot be said.
fn payload_offset(skb: &Skb) -> u32 {
    const TCP: u8 = 6;
    const UDP: [u8; 2] = [17, 136];
    let network = skb.network();
    let protocol = match network.first().map(|byte| byte >> 4) {
        Some(4) => network.get(9),
        Some(6) => network.get(6),
        _ => None,
    };
    let transport = skb.transport();
    let header = match protocol {
        Some(&TCP) => transport.get(12).map_or(20, |byte| usize::from(byte >> 4) * 4).max(20),
        Some(protocol) if UDP.contains(protocol) => 8,
        // ICMP has no more than its first eight bytes.
        Some(1 | 58) => 8,
        _ => 0,
    };
    let before = skb.linear().len() as isize - transport.len() as isize;
    (before + header as isize).max(0) as u32
}
