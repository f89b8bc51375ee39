# iperf3: TCP in both directions and in parallel, over IPv6, and UDP.
. "$PROGRAMS/lib.sh"

serve iperf3 iperf3 --server --port "$P1" --forceflush
wait_log iperf3 'Server listening'

measure() {
    say "iperf3 $*"
    iperf3 --port "$P1" --json "$@" >result.json
    say "status $?"
    python3 "$PROGRAMS/iperf3.py" <result.json
}
measure --client 127.0.0.1 --bytes 64M
measure --client 127.0.0.1 --bytes 64M --reverse
measure --client 127.0.0.1 --bytes 64M --parallel 4
measure --client 127.0.0.1 --bytes 16M --no-delay --length 1000
measure --client ::1 -6 --bytes 64M
measure --client 127.0.0.1 --udp --bytes 2M --length 8000 --bitrate 50M
measure --client 127.0.0.1 --udp --bytes 2M --length 8000 --bitrate 50M --reverse
measure --client ::1 -6 --udp --bytes 1M --length 1400 --bitrate 20M
finish
