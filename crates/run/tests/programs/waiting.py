"""Calls that wait: timeouts, threads, several waiters, wake-ups."""
import select
import socket
import struct
import threading
import time

from common import error, listener, pair

l = listener()
timeout = struct.pack("ll", 0, 100_000)


def timed(call, *args):
    start = time.monotonic()
    result = error(call, *args)
    return result, 0.09 < time.monotonic() - start < 1


l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
print("accept", timed(l.accept))
a, b = pair()
a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
print("recv", timed(a.recv, 1), "recvfrom", timed(a.recvfrom, 1), "recvmsg", timed(a.recvmsg, 1))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", 0))
u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
print("datagram", timed(u.recvfrom, 1), timed(u.recv, 1))

l = listener()
served = []


def serve():
    s, _ = l.accept()
    served.append(s.recv(10))
    s.close()


threads = [threading.Thread(target=serve) for _ in range(8)]
for t in threads:
    t.start()
time.sleep(0.1)
clients = []
for i in range(8):
    c = socket.create_connection(l.getsockname())
    c.sendall(b"%d" % i)
    clients.append(c)
for t in threads:
    t.join()
print(sorted(served), [c.recv(1) for c in clients])

a, b = pair()
result = []
t = threading.Thread(target=lambda: result.append(a.recvfrom(10)))
t.start()
time.sleep(0.1)
b.send(b"wake")
t.join()
print(result)
t = threading.Thread(target=lambda: result.append(u.recvfrom(10)[0]))
u.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bytes(16))
t.start()
time.sleep(0.1)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"up", u.getsockname())
t.join()
print(result[1:])

print("a poll wakes")
t = threading.Thread(target=lambda: result.append(select.select([l, a, u], [], [], 5)[0] == [l]))
t.start()
time.sleep(0.1)
socket.create_connection(l.getsockname())
t.join()
print(result[2:])
l.setblocking(False)
print(l.accept()[0].fileno() > 0, error(l.accept))
