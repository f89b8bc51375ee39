//! listen(2), and what its end means for those who wait (`inet_csk_listen_start`,
//! `inet_csk_listen_stop`).

use crate::fastopen::{self, Queue};
use crate::hash::bind;
use crate::mini::listen::ListenQueue;
use crate::sock::{Sk, TcpSock};
use crate::{TcpCx, init, state};
use net::{Cx, UserCx};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use uapi::Result;
use uapi::tcp::TcpState;

/// Begins to listen. The backlog is set by the caller already.
///
/// # Errors
/// `EADDRINUSE` when the port was taken by another listener meanwhile.
pub fn start(sk: &mut Sk<'_>, cx: &UserCx<'_>) -> Result<()> {
    let mode = cx.tcp().sysctl.fastopen();
    if mode & fastopen::SERVER != 0 && mode & fastopen::SERVER_WITHOUT_OPTION != 0 && sk.fastopen_qlen() == 0
    {
        fastopen_tune(sk, cx, sk.sk.max_ack_backlog());
    }
    let template = Arc::new(template(sk));
    sk.sk.shared.set_listen(Some(ListenQueue {
        accept: VecDeque::new(),
        syn_len: 0,
        last_overflow: None,
        fastopen: Queue::default(),
        template,
    }));
    sk.sk.ack_backlog.store(0, std::sync::atomic::Ordering::Relaxed);
    state::set_state(sk, cx, TcpState::Listen);
    // The port is asked for again: what bind() let pass, a listener may not share.
    let port = sk.inet.num;
    match bind::get_port(sk, cx, port) {
        Ok(()) => {
            sk.sk.shared.inet.publish(&sk.inet);
            sk.inet.dst = None;
            let v6only = sk.inet.v6only;
            cx.tcp().hash.listening.insert(sk, v6only);
            Ok(())
        }
        Err(errno) => {
            sk.sk.shared.set_listen(None);
            state::set_state(sk, cx, TcpState::Close);
            Err(errno)
        }
    }
}

/// How many children may be opened at once (`fastopen_queue_tune`).
pub fn fastopen_tune(sk: &mut Sk<'_>, cx: &Cx<'_>, backlog: u32) {
    sk.fastopen_mut().qlen = backlog.min(cx.net.core.somaxconn.load(Relaxed) as u32);
    cx.tcp().fastopen.init_key_once(cx.net);
}

/// The options that children inherit, as they are now.
fn template(sk: &Sk<'_>) -> TcpSock {
    let mut template = TcpSock::default();
    template.inet.inherit(&sk.inet);
    init::copy_user_options(&mut template, sk);
    template.cong.inherit(&sk.cong);
    template
}

/// Options of a listener changed: children from now on inherit the new ones.
pub fn refresh(sk: &mut Sk<'_>) {
    let fresh = Arc::new(template(sk));
    let old = sk.sk.shared.with_listen(|queue| std::mem::replace(&mut queue.template, fresh));
    drop(old);
}

/// The listener closes: connections nobody accepted are reset, requests find nobody when their
/// segments come.
pub fn stop(sk: &mut Sk<'_>, cx: &Cx<'_>) {
    let Some(queue) = sk.sk.shared.set_listen(None) else { return };
    for child in queue.accept {
        super::close::abort_child(&child, cx);
        cx.sock_put(child);
    }
    sk.sk.ack_backlog.store(0, std::sync::atomic::Ordering::Relaxed);
    // Requests hold their listener; those that wait for a third segment are let go now.
    let mut gone = Vec::new();
    cx.tcp().hash.established.for_each(|_, found| {
        if let crate::hash::Found::Request(request) = found
            && std::ptr::eq(&raw const *request.listener, sk.sk)
        {
            gone.push(request.clone());
        }
    });
    for request in gone {
        request.drop_request(cx);
    }
}
