# ssh to an sshd of our own: commands, files and forwarded connections.
. "$PROGRAMS/lib.sh"

me=$(id -un)
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f user_key
cat >sshd_config <<END
ListenAddress 127.0.0.1:$P1
ListenAddress [::1]:$P1
HostKey $SCRATCH/host_key
AuthorizedKeysFile $SCRATCH/user_key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
END
# sshd as root separates privileges in this directory, which a boot would have made.
[ "$(id -u)" = 0 ] && mkdir -p /run/sshd
serve sshd /usr/sbin/sshd -D -e -f "$SCRATCH/sshd_config"
wait_port 127.0.0.1 "$P1"
wait_port ::1 "$P1"

options=(-F none -i user_key -o BatchMode=yes -o StrictHostKeyChecking=no
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
remote() {
    local host=$1
    shift
    timeout 20 ssh "${options[@]}" -p "$P1" "$me@$host" "$@"
}
seq 1 500000 >data
hash <data

say "commands"
remote 127.0.0.1 'echo hello; echo oops >&2; exit 7' 2>error
say "status $?"
cat error
remote ::1 'set -- $SSH_CONNECTION; echo "$1 to $3"' </dev/null
say "a pipe in both directions"
remote 127.0.0.1 cat <data | hash
if [ "$(id -u)" = 0 ]; then
    # Only root's sshd may make a terminal its user's.
    say "a terminal"
    remote 127.0.0.1 -tt 'test -t 0 && echo a terminal' </dev/null | tr -d '\r'
fi

say "files"
cat >batch <<END
put data copy
get copy back
rm copy
END
timeout 20 sftp -q "${options[@]}" -P "$P1" -b batch "$me@127.0.0.1:$SCRATCH" >sftp.log 2>&1
say "status $?"
hash <back
timeout 20 scp -q "${options[@]}" -P "$P1" data "$me@[::1]:$SCRATCH/copied"
say "status $?"
hash <copied

say "forwarded connections"
serve count socat "TCP4-LISTEN:$P2,bind=127.0.0.1,fork,reuseaddr" SYSTEM:'wc -c'
wait_port 127.0.0.1 "$P2"
remote 127.0.0.1 -W "127.0.0.1:$P2" <data
serve forward ssh "${options[@]}" -N -L "127.0.0.1:$P3:127.0.0.1:$P2" -p "$P1" "$me@127.0.0.1"
wait_port 127.0.0.1 "$P3"
socat -t 10 - "TCP4:127.0.0.1:$P3" <data

say "a key that is not known"
ssh-keygen -q -t ed25519 -N '' -f other_key
timeout 20 ssh "${options[@]/user_key/other_key}" -p "$P1" "$me@127.0.0.1" true 2>denied
say "status $?"
grep -o 'Permission denied' denied
finish
