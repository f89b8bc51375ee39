//! Programs written to stand on one part of the socket layer each.

use conformance::Case;

fn python(name: &'static str) -> Case {
    Case::new("python.sh").with(name).needs(&["python3"])
}

conformance::cases! {
    signals = python("signals");

    fork = python("fork");

    scm_rights = python("scm-rights");

    dup = python("dup");

    threads = python("threads");

    epoll = python("epoll");

    addresses = python("addresses");

    // chapter: A10 B1
    packet = python("packet");

    // chapter: A9 B10
    proc = python("proc");
}
