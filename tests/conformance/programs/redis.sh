# redis-server under its own benchmark, then some commands whose answers are known.
. "$PROGRAMS/lib.sh"

serve redis redis-server --port "$P1" --bind 127.0.0.1 ::1 --protected-mode no \
    --save '' --appendonly no --daemonize no --dir "$SCRATCH"
wait_port 127.0.0.1 "$P1"
cli() {
    redis-cli -h 127.0.0.1 -p "$P1" "$@"
}
cli ping
cli config resetstat

say "benchmark"
redis-benchmark -h 127.0.0.1 -p "$P1" -c 50 -P 16 -n 20000 --csv >benchmark.log 2>&1
say "status $?"
cut -d, -f1 benchmark.log
cli info commandstats | tr -d '\r' | grep -o 'cmdstat_[a-z]*:calls=[0-9]*' |
    grep -v -e cmdstat_config -e cmdstat_info | sort
cli info stats | tr -d '\r' | grep -e rejected_connections -e total_error_replies
cli llen mylist
cli scard myset
cli get counter:__rand_int__
cli strlen key:__rand_int__

say "a large value"
head -c 8000000 /dev/zero | tr '\0' x | cli -x set large
cli strlen large
cli getrange large 7999990 -1
cli get large | hash

say "over IPv6"
redis-cli -h ::1 -p "$P1" set six 6
redis-cli -h ::1 -p "$P1" get six

say "a blocked reader"
cli blpop queue 10 >popped &
reader=$!
sleep 0.3
cli rpush queue element
wait "$reader"
cat popped

say "publish and subscribe"
timeout 10 redis-cli -h 127.0.0.1 -p "$P1" subscribe news >heard &
subscriber=$!
for try in {1..100}; do
    [ "$(cli publish news hello)" = 1 ] && break
    sleep 0.05
done
for try in {1..100}; do
    grep -q hello heard && break
    sleep 0.05
done
kill "$subscriber"
wait "$subscriber" 2>/dev/null
cat heard

say "shut down"
cli shutdown nosave
wait "$server"
say "status $?"
cli ping 2>&1 | grep -o 'Connection refused'
finish
