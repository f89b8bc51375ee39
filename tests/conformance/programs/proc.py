"""What /proc/net and /proc/sys/net say of this program's sockets, without what differs between any two machines."""
import os
import re
import socket
import time

# name: how many columns after the ends and queues are shown; inodes, references and pointers are not.
SHAPES = ["tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6"]
WHOLE = ["if_inet6", "ipv6_route", "route", "igmp", "igmp6", "mcfilter", "mcfilter6", "arp", "dev_mcast", "anycast6"]


def read(name):
    with open("/proc/net/" + name) as f:
        return f.read()


def sockets(name):
    lines = read(name).splitlines()
    print("==", name, len(lines[0]))
    print(lines[0].rstrip())
    rows = []
    for line in lines[1:]:
        words = line.split()
        # Slot, inode, references, pointer; timers run.
        words[0] = "slot"
        words[5] = re.sub(":.*", ":time", words[5])
        words[9] = "inode"
        words[10:12] = []
        rows.append((len(line) if line.endswith(" ") else "unfilled", " ".join(words)))
    for row in sorted(rows):
        print(*row)


def everything(title):
    print("#", title)
    for name in SHAPES:
        sockets(name)
    for line in read("sockstat").splitlines() + read("sockstat6").splitlines():
        # Of the whole machine, in pages.
        print(re.sub(r"(alloc|mem|used|orphan) \d+", r"\1 n", line))


for name in WHOLE:
    print("==", name)
    print(read(name), end="")
everything("nothing")

l = socket.socket()
l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.1", 4321))
l.listen(7)
l6 = socket.socket(socket.AF_INET6)
l6.bind(("::", 4322))
l6.listen(7)
c = socket.socket()
c.bind(("127.0.0.2", 5001))
c.connect(("127.0.0.1", 4321))
d, _ = l.accept()
m = socket.socket(socket.AF_INET6)
m.bind(("::1", 5002))
m.connect(("::1", 4322))
waiting = socket.socket()
waiting.bind(("127.0.0.2", 5003))
waiting.connect(("127.0.0.1", 4321))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 5004))
u6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u6.bind(("::1", 5005))
u6.connect(("::1", 5006))
lite = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)
lite.bind(("127.0.0.1", 5007))
time.sleep(0.3)
everything("some")

c.close()
d.recv(1)
d.close()
time.sleep(0.3)
everything("closed")

before = dict(zip(*[line.split()[1:] for line in read("snmp").splitlines() if line.startswith("Udp:")]))
for _ in range(5):
    u.sendto(b"x", ("127.0.0.1", 5004))
    u.recv(1)
u.sendto(b"x", ("127.0.0.1", 5999))
time.sleep(0.2)
after = dict(zip(*[line.split()[1:] for line in read("snmp").splitlines() if line.startswith("Udp:")]))
print({name: int(after[name]) - int(before[name]) for name in after})
for name in ("snmp", "netstat"):
    print([line for line in read(name).splitlines() if not line.startswith("MPTcpExt") and "In" in line])
print([line.split()[0] for line in read("snmp6").splitlines()])
print([line[:9] for line in read("dev").splitlines()])
for name in ("core/somaxconn", "ipv4/tcp_sack", "ipv4/ip_local_port_range", "ipv6/conf/lo/disable_ipv6"):
    print(name, open("/proc/sys/net/" + name).read().split())
print(os.path.exists("/proc/self/net/tcp"), open("/proc/self/net/raw").readline().split()[0])
try:
    open("/proc/net/no_such_file")
except OSError as e:
    print(e.strerror)
