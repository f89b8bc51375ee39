# What every case's script starts with: servers in the background, waiting, and a clean end.
# A script prints only what must be the same on every stack: no ports, times or speeds.

set -u
servers=()

# serve NAME COMMAND…: runs a server in the background; its output goes to NAME.log.
serve() {
    local name=$1
    shift
    "$@" >"$name.log" 2>&1 </dev/null &
    server=$!
    servers+=("$server")
}

# wait_port ADDRESS PORT: until something accepts there.
wait_port() {
    local try
    for try in {1..200}; do
        if (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; then
            return 0
        fi
        sleep 0.05
    done
    fail "nothing accepts at $1"
}

# wait_log NAME TEXT: until a server has said TEXT.
wait_log() {
    local try
    for try in {1..200}; do
        if grep -q -- "$2" "$1.log" 2>/dev/null; then
            return 0
        fi
        sleep 0.05
    done
    fail "$1 did not say: $2"
}

say() {
    printf '%s\n' "$*"
}

fail() {
    say "FAILED: $*"
    exit 1
}

# hash: of standard input.
hash() {
    sha256sum | cut -d' ' -f1
}

# stop PID: asks a server to end and waits for it.
stop() {
    kill -TERM "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# finish: ends the servers; the last line tells the harness that nothing was left out.
finish() {
    local pid
    for pid in "${servers[@]}"; do
        stop "$pid"
    done
    say done
}

trap 'kill -KILL "${servers[@]}" 2>/dev/null' EXIT
