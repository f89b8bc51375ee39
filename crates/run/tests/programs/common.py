"""What the programs share."""
import array
import errno
import fcntl
import select
import socket
import termios
import time


def error(call, *args):
    """What the call returned, or the name of its error."""
    try:
        return call(*args)
    except TimeoutError:
        return "timed out"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def listener(family=socket.AF_INET):
    s = socket.socket(family)
    s.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    s.listen(16)
    return s


def pair(family=socket.AF_INET):
    l = listener(family)
    a = socket.create_connection(l.getsockname()[:2])
    b, _ = l.accept()
    return a, b


def mask(sock, timeout=0):
    p = select.poll()
    p.register(sock, select.POLLIN | select.POLLOUT | select.POLLPRI | select.POLLRDHUP)
    bits = dict(p.poll(timeout)).get(sock.fileno(), 0)
    names = ["IN", "PRI", "OUT", "ERR", "HUP", "RDHUP"]
    return "|".join(n for n in names if bits & getattr(select, "POLL" + n)) or "0"


def eventually(call, want):
    """What the call returns as soon as that is what is wanted; the pump is not synchronous."""
    end = time.monotonic() + 10
    while (got := call()) != want and time.monotonic() < end:
        time.sleep(0.001)
    return got


def settle(sock, want):
    """The mask of a socket, when it is the one wanted."""
    return eventually(lambda: mask(sock), want)


def readable(sock, n):
    """Wait for so many bytes."""
    word = array.array("i", [0])

    def count():
        fcntl.ioctl(sock, termios.FIONREAD, word)
        return word[0]

    eventually(count, n)


def dead_port(kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", 0))
    address = s.getsockname()
    s.close()
    return address
