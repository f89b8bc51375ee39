//! Counters: the MIBs of a namespace, as `/proc/net/{snmp,snmp6,netstat}` print them.
//!
//! Every thread counts in a block of its own ([`crate::counters`]). Variants bear the names that `/proc` prints, so that a search for one finds where it is
//! counted.

use crate::counters::{Block, Counters};
use kern::context::CpuId;

macro_rules! mibs {
    ($($(#[$doc:meta])* $group:ident { $($name:ident)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[allow(missing_docs, clippy::enum_variant_names, reason = "the names are /proc's")]
            #[repr(u16)]
            pub enum $group { $($name,)* }

            impl $group {
                /// The names that `/proc` prints, in order.
                pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];
            }

            impl From<$group> for Mib {
                #[inline]
                fn from(counter: $group) -> Mib {
                    const START: u16 = Base::$group.start();
                    Mib(START + counter as u16)
                }
            }
        )*

        /// The groups, and where each begins among all counters.
        #[derive(Clone, Copy)]
        #[repr(u16)]
        enum Base { $($group,)* End }

        const LENGTHS: &[usize] = &[$($group::NAMES.len()),*];
    };
}

/// One counter of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mib(u16);

impl Base {
    const fn start(self) -> u16 {
        let (mut i, mut sum) = (0, 0);
        while i < self as usize {
            sum += LENGTHS[i];
            i += 1;
        }
        sum as u16
    }
}

/// Where the counters by ICMP type begin.
const BY_TYPE: u16 = Base::End.start();

impl Mib {
    /// Messages by ICMP type, `IcmpMsg: InType<n>`.
    pub fn icmp_in(kind: u8) -> Mib {
        Mib(BY_TYPE + u16::from(kind))
    }

    /// Messages by ICMP type, `IcmpMsg: OutType<n>`.
    pub fn icmp_out(kind: u8) -> Mib {
        Mib(BY_TYPE + 256 + u16::from(kind))
    }

    /// Messages by ICMPv6 type, `Icmp6InType<n>`.
    pub fn icmp6_in(kind: u8) -> Mib {
        Mib(BY_TYPE + 512 + u16::from(kind))
    }

    /// Messages by ICMPv6 type, `Icmp6OutType<n>`.
    pub fn icmp6_out(kind: u8) -> Mib {
        Mib(BY_TYPE + 768 + u16::from(kind))
    }
}

const COUNTERS: usize = Base::End.start() as usize + 1024;

/// One thread's counters of a namespace.
pub(crate) type MibBlock = Block<COUNTERS>;

impl MibBlock {
    /// Adds to a counter.
    #[inline]
    pub(crate) fn add(&self, counter: Mib, n: u64) {
        self.count(usize::from(counter.0), n);
    }
}

/// A namespace's counters.
#[derive(Default)]
pub struct Mibs(Counters<COUNTERS>);

impl Mibs {
    /// The block that the thread `id` counts in.
    #[inline]
    pub(crate) fn block(&self, id: CpuId) -> &MibBlock {
        self.0.block(id)
    }

    /// All sums, in an order that stays the same while the program runs: to see what moved.
    pub fn snapshot(&self) -> Vec<u64> {
        (0..COUNTERS).map(|i| self.0.sum(i)).collect()
    }

    /// The sums of `n` counters of a group, from `first` on.
    pub fn sums(&self, first: Mib, n: usize) -> Vec<u64> {
        (first.0..).take(n).map(|i| self.sum(Mib(i))).collect()
    }

    /// A counter's sum. Gauges (`CurrEstab`) count down by adding `u64::MAX`; sums wrap.
    pub fn sum(&self, counter: impl Into<Mib>) -> u64 {
        let Mib(i) = counter.into();
        self.0.sum(usize::from(i))
    }
}

mibs! {
    /// IPv4 (RFC 1213 ip group; `/proc/net/snmp`, `Ip:`).
    Ip {
        InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers
        OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs
        FragFails FragCreates OutTransmits
    }
    /// IPv4, Linux's own and octets (`/proc/net/netstat`, `IpExt:`).
    IpExt {
        InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets
        OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors
        InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps
    }
    /// ICMP (`/proc/net/snmp`, `Icmp:`).
    Icmp {
        InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs
        InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps
        OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds
        OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps
        OutTimestampReps OutAddrMasks OutAddrMaskReps
    }
    /// TCP (`/proc/net/snmp`, `Tcp:`).
    Tcp {
        ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs
        InErrs OutRsts InCsumErrors
    }
    /// TCP, Linux's own (`/proc/net/netstat`, `TcpExt:`).
    TcpExt {
        SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned
        OfoPruned OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive
        PAWSEstab BeyondWindow TSEcrRejected PAWSOldAck PAWSTimewait DelayedACKs DelayedACKLocked
        DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery
        TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo
        TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit TCPRenoFailures TCPSackFailures
        TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts TCPLossProbes
        TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed
        TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv
        TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger
        TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard
        TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected
        TCPMD5Failure TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop
        PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPTimeWaitOverflow
        TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop
        TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail
        TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd
        TCPFastOpenBlackhole TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking
        TCPFromZeroWindowAdv TCPToZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent
        TCPHystartTrainDetect TCPHystartTrainCwnd TCPHystartDelayDetect TCPHystartDelayCwnd
        TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq TCPACKSkippedFinWait2
        TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail
        TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop
        TCPWqueueTooBig TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash
        TCPDSACKRecvSegs TCPDSACKIgnoredDubious TCPMigrateReqSuccess TCPMigrateReqFailure
        TCPPLBRehash TCPAORequired TCPAOBad TCPAOKeyNotFound TCPAOGood TCPAODroppedIcmps
    }
    /// UDP over IPv4 (`/proc/net/snmp`, `Udp:`).
    Udp {
        InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
        IgnoredMulti MemErrors
    }
    /// IPv6 (`/proc/net/snmp6`, `Ip6…`).
    Ip6 {
        InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos
        InTruncatedPkts InDiscards InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes
        ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates InMcastPkts
        OutMcastPkts InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets
        InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts OutTransmits
    }
    /// ICMPv6 (`/proc/net/snmp6`, `Icmp6…`).
    Icmp6 {
        InMsgs InErrors OutMsgs OutErrors InCsumErrors OutRateLimitHost InDestUnreachs
        InPktTooBigs InTimeExcds InParmProblems InEchos InEchoReplies InGroupMembQueries
        InGroupMembResponses InGroupMembReductions InRouterSolicits InRouterAdvertisements
        InNeighborSolicits InNeighborAdvertisements InRedirects InMLDv2Reports OutDestUnreachs
        OutPktTooBigs OutTimeExcds OutParmProblems OutEchos OutEchoReplies OutGroupMembQueries
        OutGroupMembResponses OutGroupMembReductions OutRouterSolicits OutRouterAdvertisements
        OutNeighborSolicits OutNeighborAdvertisements OutRedirects OutMLDv2Reports
    }
    /// UDP over IPv6 (`/proc/net/snmp6`, `Udp6…`).
    Udp6 {
        InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
        IgnoredMulti MemErrors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_do_not_overlap() {
        assert_eq!(Mib::from(Ip::InReceives), Mib(0));
        assert_eq!(Mib::from(IpExt::InNoRoutes).0 as usize, Ip::NAMES.len());
        assert_eq!(Mib::icmp_in(0).0, Mib::from(*last_udp6()).0 + 1);
    }

    fn last_udp6() -> &'static Udp6 {
        &Udp6::MemErrors
    }

    #[test]
    fn sums_over_threads() {
        let mibs = Mibs::default();
        mibs.block(CpuId::new(0)).add(Tcp::InSegs.into(), 2);
        mibs.block(CpuId::new(5)).add(Tcp::InSegs.into(), 3);
        mibs.block(CpuId::new(500)).add(Tcp::InSegs.into(), 4);
        assert_eq!(mibs.sum(Tcp::InSegs), 9);
    }
}
