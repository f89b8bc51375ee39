//! TCP as the socket layer sees it (`tcp_prot`, `tcpv6_prot`).

use crate::sock::TcpSock;
use crate::{TcpNet, TcpShared, api, hash, init, input, output, state, timer};
use ip::{InetProto, InetShared, InetSock};
use kern::slab::Cache;
use net::msg::RecvMsg;
use net::sock::{GetOpt, SockFlag, Timeo};
use net::{AnySock, Cx, MsgHdr, Net, Proto, SkMut, Skb, Sock, UserCx};
use std::sync::Arc;
use uapi::tcp::TcpState;
use uapi::{Errno, Result};

/// The Transmission Control Protocol.
pub struct Tcp;

impl Proto for Tcp {
    type State = TcpSock;
    type Shared = TcpShared;
    const NAME: &'static str = "TCP";
    const FLAGS: u64 = 1 << SockFlag::UseWriteQueue as u8;

    fn slab(net: &Net) -> &Cache<Arc<Sock<Tcp>>> {
        net.generic::<TcpNet>().slab()
    }

    fn reset(sk: &Sock<Self>, st: &mut TcpSock) {
        init::reset(st);
        sk.shared.reset();
    }

    #[inline]
    fn backlog_rcv(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, skb: Skb) {
        input::do_rcv(sk, cx, skb);
    }

    fn deferred(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, which: u8) {
        timer::deferred(sk, cx, which);
    }

    fn init(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        init::init_sock(sk, cx);
        Ok(())
    }

    fn close(sk: &Sock<Self>, cx: &UserCx<'_>, linger: Timeo) {
        api::close::close(sk, cx, linger);
    }

    fn connect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, addr: &[u8]) -> Result<()> {
        output::mstamp_refresh(sk, cx);
        api::connect::connect(sk, cx, addr, None)
    }

    fn disconnect(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>) -> Result<()> {
        api::disconnect::disconnect(sk, cx)
    }

    fn accept(sk: &Sock<Self>, cx: &UserCx<'_>, nonblock: bool) -> Result<Arc<dyn AnySock>> {
        api::accept::accept(sk, cx, nonblock)
    }

    fn keepalive(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, on: bool) {
        output::mstamp_refresh(sk, cx);
        crate::timer::set_keepalive(sk, cx, on);
    }

    fn reset_tskey(sk: &mut SkMut<'_, Self>, written: bool) {
        sk.sk.set_tskey(if written { sk.write_seq } else { sk.snd_una });
    }

    fn dst_reset(sk: &mut SkMut<'_, Self>) {
        sk.inet.dst = None;
    }

    fn ioctl(sk: &Sock<Self>, cx: &UserCx<'_>, cmd: u32, arg: &mut [u8]) -> Result<i32> {
        api::ioctl::ioctl(sk, cx, cmd, arg)
    }

    fn shutdown(sk: &mut SkMut<'_, Self>, cx: &UserCx<'_>, how: u8) {
        api::shutdown::shutdown(sk, cx, how);
    }

    fn setsockopt(sk: &Sock<Self>, cx: &UserCx<'_>, level: i32, name: i32, value: &[u8]) -> Result<()> {
        api::sockopt::set(sk, cx, level, name, value)
    }

    fn getsockopt(
        sk: &Sock<Self>,
        cx: &UserCx<'_>,
        level: i32,
        name: i32,
        out: &mut GetOpt<'_>,
    ) -> Result<()> {
        api::sockopt::get(sk, cx, level, name, out)
    }

    fn sendmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut MsgHdr<'_>) -> Result<usize> {
        api::sendmsg::sendmsg(sk, cx, msg)
    }

    fn recvmsg(sk: &Sock<Self>, cx: &UserCx<'_>, msg: &mut RecvMsg<'_>) -> Result<usize> {
        api::recvmsg::recvmsg(sk, cx, msg)
    }

    fn poll(sk: &Sock<Self>, cx: &UserCx<'_>) -> u32 {
        api::poll::poll(sk, cx)
    }

    fn hash(_sk: &mut SkMut<'_, Self>, _cx: &Cx<'_>) -> Result<()> {
        // Listeners enter the table by `listen()`, others by `connect()`; a bound one is in none.
        Ok(())
    }

    fn unhash(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        hash::unhash(sk, cx);
    }

    fn get_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>, port: u16) -> Result<()> {
        if state::state(sk) != TcpState::Close {
            return Err(Errno::EINVAL);
        }
        hash::bind::get_port(sk, cx, port)
    }

    fn put_port(sk: &mut SkMut<'_, Self>, cx: &Cx<'_>) {
        hash::put_port(sk, cx);
    }
}

impl InetProto for Tcp {
    fn inet(st: &TcpSock) -> &InetSock {
        &st.inet
    }
    fn inet_mut(st: &mut TcpSock) -> &mut InetSock {
        &mut st.inet
    }
    fn inet_shared(shared: &TcpShared) -> &InetShared {
        &shared.inet
    }
    fn connect_is_deferred(st: &TcpSock) -> bool {
        crate::fastopen::client::of(st).deferred
    }
    fn write_pending(st: &mut TcpSock, waits: bool) {
        api::sendmsg::write_pending(st, waits);
    }
}
