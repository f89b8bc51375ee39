//! Rules: which flows ask which table (`net/core/fib_rules.c`).

use super::{RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN, RouteType};
use crate::protocol::Family;
use net::dst::Flow;
use uapi::InetAddr;

/// What a rule does with a flow that it matches (`FR_ACT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Asks a table; the next rule is asked when it has no answer.
    Table(u32),
    /// Refuses: blackhole, unreachable or prohibit.
    Reject(RouteType),
}

/// A rule (`struct fib_rule`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Rules are tried from the least on.
    pub preference: u32,
    /// Source prefix.
    pub from: Option<(InetAddr, u8)>,
    /// Destination prefix.
    pub to: Option<(InetAddr, u8)>,
    /// Interface the packet came in by, 0 for any.
    pub iif: u32,
    /// Interface the socket is bound to, 0 for any.
    pub oif: u32,
    /// Mark and mask.
    pub fwmark: Option<(u32, u32)>,
    /// Type of service, 0 for any.
    pub tos: u8,
    /// What it does.
    pub action: Action,
}

impl Rule {
    /// A rule for all flows.
    pub const fn new(preference: u32, action: Action) -> Self {
        Rule { preference, from: None, to: None, iif: 0, oif: 0, fwmark: None, tos: 0, action }
    }

    /// The rules of a new namespace: local, main and, for IPv4, default.
    pub fn defaults(family: Family) -> Vec<Rule> {
        let mut rules = vec![
            Rule::new(0, Action::Table(RT_TABLE_LOCAL)),
            Rule::new(0x7ffe, Action::Table(RT_TABLE_MAIN)),
        ];
        if family == Family::V4 {
            rules.push(Rule::new(0x7fff, Action::Table(RT_TABLE_DEFAULT)));
        }
        rules
    }

    /// True when the flow is this rule's (`fib_rule_match`).
    pub fn matches(&self, flow: &Flow) -> bool {
        let within = |prefix: Option<(InetAddr, u8)>, addr: InetAddr| {
            prefix.is_none_or(|(net, len)| net.prefix_eq(addr, len))
        };
        (self.iif == 0 || self.iif == flow.iif)
            && (self.oif == 0 || self.oif == flow.oif)
            && self.fwmark.is_none_or(|(mark, mask)| (mark ^ flow.mark) & mask == 0)
            && (self.tos == 0 || self.tos == flow.tos)
            && within(self.from, flow.saddr)
            && within(self.to, flow.daddr)
    }
}
