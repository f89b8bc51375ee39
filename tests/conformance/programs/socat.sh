# socat as everything: forking listener, half-close, IPv6, datagrams, a relay between them.
. "$PROGRAMS/lib.sh"

seq 1 300000 >data
serve echo4 socat "TCP4-LISTEN:$P1,bind=127.0.0.1,fork,reuseaddr" EXEC:cat
serve echo6 socat "TCP6-LISTEN:$P2,bind=[::1],fork,reuseaddr" SYSTEM:'wc -c'
serve udp socat "UDP4-RECVFROM:$P3,bind=127.0.0.1,fork" PIPE
serve relay socat "TCP4-LISTEN:$P4,bind=127.0.0.1,fork,reuseaddr" "TCP6:[::1]:$P2"
serve both socat "TCP6-LISTEN:$P5,fork,reuseaddr" SYSTEM:'echo $SOCAT_PEERADDR to $SOCAT_SOCKADDR'
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P2"
wait_port 127.0.0.1 "$P4"
wait_port ::1 "$P5"

say "there and back"
socat -t 10 - "TCP4:127.0.0.1:$P1" <data | hash
hash <data
say "half-close: the answer comes after the end of the question"
socat -t 10 - "TCP6:[::1]:$P2" <data
say "through a relay"
socat -t 10 - "TCP4:127.0.0.1:$P4" <data
say "a dual-stack listener names its peers"
socat -t 10 - "TCP4:127.0.0.1:$P5" </dev/null
socat -t 10 - "TCP6:[::1]:$P5" </dev/null
say "six at once"
for i in {1..6}; do
    socat -t 10 - "TCP4:127.0.0.1:$P1" <data >"back$i" &
    clients[i]=$!
done
wait "${clients[@]}"
cat back? | hash
say "datagrams"
for i in {1..3}; do
    printf 'datagram %d' "$i" | socat -T 2 -t 1 - "UDP4:127.0.0.1:$P3" >answer
    cat answer
    echo
done
say "a bound client port"
socat -t 10 - "TCP4:127.0.0.1:$P5,sourceport=$P6,reuseaddr" </dev/null
say "nobody listens"
socat - "TCP4:127.0.0.1:$P6" </dev/null 2>refused
say "status $?"
grep -o 'Connection refused' refused
finish
