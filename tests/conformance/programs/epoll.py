"""Non-blocking connections watched by an edge-triggered epoll."""
import errno
import os
import select
import socket

from common import error, fill, listener, mask, pair

ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


def watch(*socks, events=ALL):
    epoll = select.epoll()
    for sock in socks:
        epoll.register(sock.fileno(), events)
    return epoll


def seen(epoll, timeout=0.2):
    """One poll; events in words."""
    return [mask(events) for _, events in epoll.poll(timeout)]


def until(epoll, wanted, timeout=5):
    """Polls until every wanted bit was seen; edges may come one by one."""
    got = 0
    while got & wanted != wanted:
        events = epoll.poll(timeout)
        if not events:
            break
        for _, bits in events:
            got |= bits
    return mask(got)


print("a connection that succeeds")
server = listener()
client = socket.socket()
client.setblocking(False)
epoll = watch(client)
print("fresh", seen(epoll))
print("connect", errno.errorcode.get(client.connect_ex(server.getsockname())))
print("edge", until(epoll, select.EPOLLOUT))
print("error", client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
print("again", client.connect_ex(server.getsockname()) in (0, errno.EISCONN))
print("quiet", seen(epoll, 0.1))
accepted, _ = server.accept()
accepted.sendall(b"one")
print("data", until(epoll, select.EPOLLIN))
print("no new edge", seen(epoll, 0.1))
accepted.sendall(b"two")
print("more data", until(epoll, select.EPOLLIN))
print(client.recv(100), error(client.recv, 100))
accepted.shutdown(socket.SHUT_WR)
print("end", until(epoll, select.EPOLLIN | select.EPOLLRDHUP))
print(client.recv(100))
client.shutdown(socket.SHUT_WR)
print("both ends", until(epoll, select.EPOLLHUP))
print(accepted.recv(1))

print("a connection that is refused")
closed = listener()
address = closed.getsockname()
closed.close()
client = socket.socket()
client.setblocking(False)
epoll = watch(client)
seen(epoll)
print("connect", errno.errorcode.get(client.connect_ex(address)))
print("edge", until(epoll, select.EPOLLERR | select.EPOLLHUP))
print("error", errno.errorcode.get(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
print("error", client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

print("refused, and asked by connect")
client = socket.socket()
client.setblocking(False)
epoll = watch(client)
client.connect_ex(address)
until(epoll, select.EPOLLERR | select.EPOLLHUP)
print(errno.errorcode.get(client.connect_ex(address)))

print("refused on a blocking socket, then another address on the same socket")
client = socket.socket()
print(error(client.connect, address))
server = listener()
print(error(client.connect, server.getsockname()), client.getpeername() == server.getsockname())

print("a full send buffer and its edge")
client, peer = pair()
client.setblocking(False)
epoll = watch(client, events=select.EPOLLOUT | select.EPOLLET)
print("writable", seen(epoll))
sent = fill(client)
print(error(client.send, b"x"), "sent something", sent > 1 << 16)
print("not writable", seen(epoll, 0.1))
got = 0
while got < sent:
    got += len(peer.recv(1 << 20))
print("writable again", seen(epoll, 5))
print("all there", got == sent)

print("level, then one shot")
client, peer = pair()
epoll = select.epoll()
epoll.register(client, select.EPOLLIN)
peer.sendall(b"x")
print(seen(epoll), seen(epoll))
epoll.modify(client, select.EPOLLIN | select.EPOLLONESHOT)
print(seen(epoll), seen(epoll, 0.1))
epoll.modify(client, select.EPOLLIN | select.EPOLLONESHOT)
print(seen(epoll))
epoll.unregister(client)
print(seen(epoll, 0.1))

print("a listener")
server = listener()
server.setblocking(False)
epoll = watch(server, events=select.EPOLLIN | select.EPOLLET)
print("empty", seen(epoll, 0.1), error(server.accept))
clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
print("edge", until(epoll, select.EPOLLIN))
accepted = [server.accept()[0] for _ in range(3)]
print("drained", error(server.accept))
clients.append(socket.create_connection(server.getsockname()))
print("edge", until(epoll, select.EPOLLIN))

print("a reset")
client, peer = pair()
epoll = watch(client)
seen(epoll)
peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
peer.close()
print("edge", until(epoll, select.EPOLLERR | select.EPOLLHUP))
print(error(client.recv, 1), error(client.recv, 1))

print("datagrams")
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.setblocking(False)
epoll = watch(udp, events=select.EPOLLIN | select.EPOLLET)
print("empty", seen(epoll, 0.1))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.sendto(b"one", udp.getsockname())
print("edge", seen(epoll, 5))
print("no new edge", seen(epoll, 0.1))
other.sendto(b"two", udp.getsockname())
print("edge", seen(epoll, 5))
print(udp.recv(10), udp.recv(10), error(udp.recv, 10))

print("a nested epoll")
client, peer = pair()
inner = watch(client, events=select.EPOLLIN)
outer = select.epoll()
outer.register(inner.fileno(), select.EPOLLIN)
print("empty", seen(outer, 0.1))
peer.sendall(b"x")
print("inside", seen(outer, 5), seen(inner))

print("many sockets on one epoll")
pairs = [pair() for _ in range(100)]
epoll = select.epoll()
for client, _ in pairs:
    epoll.register(client, select.EPOLLIN | select.EPOLLET)
for i, (_, peer) in enumerate(pairs):
    if i % 3 == 0:
        peer.sendall(b"%d" % i)
by_number = {client.fileno(): i for i, (client, _) in enumerate(pairs)}
ready = set()
while len(ready) < 34:
    events = epoll.poll(5)
    if not events:
        break
    ready |= {by_number[fd] for fd, _ in events}
print(ready == set(range(0, 100, 3)))

print("poll and select agree")
client, peer = pair()
peer.sendall(b"x")
select.select([client], [], [], 5)
poll = select.poll()
poll.register(client, select.POLLIN | select.POLLOUT)
print([mask(e) for _, e in poll.poll(1000)])
readable, writable, _ = select.select([client], [client], [], 1)
print(len(readable), len(writable))
os.close(epoll.fileno())
