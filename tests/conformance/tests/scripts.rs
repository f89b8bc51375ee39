//! Programs written to stand on one part of the socket layer each.

use conformance::Case;

fn python(name: &'static str) -> Case {
    Case::new("python.sh").with(name).needs(&["python3"])
}

conformance::cases! {
    #[ignore = "the runner is not there yet"]
    signals = python("signals");

    #[ignore = "the runner is not there yet"]
    fork = python("fork");

    #[ignore = "the runner is not there yet"]
    scm_rights = python("scm-rights");

    #[ignore = "the runner is not there yet"]
    dup = python("dup");

    #[ignore = "the runner is not there yet"]
    threads = python("threads");

    #[ignore = "the runner is not there yet"]
    epoll = python("epoll");

    #[ignore = "the runner is not there yet"]
    addresses = python("addresses");
}
