use super::*;
use crate::ast::{Body, Echoed, Opt, Packet, Tos};

fn one(text: &str) -> Event {
    let script = parse(text, &Defines::new()).unwrap();
    assert_eq!(script.events.len(), 1);
    script.events[0].clone()
}

fn packet(text: &str) -> Packet {
    match one(text).action {
        Action::In(packet) | Action::Out(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn tcp(text: &str) -> crate::ast::Tcp {
    match packet(text).body {
        Body::Tcp(tcp) => tcp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments() {
    let syn = tcp("0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 8>");
    assert_eq!((syn.flags.as_str(), syn.window), ("S", Some(65535)));
    let wanted = vec![Opt::Mss(1460), Opt::SackOk, Opt::Ts(1, 0), Opt::Nop, Opt::Wscale(8)];
    assert_eq!(syn.options, Some(wanted));
    let data = tcp("0 > P.5 1:1001(1000) ack 7 <nop,nop,sack 1:2 4294967295:3>");
    assert_eq!((data.flags.as_str(), data.seq, data.len, data.ack), ("P.5", 1, 1000, 7));
    assert_eq!(data.options.unwrap()[2], Opt::Sack(vec![(1, 2), (u32::MAX, 3)]));
    assert_eq!(tcp("0 > - 1:1(0) <...>").options, None);
    assert_eq!(
        tcp("0 > SEW 0:0(0) <FO,FOEXP 0aff,ECN e1b 1 ceb 0>").options.unwrap(),
        [Opt::FastOpen(vec![], false), Opt::FastOpen(vec![10, 255], true), Opt::AccEcn(false, vec![1, 0])]
    );
}

#[test]
fn headers_around_them() {
    let marked = packet("0 > (ect01,flowlabel 0x7) 5 > 6 F. 1:1(0) ack 1");
    assert_eq!((marked.ip.tos, marked.ip.flow_label, marked.ports), (Tos::Ect01, 7, Some((5, 6))));
    assert_eq!(packet("0 < [tos 0x14] . 1:1(0) ack 1 win 1").ip.tos, Tos::Byte(0x14));
    let Body::Icmp(icmp) = packet("0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]").body else {
        panic!()
    };
    assert_eq!(
        (icmp.code.as_deref(), icmp.mtu, icmp.echoed),
        (Some("frag_needed"), Some(1200), Echoed::Tcp(1))
    );
}

#[test]
fn times() {
    assert_eq!(one("0.25 `x`").when, When::At(250_000));
    assert_eq!(one("+1.0000019 `x`").when, When::After(1_000_001));
    assert_eq!(one("* > . 1:1(0) ack 1").when, When::Any);
    assert_eq!(one("+.1~+2 > . 1:1(0) ack 1").when, When::AfterBetween(100_000, 2_000_000));
    assert_eq!(one("1~2 > . 1:1(0) ack 1").when, When::Between(1_000_000, 2_000_000));
    let Action::Call(call) = one("+0...0.2 read(4, ..., 1000) = 1000").action else { panic!() };
    assert_eq!((call.end, call.args.len()), (Some(200_000), 3));
}

#[test]
fn calls() {
    let call = |text: &str| match one(text).action {
        Action::Call(call) => call,
        other => panic!("{other:?}"),
    };
    let failed = call("0 write(4, ..., 10) = -1 EPIPE(Broken Pipe)");
    assert_eq!((failed.result, failed.errno.as_deref()), (Expr::Int(-1), Some("EPIPE")));
    assert_eq!(call("0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)").result, Expr::Int(2));
    let message = call(
        "0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=A|B, msg_control=[]}, 0) = 0",
    );
    let Expr::Fields(fields) = &message.args[1] else { panic!() };
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["msg_name()", "msg_name", "msg_iov()", "msg_iov", "msg_flags", "msg_control"]);
    let key = call(r#"0 setsockopt(3, SOL_TCP, TCP_FASTOPEN_KEY, "\x01a" "\n", 3) = 0"#);
    assert_eq!(key.args[3], Expr::Str(vec![1, b'a', b'\n']));
    let addr = call(
        r#"0 bind(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("1.2.3.4")}, ...) = 0"#,
    );
    assert!(matches!(&addr.args[1], Expr::Fields(fields) if fields[1].1 == Expr::Int(80)));
}

#[test]
fn names_stand_for_values() {
    let text =
        "--define=WIN=77\n--tolerance_usecs=10\n`init`\n0 < S 0:0(0) win WIN <FO COOKIE,nop,nop>\n`end`";
    let script = parse(text, &vec![("COOKIE".into(), "00ff".into())]).unwrap();
    assert_eq!(script.init, Some(("init".into(), 3)));
    assert_eq!(script.cleanup, Some(("end".into(), 5)));
    let Action::In(packet) = &script.events[0].action else { panic!() };
    let Body::Tcp(tcp) = &packet.body else { panic!() };
    assert_eq!(tcp.window, Some(77));
    assert_eq!(tcp.options.as_ref().unwrap()[0], Opt::FastOpen(vec![0, 255], false));
}

#[test]
fn what_is_no_script() {
    for (text, line) in [
        ("", 1),
        ("0 < S 0:0(0)", 1),
        ("0 > . 1:3(1) ack 1", 1),
        ("\n0 < . 1:1(0) ack 1 win 70000", 2),
        ("* read(3, ..., 1) = 1", 1),
        ("2~1 > . 1:1(0) ack 1", 1),
        ("0 > . 1:1(0) <mss>", 1),
        ("0 > X 1:1(0)", 1),
        ("0 close(3)", 1),
    ] {
        assert_eq!(parse(text, &Defines::new()).map_err(|error| error.line), Err(line), "{text}");
    }
}
