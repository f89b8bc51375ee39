# Python's HTTP server and curl, over IPv4, IPv6 and the name localhost.
. "$PROGRAMS/lib.sh"

mkdir www
seq 1 400000 >www/numbers
printf 'hello\n' >www/hello
mkdir www/dir
touch www/dir/a www/dir/b
touch -d @1000000000 www/hello www/numbers

serve v4 python3 -u -m http.server "$P1" --bind 127.0.0.1 --directory www
serve v6 python3 -u -m http.server "$P2" --bind ::1 --directory www
serve both python3 -u -m http.server "$P3" --bind :: --directory www
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P2"
wait_port ::1 "$P3"

# get WORDS…: one curl, its status line and the hash of the body.
get() {
    local format='%{http_code} %{size_download} %{remote_ip} from %{local_ip}'
    curl --silent --show-error --max-time 20 --output body --write-out "$format" "$@"
    say " status $?"
    grep -av '^Date:' body | hash
    : >body
}

for base in "http://127.0.0.1:$P1" "http://[::1]:$P2" "http://localhost:$P3"; do
    get "$base/hello"
    get "$base/numbers"
    get "$base/dir/"
    get --head "$base/numbers"
    get --range 0-99 "$base/numbers"
    get --data post "$base/hello"
    get "$base/missing"
done
get -4 "http://localhost:$P3/numbers"
get -6 "http://localhost:$P3/numbers"

say "eight at a time"
urls=()
for i in {1..8}; do
    urls+=(--output "out$i" "http://127.0.0.1:$P1/numbers")
done
curl --silent --show-error --max-time 30 --parallel "${urls[@]}"
say "status $?"
cat out? | hash

say "nobody listens"
get "http://127.0.0.1:$P6/" 2>/dev/null
get "http://[::1]:$P6/" 2>/dev/null

say "the servers saw"
for name in v4 v6 both; do
    grep -o '"[A-Z]* .* HTTP/1.1" [0-9]*' "$name.log" | sort | uniq -c
    # The address of a client, with the mapped form that a dual-stack socket shows.
    grep -o '^[0-9a-f:.]* - -' "$name.log" | sort | uniq -c
done
finish
