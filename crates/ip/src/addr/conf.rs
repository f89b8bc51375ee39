//! Settings of an interface: `net.ipv4.conf.*` and `net.ipv6.conf.*` (`IPV4_DEVCONF_*`,
//! `struct ipv6_devconf`).

use super::IpDev;
use crate::IpNet;
use net::sysctl::{Bounds, MOST_SECONDS, SysctlNode};
use net::{Net, NetDevice};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use uapi::Result;

macro_rules! conf {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $file:literal, $default:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are the files'")]
        pub enum $name { $($variant,)* }

        impl $name {
            /// File name and default of each.
            pub const ROWS: &'static [(&'static str, i32)] = &[$(($file, $default)),*];
        }
    };
}

conf! {
    /// Settings of IPv4 (`net.ipv4.conf.DEV.*`).
    Conf4 {
        AcceptLocal = "accept_local", 0;
        AcceptRedirects = "accept_redirects", 1;
        AcceptSourceRoute = "accept_source_route", 1;
        ArpAccept = "arp_accept", 0;
        ArpAnnounce = "arp_announce", 0;
        ArpEvictNocarrier = "arp_evict_nocarrier", 1;
        ArpFilter = "arp_filter", 0;
        ArpIgnore = "arp_ignore", 0;
        ArpNotify = "arp_notify", 0;
        BcForwarding = "bc_forwarding", 0;
        BootpRelay = "bootp_relay", 0;
        DisablePolicy = "disable_policy", 0;
        DisableXfrm = "disable_xfrm", 0;
        DropGratuitousArp = "drop_gratuitous_arp", 0;
        DropUnicastInL2Multicast = "drop_unicast_in_l2_multicast", 0;
        ForceIgmpVersion = "force_igmp_version", 0;
        Forwarding = "forwarding", 0;
        Igmpv2Interval = "igmpv2_unsolicited_report_interval", 10000;
        Igmpv3Interval = "igmpv3_unsolicited_report_interval", 1000;
        IgnoreRoutesWithLinkdown = "ignore_routes_with_linkdown", 0;
        LogMartians = "log_martians", 0;
        McForwarding = "mc_forwarding", 0;
        MediumId = "medium_id", 0;
        PromoteSecondaries = "promote_secondaries", 0;
        ProxyArp = "proxy_arp", 0;
        ProxyArpPvlan = "proxy_arp_pvlan", 0;
        RouteLocalnet = "route_localnet", 0;
        RpFilter = "rp_filter", 0;
        SecureRedirects = "secure_redirects", 1;
        SendRedirects = "send_redirects", 1;
        SharedMedia = "shared_media", 1;
        SrcValidMark = "src_valid_mark", 0;
        Tag = "tag", 0;
    }
}

conf! {
    /// Settings of IPv6 (`net.ipv6.conf.DEV.*`).
    Conf6 {
        AcceptDad = "accept_dad", 1;
        AcceptRa = "accept_ra", 1;
        AcceptRaDefrtr = "accept_ra_defrtr", 1;
        AcceptRaFromLocal = "accept_ra_from_local", 0;
        AcceptRaMinHopLimit = "accept_ra_min_hop_limit", 1;
        AcceptRaMinLft = "accept_ra_min_lft", 0;
        AcceptRaMtu = "accept_ra_mtu", 1;
        AcceptRaPinfo = "accept_ra_pinfo", 1;
        AcceptRaRtInfoMaxPlen = "accept_ra_rt_info_max_plen", 0;
        AcceptRaRtInfoMinPlen = "accept_ra_rt_info_min_plen", 0;
        AcceptRaRtrPref = "accept_ra_rtr_pref", 1;
        AcceptRedirects = "accept_redirects", 1;
        AcceptSourceRoute = "accept_source_route", 0;
        AcceptUntrackedNa = "accept_untracked_na", 0;
        AddrGenMode = "addr_gen_mode", 0;
        Autoconf = "autoconf", 1;
        DadTransmits = "dad_transmits", 1;
        DisableIpv6 = "disable_ipv6", 0;
        DisablePolicy = "disable_policy", 0;
        DropUnicastInL2Multicast = "drop_unicast_in_l2_multicast", 0;
        DropUnsolicitedNa = "drop_unsolicited_na", 0;
        EnhancedDad = "enhanced_dad", 1;
        ForceForwarding = "force_forwarding", 0;
        ForceMldVersion = "force_mld_version", 0;
        ForceTllao = "force_tllao", 0;
        Forwarding = "forwarding", 0;
        HopLimit = "hop_limit", 64;
        IgnoreRoutesWithLinkdown = "ignore_routes_with_linkdown", 0;
        KeepAddrOnDown = "keep_addr_on_down", 0;
        MaxAddresses = "max_addresses", 16;
        MaxDesyncFactor = "max_desync_factor", 600;
        Mldv1Interval = "mldv1_unsolicited_report_interval", 10000;
        Mldv2Interval = "mldv2_unsolicited_report_interval", 1000;
        NdiscEvictNocarrier = "ndisc_evict_nocarrier", 1;
        NdiscNotify = "ndisc_notify", 0;
        NdiscTclass = "ndisc_tclass", 0;
        OptimisticDad = "optimistic_dad", 0;
        ProxyNdp = "proxy_ndp", 0;
        RaDefrtrMetric = "ra_defrtr_metric", 1024;
        RouterProbeInterval = "router_probe_interval", 60;
        RouterSolicitationDelay = "router_solicitation_delay", 1;
        RouterSolicitationInterval = "router_solicitation_interval", 4;
        RouterSolicitationMaxInterval = "router_solicitation_max_interval", 3600;
        RouterSolicitations = "router_solicitations", -1;
        SuppressFragNdisc = "suppress_frag_ndisc", 1;
        TempPreferedLft = "temp_prefered_lft", 86400;
        TempValidLft = "temp_valid_lft", 604800;
        UseOifAddrsOnly = "use_oif_addrs_only", 0;
        UseOptimistic = "use_optimistic", 0;
        UseTempaddr = "use_tempaddr", 0;
    }
}

/// The settings of one interface and family, or of `all` or `default`.
#[derive(Clone)]
pub struct Conf(Arc<[AtomicI32]>);

impl Conf {
    /// Defaults.
    pub fn new(rows: &[(&str, i32)]) -> Self {
        Conf(rows.iter().map(|(_, default)| AtomicI32::new(*default)).collect())
    }

    /// The same values, to be changed apart.
    pub fn copy_of(other: &Conf) -> Self {
        Conf(other.0.iter().map(|value| AtomicI32::new(value.load(Relaxed))).collect())
    }

    #[inline]
    fn value(&self, index: usize) -> i32 {
        self.0.get(index).map_or(0, |value| value.load(Relaxed))
    }

    /// An IPv4 setting of the interface or of all (`IN_DEV_ORCONF`).
    #[inline]
    pub fn or(&self, net: &Net, which: Conf4) -> bool {
        self.get4(which) != 0 || IpNet::of(net).sysctl.conf4_all.get4(which) != 0
    }

    /// An IPv4 setting of the interface and of all (`IN_DEV_ANDCONF`).
    pub fn and(&self, net: &Net, which: Conf4) -> bool {
        self.get4(which) != 0 && IpNet::of(net).sysctl.conf4_all.get4(which) != 0
    }

    /// The larger of the interface's and all's (`IN_DEV_MAXCONF`).
    pub fn max(&self, net: &Net, which: Conf4) -> i32 {
        self.get4(which).max(IpNet::of(net).sysctl.conf4_all.get4(which))
    }

    /// An IPv4 setting.
    #[inline]
    pub fn get4(&self, which: Conf4) -> i32 {
        self.value(which as usize)
    }

    /// An IPv6 setting.
    #[inline]
    pub fn get6(&self, which: Conf6) -> i32 {
        self.value(which as usize)
    }

    /// Changes an IPv4 setting.
    pub fn set4(&self, which: Conf4, value: i32) {
        self.0[which as usize].store(value, Relaxed);
    }

    /// Changes an IPv6 setting.
    pub fn set6(&self, which: Conf6, value: i32) {
        self.0[which as usize].store(value, Relaxed);
    }
}

/// Files whose numbers are not just any: name, least, most.
const BOUNDS: [(&str, i32, i32); 13] = [
    ("accept_untracked_na", 0, 2),
    ("addr_gen_mode", 0, 3),
    ("force_forwarding", 0, 1),
    ("hop_limit", 1, 255),
    ("mldv1_unsolicited_report_interval", 0, i32::MAX),
    ("mldv2_unsolicited_report_interval", 0, i32::MAX),
    ("ndisc_evict_nocarrier", 0, 1),
    ("ndisc_tclass", 0, 255),
    ("router_probe_interval", -MOST_SECONDS, MOST_SECONDS),
    ("router_solicitation_delay", -MOST_SECONDS, MOST_SECONDS),
    ("router_solicitation_interval", -MOST_SECONDS, MOST_SECONDS),
    ("router_solicitation_max_interval", -MOST_SECONDS, MOST_SECONDS),
    ("router_solicitations", -1, i32::MAX),
];

fn bounds(file: &str) -> Bounds {
    if file == "ra_defrtr_metric" {
        return Bounds { min: 1, max: i32::MAX, unsigned: true };
    }
    let row = BOUNDS.iter().find(|(name, ..)| *name == file);
    row.map_or(Bounds::ANY, |&(_, min, max)| Bounds { min, max, unsigned: false })
}

/// One file below `net/ipv4/conf/DEV`.
struct ConfNode {
    conf: Conf,
    file: &'static str,
    index: usize,
}

impl SysctlNode for ConfNode {
    fn mode(&self) -> u32 {
        // What a daemon that routes groups sets by other means.
        if self.file == "mc_forwarding" { 0o444 } else { 0o644 }
    }

    fn read(&self, _net: &Net) -> String {
        let value = self.conf.value(self.index);
        if bounds(self.file).unsigned { format!("{}\n", value as u32) } else { format!("{value}\n") }
    }

    fn write(&self, net: &Net, text: &str) -> Result<()> {
        self.write_bytes(net, text.as_bytes()).map(drop)
    }

    fn write_bytes(&self, net: &Net, bytes: &[u8]) -> Result<usize> {
        let taken = bounds(self.file).write(self.file, [&self.conf.0[self.index]], bytes)?;
        // Some of them are part of what cached routes were made of.
        net.rt_genid_bump();
        Ok(taken)
    }
}

fn register_rows(net: &Net, below: &str, rows: &[(&'static str, i32)], conf: &Conf) {
    for (index, (file, _)) in rows.iter().enumerate() {
        let node = ConfNode { conf: conf.clone(), file, index };
        // A device of this name existed before; its files are as good.
        let _ = net.sysctl.register(&format!("{below}/{file}"), Arc::new(node));
    }
}

/// Adds the files of `all` and `default`.
pub(crate) fn register_templates(net: &Net) {
    let sysctl = &IpNet::of(net).sysctl;
    sysctl.conf4_all.set4(Conf4::AcceptSourceRoute, 0);
    sysctl.conf6_all.set6(Conf6::AcceptDad, 0);
    register_rows(net, "net/ipv4/conf/all", Conf4::ROWS, &sysctl.conf4_all);
    register_rows(net, "net/ipv4/conf/default", Conf4::ROWS, &sysctl.conf4_default);
    register_rows(net, "net/ipv6/conf/all", Conf6::ROWS, &sysctl.conf6_all);
    register_rows(net, "net/ipv6/conf/default", Conf6::ROWS, &sysctl.conf6_default);
}

/// Adds the files of a device, and sets what is different for `lo`.
pub(super) fn register_dev(net: &Net, dev: &NetDevice, ipdev: &IpDev) {
    if dev.features.loopback {
        ipdev.conf4.set4(Conf4::DisablePolicy, 1);
        ipdev.conf4.set4(Conf4::DisableXfrm, 1);
        ipdev.conf6.set6(Conf6::AcceptDad, -1);
        ipdev.conf6.set6(Conf6::UseTempaddr, -1);
    }
    register_rows(net, &format!("net/ipv4/conf/{}", dev.name), Conf4::ROWS, &ipdev.conf4);
    register_rows(net, &format!("net/ipv6/conf/{}", dev.name), Conf6::ROWS, &ipdev.conf6);
}
