//! Servers and clients that everybody has.

use conformance::Case;
use std::time::Duration;

conformance::cases! {
    http_python = Case::new("http-python.sh").needs(&["python3", "curl"]);

    redis = Case::new("redis.sh")
        .needs(&["redis-server", "redis-cli", "redis-benchmark"])
        .within(Duration::from_secs(120));

    nginx = Case::new("nginx.sh")
        .needs(&["nginx", "ab", "curl"])
        .within(Duration::from_secs(120));

    iperf3 = Case::new("iperf3.sh")
        .needs(&["iperf3", "python3"])
        .within(Duration::from_secs(120));

    go_http = Case::new("go-http.sh")
        .needs(&["go"])
        .builds_go("gohttp.go")
        .within(Duration::from_secs(120));

    bash_tcp = Case::new("bash-tcp.sh").needs(&["python3", "socat"]);

    socat = Case::new("socat.sh").needs(&["socat"]);

    ssh = Case::new("ssh.sh").needs(&["ssh", "sshd", "sftp", "scp", "ssh-keygen", "socat"]);
}
