//! Servers and clients that everybody has.

use conformance::Case;
use std::time::Duration;

conformance::cases! {
    #[ignore = "the runner is not there yet"]
    http_python = Case::new("http-python.sh").needs(&["python3", "curl"]);

    #[ignore = "the runner is not there yet"]
    redis = Case::new("redis.sh")
        .needs(&["redis-server", "redis-cli", "redis-benchmark"])
        .within(Duration::from_secs(120));

    #[ignore = "the runner is not there yet"]
    nginx = Case::new("nginx.sh")
        .needs(&["nginx", "ab", "curl"])
        .within(Duration::from_secs(120));

    #[ignore = "the runner is not there yet"]
    iperf3 = Case::new("iperf3.sh")
        .needs(&["iperf3", "python3"])
        .within(Duration::from_secs(120));

    #[ignore = "the runner is not there yet"]
    go_http = Case::new("go-http.sh")
        .needs(&["go"])
        .builds_go("gohttp.go")
        .within(Duration::from_secs(120));

    #[ignore = "the runner is not there yet"]
    bash_tcp = Case::new("bash-tcp.sh").needs(&["python3", "socat"]);

    #[ignore = "the runner is not there yet"]
    socat = Case::new("socat.sh").needs(&["socat"]);

    #[ignore = "the runner is not there yet"]
    ssh = Case::new("ssh.sh").needs(&["ssh", "sshd", "sftp", "scp", "ssh-keygen", "socat"]);
}
