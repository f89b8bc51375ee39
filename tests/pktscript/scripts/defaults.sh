# What the scripts here start from: what a fresh namespace has, but for what depends on the memory of
# the machine.
sysctl -q net.ipv4.tcp_rmem="4096 131072 6291456"
sysctl -q net.ipv4.tcp_wmem="4096 16384 4194304"
