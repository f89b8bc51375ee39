"""Signals that arrive while a call blocks."""
import ctypes
import errno
import os
import signal
import socket
import struct
import threading
import time

from common import error, fill, listener, pair, pattern, read_all

libc = ctypes.CDLL(None, use_errno=True)
hits = 0


def handler(_signum, _frame):
    global hits
    hits += 1


def raw(call, *args):
    """A C call without Python's own retry: its result, or the name of its errno."""
    result = call(*args)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result


def alarm_during(name, call, *args, restart, release=None):
    """Runs a blocking call with an alarm 50 ms into it; `release` lets it end afterwards."""
    global hits
    hits = 0
    signal.signal(signal.SIGALRM, handler)
    signal.siginterrupt(signal.SIGALRM, not restart)
    helper = None
    if release:
        helper = threading.Timer(0.2, release)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        helper.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    # Once more each second, in case the first alarm finds the call not yet begun.
    signal.setitimer(signal.ITIMER_REAL, 0.05, 1)
    result = raw(call, *args)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if helper:
        helper.join()
    kind = "restarting" if restart else "interrupting"
    print(f"{name}, {kind} handler: {result}, handler ran: {hits > 0}", flush=True)
    return result


buffer = ctypes.create_string_buffer(64)
server = listener(backlog=128)
alarm_during("accept", libc.accept, server.fileno(), None, None, restart=False)
alarm_during("accept4", libc.accept4, server.fileno(), None, None, 0, restart=False)
clients = []


def come():
    clients.append(socket.create_connection(server.getsockname()))


def accept(fd):
    """Its good result prints the same whatever the descriptor's number."""
    fd = libc.accept(fd, None, None)
    if fd < 0:
        return fd
    os.close(fd)
    return 0


alarm_during("accept", accept, server.fileno(), restart=True, release=come)

client, peer = pair()
alarm_during("recv", libc.recv, client.fileno(), buffer, 64, 0, restart=False)
alarm_during("read", libc.read, client.fileno(), buffer, 64, restart=False)
alarm_during(
    "recv", libc.recv, client.fileno(), buffer, 64, 0, restart=True, release=lambda: peer.send(b"data")
)
print(buffer.raw[:4])
alarm_during(
    "recv all", libc.recv, client.fileno(), buffer, 4, socket.MSG_WAITALL, restart=True,
    release=lambda: peer.send(b"more"),
)

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
alarm_during("recv datagram", libc.recv, udp.fileno(), buffer, 64, 0, restart=False)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
alarm_during(
    "recv datagram", libc.recv, udp.fileno(), buffer, 64, 0, restart=True,
    release=lambda: other.sendto(b"late", udp.getsockname()),
)
alarm_during("recvfrom datagram", libc.recvfrom, udp.fileno(), buffer, 64, 0, None, None, restart=False)
address = ctypes.create_string_buffer(16)
length = ctypes.c_int(16)
alarm_during(
    "recvfrom with address", libc.recvfrom, udp.fileno(), buffer, 64, 0, address, ctypes.byref(length),
    restart=False,
)
alarm_during(
    "recvfrom with address", libc.recvfrom, udp.fileno(), buffer, 64, 0, address, ctypes.byref(length),
    restart=True, release=lambda: other.sendto(b"later", udp.getsockname()),
)

print("with a time limit, a restarting handler interrupts all the same")
limit = struct.pack("ll", 5, 0)
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
alarm_during("recv", libc.recv, client.fileno(), buffer, 64, 0, restart=True)
limit = struct.pack("ll", 0, 100000)
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
start = time.monotonic()
print("recv", raw(libc.recv, client.fileno(), buffer, 64, 0), 0.09 < time.monotonic() - start < 2)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
start = time.monotonic()
print("accept", raw(libc.accept, server.fileno(), None, None), 0.09 < time.monotonic() - start < 2)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))

print("a full send buffer")
client, peer = pair()
client.setblocking(False)
fill(client)
client.setblocking(True)
alarm_during("send", libc.send, client.fileno(), buffer, 64, 0, restart=False)
client.close()
peer.close()

print("a storm of signals")
signal.signal(signal.SIGALRM, handler)
signal.siginterrupt(signal.SIGALRM, False)
data = pattern(4 << 20)
client, peer = pair()


def send_slowly():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    for at in range(0, len(data), 1 << 18):
        peer.sendall(data[at : at + (1 << 18)])
        time.sleep(0.01)
    peer.shutdown(socket.SHUT_WR)


helper = threading.Thread(target=send_slowly)
helper.start()
hits = 0
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
got = read_all(client)
signal.setitimer(signal.ITIMER_REAL, 0)
helper.join()
print("received all", got == data, "handler ran", hits > 0)


def come_and_go():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    for i in range(100):
        with socket.create_connection(server.getsockname()) as s:
            s.sendall(bytes([i]))


helper = threading.Thread(target=come_and_go)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
helper.start()
seen = []
while len(seen) < 100:
    accepted, _ = server.accept()
    seen.append(read_all(accepted)[0])
    accepted.close()
signal.setitimer(signal.ITIMER_REAL, 0)
helper.join()
print("accepted each once, in order", seen == list(range(100)))

print("a signal for the process, taken by the thread that does not block")
client, peer = pair()
result = []
blocked = threading.Thread(target=lambda: result.append(client.recv(10)))
blocked.start()
hits = 0
os.kill(os.getpid(), signal.SIGALRM)
time.sleep(0.1)
print("handler ran", hits)
peer.sendall(b"awake")
blocked.join()
print(result)

print("a broken pipe")
peer.close()
client.settimeout(5)
client.recv(10)
print(error(client.send, b"x") in (1, "EPIPE"))
time.sleep(0.1)
signal.signal(signal.SIGPIPE, handler)
hits = 0
print(error(client.send, b"x"), "handler ran", hits)
print(error(client.send, b"x", socket.MSG_NOSIGNAL), "handler ran", hits)

print("a child dies of its signal while it accepts")
child = os.fork()
if child == 0:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server.accept()
    os._exit(1)
time.sleep(0.1)
os.kill(child, signal.SIGTERM)
_, status = os.waitpid(child, 0)
print(os.WTERMSIG(status) == signal.SIGTERM)
