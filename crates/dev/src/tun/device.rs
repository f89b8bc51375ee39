//! The device's side: made by `TUNSETIFF`, gone with its file (`tun_net_init`, `tun_net_xmit`, `__tun_detach`).

use super::{Link, Tun};
use kern::sync::SpinLock;
use net::dev::{DeviceConfig, Features, NetDeviceOps};
use net::{Cx, DropReason, Net, NetDevice, Skb, Sock, UserCx};
use std::any::Any;
use std::sync::Arc;
use uapi::{ARPHRD_NONE, Errno, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT, Result};

/// Bytes of the largest packet (`ETH_DATA_LEN`).
const MTU: u32 = 1500;
/// Packets that wait for a reader (`TUN_READQ_SIZE`).
const READQ_SIZE: u32 = 500;

/// The driver; it has no sock any more once the file is closed.
pub(super) struct Driver {
    sk: SpinLock<Option<Arc<Sock<Tun>>>>,
}

impl NetDeviceOps for Driver {
    fn start_xmit(
        &self,
        cx: &Cx<'_>,
        dev: &NetDevice,
        mut skb: Skb,
    ) -> core::result::Result<(), (Skb, DropReason)> {
        let Some(sk) = self.sk.lock().clone() else { return Err((skb, DropReason::DevReady)) };
        // Its sender must not wait for a reader who may never come.
        cx.skb_orphan(&mut skb);
        let full = {
            let mut queue = sk.shared.queue.lock();
            if queue.len() < dev.tx_queue_len as usize {
                queue.push_back(skb);
                None
            } else {
                Some(skb)
            }
        };
        let result = match full {
            Some(skb) => Err((skb, DropReason::FullRing)),
            None => {
                sk.data_ready(cx);
                Ok(())
            }
        };
        cx.sock_put(sk);
        result
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Adds a device for this sock and attaches it.
///
/// # Errors
/// `EINVAL` for no name; `EBUSY` for the name of a TUN device, which has its file, `EINVAL` for another's.
pub(super) fn attach(sk: &Arc<Sock<Tun>>, net: &Net, name: &str, flags: u16) -> Result<Arc<NetDevice>> {
    if let Some(other) = net.dev.by_name(name) {
        return Err(if other.ops().as_any().is::<Driver>() { Errno::EBUSY } else { Errno::EINVAL });
    }
    let config = DeviceConfig {
        name: free_name(net, name)?,
        hardware: ARPHRD_NONE,
        flags: IFF_POINTOPOINT | IFF_MULTICAST | IFF_NOARP,
        mtu: MTU,
        address: Vec::new(),
        broadcast: Vec::new(),
        tx_queue_len: READQ_SIZE,
        features: Features::default(),
    };
    let driver = Driver { sk: SpinLock::new(Some(sk.clone())) };
    let dev = net.dev.register(config, Box::new(driver))?;
    *sk.shared.link.lock() = Some(Link { dev: dev.clone(), flags });
    Ok(dev)
}

/// A name with its `%d` replaced by the first number that is free (`dev_alloc_name`).
fn free_name(net: &Net, pattern: &str) -> Result<String> {
    let Some((before, after)) = pattern.split_once('%') else { return Ok(pattern.to_owned()) };
    let after = after.strip_prefix('d').filter(|rest| !rest.contains('%')).ok_or(Errno::EINVAL)?;
    let names = (0..32768).map(|n| format!("{before}{n}{after}"));
    names.into_iter().find(|name| net.dev.by_name(name).is_none()).ok_or(Errno::ENFILE)
}

/// The file is closed: the device goes, with its addresses and routes, and what waits in it.
pub(super) fn detach(sk: &Sock<Tun>, cx: &UserCx<'_>) {
    let Some(Link { dev, .. }) = sk.shared.link.lock().take() else { return };
    cx.net.dev.unregister(cx.net, &dev);
    let held = dev.ops().as_any().downcast_ref::<Driver>().and_then(|driver| driver.sk.lock().take());
    loop {
        let next = sk.shared.queue.lock().pop_front();
        match next {
            Some(skb) => cx.drop_skb(skb, DropReason::DevReady),
            None => break,
        }
    }
    if let Some(sk) = held {
        cx.sock_put(sk);
    }
}
