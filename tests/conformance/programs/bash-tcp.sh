# bash's own /dev/tcp and /dev/udp, against Python's server and socat.
. "$PROGRAMS/lib.sh"

mkdir www
seq 1 20000 >www/numbers
serve http python3 -u -m http.server "$P1" --bind 127.0.0.1 --directory www
serve echo socat "TCP6-LISTEN:$P2,bind=[::1],fork,reuseaddr" PIPE
serve udp socat "UDP4-RECVFROM:$P3,bind=127.0.0.1,fork" PIPE
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P2"

say "a request by hand"
exec 3<>"/dev/tcp/127.0.0.1/$P1"
printf 'GET /numbers HTTP/1.0\r\n\r\n' >&3
IFS= read -r status <&3
say "${status%$'\r'}"
while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do
    case $line in Content*) say "${line%$'\r'}" ;; esac
done
hash <&3
exec 3<&- 3>&-

say "an echo over IPv6, line by line"
exec 4<>"/dev/tcp/::1/$P2"
for i in {1..200}; do
    printf 'line %d\n' "$i" >&4
    read -r back <&4
    [ "$back" = "line $i" ] || fail "got $back"
done
say "$back"
exec 4>&-

say "a name"
exec 5<>"/dev/tcp/localhost/$P1"
printf 'HEAD /numbers HTTP/1.0\r\n\r\n' >&5
head -n 1 <&5 | tr -d '\r'
exec 5>&-

say "a datagram"
exec 6<>"/dev/udp/127.0.0.1/$P3"
# The shell's own read takes one byte at a time, and a datagram's rest would be lost.
for try in {1..50}; do
    printf 'a datagram\n' >&6
    back=$(timeout 0.3 dd bs=100 count=1 status=none <&6) && break
done
say "$back"
exec 6>&-

say "nobody listens"
(exec 7<>"/dev/tcp/127.0.0.1/$P6") 2>refused
say "status $?"
grep -o 'Connection refused' refused | head -n 1

say "children that share a connection"
exec 8<>"/dev/tcp/::1/$P2"
(printf 'from a child\n' >&8)
(read -r back <&8 && say "$back")
printf 'from the parent\n' >&8
read -r back <&8
say "$back"
exec 8>&-
finish
