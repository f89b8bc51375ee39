//! The sizes and places the ABI fixes, held against the C library's.

use crate::*;
use core::mem::offset_of;
use zerocopy::IntoBytes;

macro_rules! same_size {
    ($($ours:ty, $theirs:ty;)*) => {
        $(assert_eq!(size_of::<$ours>(), size_of::<$theirs>(), stringify!($ours));)*
    };
}

#[test]
fn sizes_are_the_c_librarys() {
    same_size! {
        Linger, libc::linger;
        Ucred, libc::ucred;
        IoVec, libc::iovec;
        MsgHdr, libc::msghdr;
        MmsgHdr, libc::mmsghdr;
        Timeval, libc::timeval;
        Timespec, libc::timespec;
        EpollEvent, libc::epoll_event;
        PollFd, libc::pollfd;
        IpMreqn, libc::ip_mreqn;
        IpMreqSource, libc::ip_mreq_source;
        InPktinfo, libc::in_pktinfo;
        Ipv6Mreq, libc::ipv6_mreq;
        In6Pktinfo, libc::in6_pktinfo;
        IfReq, libc::ifreq;
        IfConf, libc::ifconf;
        SockExtendedErr, libc::sock_extended_err;
        NlMsgHdr, libc::nlmsghdr;
        NlMsgErr, libc::nlmsgerr;
        NlAttr, libc::nlattr;
        GenlMsgHdr, libc::genlmsghdr;
        SockFilter, libc::sock_filter;
        SockFprog, libc::sock_fprog;
        SockTxtime, libc::sock_txtime;
        PacketMreq, libc::packet_mreq;
        TpacketAuxdata, libc::tpacket_auxdata;
        TpacketStats, libc::tpacket_stats;
        ArpReq, libc::arpreq;
        RtEntry, libc::rtentry;
        In6RtMsg, libc::in6_rtmsg;
        [u8; sockaddr::SOCKADDR_IN_LEN], libc::sockaddr_in;
        [u8; sockaddr::SOCKADDR_IN6_LEN], libc::sockaddr_in6;
        [u8; sockaddr::SOCKADDR_NL_LEN], libc::sockaddr_nl;
        [u8; sockaddr::SOCKADDR_LL_LEN], libc::sockaddr_ll;
        [u8; sockaddr::SOCKADDR_UN_LEN], libc::sockaddr_un;
        [u8; sockaddr::SOCKADDR_STORAGE_LEN], libc::sockaddr_storage;
    }
}

#[test]
fn sizes_the_c_library_does_not_have() {
    assert_eq!(size_of::<TcpInfo>(), 280);
    assert_eq!(size_of::<TcpMd5sig>(), 216);
    assert_eq!(size_of::<TcpZerocopyReceive>(), 64);
    assert_eq!(size_of::<LinkStats64>(), 200);
    assert_eq!(size_of::<InetDiagReqV2>(), 56);
    assert_eq!(size_of::<InetDiagMsg>(), 72);
    assert_eq!(size_of::<GroupReq>(), 136);
    assert_eq!(size_of::<GroupSourceReq>(), 264);
    assert_eq!(size_of::<GroupFilter>(), 144);
    assert_eq!(size_of::<In6FlowlabelReq>(), 32);
    assert_eq!(size_of::<Ip6Mtuinfo>(), 32);
    assert_eq!(size_of::<In6IfReq>(), 24);
    assert_eq!(size_of::<CompatMsgHdr>(), 28);
    assert_eq!(size_of::<ScmTimestamping>(), 48);
}

#[test]
fn places_within() {
    assert_eq!(offset_of!(TcpInfo, rto), 8);
    assert_eq!(offset_of!(TcpInfo, pacing_rate), 104);
    assert_eq!(offset_of!(TcpInfo, delivery_rate), 160);
    assert_eq!(offset_of!(TcpInfo, total_rto_time), 244);
    assert_eq!(offset_of!(MsgHdr, control), offset_of!(libc::msghdr, msg_control));
    assert_eq!(offset_of!(MsgHdr, flags), offset_of!(libc::msghdr, msg_flags));
    assert_eq!(offset_of!(RtEntry, metric), offset_of!(libc::rtentry, rt_metric));
    assert_eq!(offset_of!(RtEntry, dev), offset_of!(libc::rtentry, rt_dev));
    assert_eq!(offset_of!(In6RtMsg, flags), 72);
    let event = EpollEvent { events: 1, data: 2 };
    assert_eq!(event.as_bytes()[4], 2);
}

#[test]
fn tables_name_every_number_once_or_as_an_alias() {
    for (level, table) in names::OPTION_TABLES {
        for pair in table.rows.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{level}: {pair:?} out of order");
        }
    }
}
