//! A connection whose handshake is not done (`struct tcp_request_sock`): a SYN was answered, the
//! third segment is awaited. It lies in the table of connections and needs no sock.

use crate::hash::{Found, Key};
use crate::init::OpenReq;
use crate::{Tcp, TcpCx, glue};
use ip::v4::options::IpOptions;
use kern::sync::SpinLock;
use kern::time::Jiffies;
use kern::timer::TimerSlot;
use net::mib::{Tcp as TcpMib, TcpExt};
use net::timer::TimerTarget;
use net::{BhCx, Cx, Sock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use uapi::tcp::TcpState;

/// The first wait for the third segment, ms (`TCP_TIMEOUT_INIT`).
const TIMEOUT_INIT: u64 = 1000;

/// A request.
pub struct Request {
    /// What it is found by.
    pub key: Key,
    /// The device the SYN came in by.
    pub iif: u32,
    /// `SO_MARK` of the listener.
    pub mark: u32,
    /// Type of service or traffic class of the SYN-ACK.
    pub tos: u8,
    /// Who listens (`rsk_listener`).
    pub listener: Arc<Sock<Tcp>>,
    /// What changes.
    pub state: SpinLock<State>,
    /// The SYN's headers, for `TCP_SAVED_SYN`.
    pub saved_syn: Option<Box<[u8]>>,
    /// The SYN's IPv4 options, as they go back (`ireq_opt`).
    pub options: Option<Arc<IpOptions>>,
    queued: AtomicBool,
    timer: TimerSlot,
}

/// What segments and the timer change.
pub struct State {
    /// What was agreed on.
    pub open: OpenReq,
    /// SYN-ACKs sent again (`num_retrans`).
    pub num_retrans: u8,
    /// Times the timer fired (`num_timeout`).
    pub num_timeout: u8,
    /// The third segment came, but there was no room or it was to be deferred (`acked`).
    pub acked: bool,
    /// When nonsense was last answered, ms.
    pub last_oow_ack_time: u32,
}

impl Request {
    /// A request that is in no table yet.
    pub fn new(key: Key, iif: u32, mark: u32, tos: u8, listener: Arc<Sock<Tcp>>, open: OpenReq) -> Self {
        let state = State { open, num_retrans: 0, num_timeout: 0, acked: false, last_oow_ack_time: 0 };
        Request {
            key,
            iif,
            mark,
            tos,
            listener,
            state: SpinLock::new(state),
            saved_syn: None,
            options: None,
            queued: AtomicBool::new(false),
            timer: TimerSlot::default(),
        }
    }

    /// Enters the tables and starts the timer (`inet_csk_reqsk_queue_hash_add`). False when the
    /// connection exists already.
    pub fn hash_add(self: &Arc<Self>, cx: &Cx<'_>) -> bool {
        if cx.tcp().hash.established.insert(self.key, 0, Found::Request(self.clone())).is_err() {
            return false;
        }
        self.queued.store(true, Relaxed);
        self.listener.shared.with_listen(|queue| queue.syn_len += 1);
        cx.mod_timer(&self.timer, cx.jiffies() + TIMEOUT_INIT, 0, || self.clone());
        true
    }

    /// Leaves the queue of its listener and stops its timer; for who has taken its place in the table
    /// (`reqsk_queue_removed`).
    pub fn unqueue(&self, cx: &Cx<'_>) {
        if self.queued.swap(false, Relaxed) {
            self.listener.shared.with_listen(|queue| queue.syn_len = queue.syn_len.saturating_sub(1));
        }
        cx.del_timer(&self.timer);
    }

    /// When the SYN-ACK is sent again.
    pub fn expires(&self) -> Jiffies {
        self.timer.expires()
    }

    /// Leaves everything (`inet_csk_reqsk_queue_drop`).
    pub fn drop_request(self: &Arc<Self>, cx: &Cx<'_>) {
        cx.tcp().hash.established.remove(&self.key, &Found::Request(self.clone()));
        self.unqueue(cx);
    }

    /// Sends the SYN-ACK once more (`tcp_rtx_synack`).
    pub fn retransmit(&self, cx: &Cx<'_>) {
        glue::send_synack(cx, self, None, true);
        let mut state = self.state.lock();
        state.num_retrans = state.num_retrans.saturating_add(1);
        let num_retrans = state.num_retrans;
        state.open.accecn.synack_again(num_retrans);
        drop(state);
        cx.inc(TcpMib::RetransSegs);
        cx.inc(TcpExt::TCPSynRetrans);
    }

    /// The timer again, `backoff` doublings from the first wait, at most the listener's RTO.
    fn rearm(self: &Arc<Self>, cx: &Cx<'_>, num_timeout: u8) {
        let most = self.listener.shared.with_listen(|queue| queue.template.rto_max).unwrap_or(120_000);
        let wait = (TIMEOUT_INIT << num_timeout.min(16)).min(u64::from(most));
        cx.mod_timer(&self.timer, cx.jiffies() + wait, 0, || self.clone());
    }

    /// A retransmitted SYN was answered: wait anew (`tcp_check_req`).
    pub fn restart_timer(self: &Arc<Self>, cx: &Cx<'_>) {
        let num_timeout = self.state.lock().num_timeout;
        self.rearm(cx, num_timeout);
    }
}

impl TimerTarget for Request {
    /// `reqsk_timer_handler`.
    fn expire(self: Arc<Self>, _which: u8, cx: &BhCx<'_, '_>) {
        if self.listener.state() != TcpState::Listen as u8 {
            self.drop_request(cx);
            return;
        }
        let syn_retries = self.listener.shared.with_listen(|queue| queue.template.syn_retries);
        let mut max = match syn_retries {
            Some(retries) if retries != 0 => retries,
            _ => cx.tcp().sysctl.synack_retries().clamp(0, 255) as u8,
        };
        let defer = self.listener.shared.with_listen(|queue| queue.template.defer_accept).unwrap_or(0);
        if defer > max {
            max = defer;
        }
        let (timeouts, acked) = {
            let state = self.state.lock();
            (state.num_timeout, state.acked)
        };
        // `syn_ack_recalc`: a deferred connection that has its ACK is not asked again but once.
        let (expire, resend) = match defer {
            0 => (timeouts >= max, true),
            defer => (
                timeouts >= max && (!acked || timeouts >= defer),
                !acked || timeouts >= defer.saturating_sub(1),
            ),
        };
        if expire {
            self.drop_request(cx);
            return;
        }
        if resend {
            self.retransmit(cx);
        }
        let num_timeout = {
            let mut state = self.state.lock();
            state.num_timeout += 1;
            state.num_timeout
        };
        self.rearm(cx, num_timeout);
    }
}
