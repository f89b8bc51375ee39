# A static Go program without libc: HTTP server and clients, names, UDP, interfaces.
. "$PROGRAMS/lib.sh"

serve server "$BUILT" serve "127.0.0.1:$P1" "[::1]:$P1" ":$P2"
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P1"
wait_port 127.0.0.1 "$P2"
timeout 40 "$BUILT" fetch "127.0.0.1:$P1"
timeout 40 "$BUILT" fetch "[::1]:$P1"
timeout 40 "$BUILT" fetch "localhost:$P2"
timeout 40 "$BUILT" datagrams
timeout 40 "$BUILT" refused "127.0.0.1:$P6"
timeout 40 "$BUILT" deadlines
timeout 40 "$BUILT" loopback
say "graceful end"
kill -TERM "$server"
wait "$server"
say "status $?"
cat server.log
finish
