//! AF_UNIX: programs of calls by chance, on the host's kernel and on Sockeye.

use differential::unix::{Dice, Op, Runner, first_difference, program, shrink};
use differential::{Host, Kernel, Ours, Who, in_private_namespace};
use sockeye::Net;

/// Programs to draw: `UNIX_SEQUENCES=1000000` for a long run, `UNIX_SEED=7` for another one.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

struct Both<'k> {
    linux: Runner<'k>,
    sockeye: Runner<'k>,
    net: Net,
    place: String,
}

impl Both<'_> {
    fn run(&mut self, program: &[Op]) -> (Vec<String>, Vec<String>) {
        let answers = (self.linux.run(program), self.sockeye.run(program));
        for file in ["f", "g"] {
            let path = format!("{}/{file}", self.place);
            let _ = std::fs::remove_file(&path);
            let unix = sockeye::unix::UnixNet::of(self.net.stack());
            let _ = self.net.with_process(|p| unix.names.remove(p, path.as_bytes()));
        }
        answers
    }

    /// A report, when the answers differ or something is left behind.
    fn check(&mut self, drawn: &[Op]) -> Option<String> {
        let start = in_use(&self.net);
        let (linux, sockeye) = self.run(drawn);
        if in_use(&self.net) != start {
            return Some(format!(
                "{start:?} sockets, files and sockets in flight became {:?}: {drawn:?}",
                in_use(&self.net)
            ));
        }
        first_difference(&linux, &sockeye)?;
        // On Linux a worker frees what is in flight, when it gets to it.
        for patience in [1, 4, 40] {
            self.linux.patience = patience;
            let (linux, sockeye) = self.run(drawn);
            if first_difference(&linux, &sockeye).is_none() {
                self.linux.patience = 0;
                return None;
            }
        }
        let report = self.shortest(drawn);
        self.linux.patience = 0;
        report
    }

    fn shortest(&mut self, drawn: &[Op]) -> Option<String> {
        let (linux, sockeye) = self.run(drawn);
        first_difference(&linux, &sockeye)?;
        let least = shrink(drawn.to_vec(), |program| {
            let (linux, sockeye) = self.run(program);
            first_difference(&linux, &sockeye).is_some()
        });
        let (linux, sockeye) = self.run(&least);
        let at = first_difference(&linux, &sockeye)?;
        Some(format!("{:#?}\n    Linux    {}\n    Sockeye  {}", &least[..=at], linux[at], sockeye[at]))
    }
}

fn in_use(net: &Net) -> (u64, u64, usize) {
    let unix = sockeye::unix::UnixNet::of(net.stack());
    (unix.slab_stats().active, net.stack().sockets.in_use(), unix.inflight())
}

#[test]
fn programs_by_chance() {
    let (count, seed) = (setting("UNIX_SEQUENCES", 1000), setting("UNIX_SEED", 1));
    let reports = in_private_namespace(|| {
        let place = std::env::temp_dir().join(format!("unix-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let place = place.to_str().unwrap().to_owned();
        let net = Net::new();
        let (host, ours) = (Host::new(), Ours::in_net(&net, Who::Root));
        let mut both = Both {
            linux: Runner::new(&host, &place, std::process::id()),
            sockeye: Runner::new(&ours, &place, 1),
            net,
            place: place.clone(),
        };
        let mut reports = Vec::new();
        for i in 0..count {
            let mut dice = Dice::new(seed << 32 | i);
            let drawn = program(&mut dice, 5 + (i as usize * 7) % 56);
            if let Some(report) = both.check(&drawn) {
                eprintln!("program {i}: {report}");
                reports.push(format!("program {i}: {report}"));
            }
            if reports.len() >= 6 {
                break;
            }
            if i % 1000 == 999 {
                eprintln!("{} programs", i + 1);
            }
        }
        std::fs::remove_dir_all(&place).unwrap();
        reports
    });
    match reports {
        Some(reports) => assert!(reports.is_empty(), "{}", reports.join("\n\n")),
        None => eprintln!("not compared"),
    }
}

/// Sockets of all sorts, for who lists them.
fn gallery(kernel: &dyn Kernel, place: &str) {
    let socket = |kind| kernel.socket(1, kind, 0).unwrap();
    let name = |text: &str| [&1u16.to_ne_bytes()[..], text.as_bytes()].concat();
    for kind in [1, 2, 5] {
        socket(kind);
        kernel.socketpair(1, kind, 0).unwrap();
        let named = socket(kind);
        kernel.bind(named, &name("\0a\0b")).unwrap();
        let filed = socket(kind);
        kernel.bind(filed, &name(&format!("{place}/{kind}"))).unwrap();
        if kind != 2 {
            kernel.listen(named, 5).unwrap();
            kernel.listen(filed, 5).unwrap();
        }
        for at in ["\0a\0b", "\0a\0b", &format!("{place}/{kind}")] {
            kernel.connect(socket(kind), &name(at)).unwrap();
        }
        if kind != 2 {
            kernel.accept4(named, 0, 0).unwrap();
        }
        let [left, peer] = kernel.socketpair(1, kind, 0).unwrap();
        kernel.sendto(left, b"x", 0, &[], 0).unwrap();
        kernel.close(peer);
    }
}

/// Lines without addresses in the kernel and inode numbers, in any order.
fn listed(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words[0] = "";
        if let Some(inode) = words.get_mut(6).filter(|inode| **inode != "0" && **inode != "Inode") {
            *inode = "inode";
        }
        words.join(" ")
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines
}

// chapter: B3
#[test]
fn proc_net_unix() {
    let place = std::env::temp_dir().join(format!("unix-list-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let path = place.to_str().unwrap();
    let linux = in_private_namespace(|| {
        gallery(&Host::new(), path);
        std::fs::read_to_string("/proc/thread-self/net/unix").unwrap()
    });
    std::fs::remove_dir_all(&place).unwrap();
    let net = Net::new();
    let ours = Ours::in_net(&net, Who::Root);
    gallery(&ours, path);
    let sockeye = net.proc_net("unix").unwrap();
    match linux {
        Some(linux) => assert_eq!(listed(&linux), listed(&sockeye)),
        None => eprintln!("not compared"),
    }
}
