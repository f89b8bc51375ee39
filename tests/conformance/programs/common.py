"""What the Python cases share: names for errors and poll masks, a pair of connected sockets."""
import errno
import select
import socket
import time


def error(call, *args):
    """The name of the error that a call ends with, or what it returned."""
    try:
        return call(*args)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e)) if e.errno else str(e)


_MASKS = ["IN", "PRI", "OUT", "ERR", "HUP", "RDHUP"]


def mask(events):
    """An epoll mask in words."""
    names = [n for n in _MASKS if events & getattr(select, "EPOLL" + n)]
    return "|".join(names) or "0"


def listener(family=socket.AF_INET, backlog=16):
    """A listening TCP socket on the family's loopback address."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    sock.listen(backlog)
    return sock


def pair(family=socket.AF_INET):
    """Two ends of a TCP connection."""
    server = listener(family)
    client = socket.create_connection(server.getsockname()[:2])
    accepted, _ = server.accept()
    server.close()
    return client, accepted


def read_all(sock):
    """Everything up to the end of the stream."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def fill(sock):
    """Sends on a non-blocking socket until it takes no more, however slowly the bytes move on."""
    sent = 0
    for size in (1 << 16, 64):
        full = 0
        while full < 4:
            try:
                sent += sock.send(pattern(size))
                full = 0
            except BlockingIOError:
                full += 1
                time.sleep(0.05)
    return sent


def pattern(n):
    """Bytes in which a loss or a swap shows."""
    words = range((n + 3) // 4)
    return b"".join(i.to_bytes(4, "big") for i in words)[:n]
