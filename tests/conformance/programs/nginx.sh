# nginx with two workers: ab with and without keep-alive, a large file by sendfile, a reload.
. "$PROGRAMS/lib.sh"

mkdir www
printf 'a small page\n' >www/small
seq 1 100000000 | head -c 50000000 >www/large
user=
[ "$(id -u)" = 0 ] && user='user nobody nogroup;'
cat >nginx.conf <<END
$user
daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path temp-body;
    proxy_temp_path temp-proxy;
    fastcgi_temp_path temp-fastcgi;
    uwsgi_temp_path temp-uwsgi;
    scgi_temp_path temp-scgi;
    default_type text/plain;
    server {
        listen 127.0.0.1:$P1;
        listen [::1]:$P1;
        root $SCRATCH/www;
        location /proxied/ { proxy_pass http://127.0.0.1:$P1/; }
        location = /whoami { return 200 "\$remote_addr to \$server_addr\n"; }
    }
}
END
serve nginx /usr/sbin/nginx -p "$SCRATCH" -c nginx.conf
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P1"

bench() {
    say "ab $*"
    ab -q "$@" >ab.log 2>&1
    say "status $?"
    grep -e '^Document Length' -e '^Complete requests' -e '^Failed requests' -e '^Non-2xx' \
        -e '^Keep-Alive requests' -e '^Total transferred' -e '^HTML transferred' ab.log
}
bench -k -c 20 -n 10000 "http://127.0.0.1:$P1/small" | sed 's/:[0-9]*\/small//'
bench -c 10 -n 1000 "http://127.0.0.1:$P1/small" | sed 's/:[0-9]*\/small//'
bench -k -c 5 -n 1000 "http://[::1]:$P1/small" | sed 's/:[0-9]*\/small//'

get() {
    curl --silent --show-error --max-time 40 --output body \
        --write-out '%{http_code} %{size_download}' "$@"
    say " status $?"
    hash <body
    : >body
}
say "the large file"
get "http://127.0.0.1:$P1/large"
get "http://[::1]:$P1/large"
get --range 49999990- "http://127.0.0.1:$P1/large"
get --http1.0 "http://127.0.0.1:$P1/large"
say "through the proxy"
get "http://127.0.0.1:$P1/proxied/large"
say "addresses"
curl --silent "http://127.0.0.1:$P1/whoami"
curl --silent "http://[::1]:$P1/whoami"
say "a client that goes away"
curl --silent --max-time 20 "http://127.0.0.1:$P1/large" | head -c 100000 | hash

say "reload"
printf 'another page\n' >www/small
kill -HUP "$server"
sleep 0.5
get "http://127.0.0.1:$P1/small"
say "quit"
kill -QUIT "$server"
wait "$server"
say "status $?"
get "http://127.0.0.1:$P1/small" 2>/dev/null
finish
