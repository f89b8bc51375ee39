"""The host kernel as an oracle: a line of system calls in, a line of their results out."""
import ctypes, errno, os, signal, struct

# Two names for one number: ours is the socket layer's.
errno.errorcode[errno.EOPNOTSUPP] = "EOPNOTSUPP"
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    got = getattr(libc, name)(*args)
    return got if got >= 0 else errno.errorcode[ctypes.get_errno()]


def fcntl(fd, cmd, arg=0):
    return call("fcntl", fd, cmd, ctypes.c_ulong(arg & (2**64 - 1)))


def ioctl(fd, cmd, value):
    buf = ctypes.create_string_buffer(struct.pack("=q", value), 64)
    got = call("ioctl", fd, ctypes.c_ulong(cmd), buf)
    return f"{got}:{struct.unpack_from('=i', buf.raw)[0]}" if got == 0 else got


def fcntl_mem(fd, cmd, a, b):
    buf = ctypes.create_string_buffer(struct.pack("=ii", a, b), 32)
    got = call("fcntl", fd, cmd, buf)
    return "{}:{}:{}".format(got, *struct.unpack_from("=ii", buf.raw)) if got == 0 else got


def epoll_ctl(ep, op, fd, events, data):
    event = struct.pack("=IQ", events & 0xFFFFFFFF, data & (2**64 - 1))
    return call("epoll_ctl", ep, op, fd, event)


def epoll_wait(ep, most, timeout):
    buf = ctypes.create_string_buffer(12 * max(most, 1) if most < 1000 else 12)
    got = call("epoll_wait", ep, buf, most, timeout)
    if isinstance(got, str):
        return got
    return "[" + ",".join("%x:%x" % struct.unpack_from("=IQ", buf.raw, 12 * i) for i in range(got)) + "]"


def poll(*pairs):
    n = len(pairs) // 2
    buf = ctypes.create_string_buffer(b"".join(struct.pack("=iHh", pairs[2 * i], pairs[2 * i + 1] & 0xFFFF, 0) for i in range(n)) + b"\0", 8 * n + 1)
    got = call("poll", buf, ctypes.c_ulong(n), 0)
    if isinstance(got, str):
        return got
    return "{}[{}]".format(got, ",".join("%x" % struct.unpack_from("=H", buf.raw, 8 * i + 6) for i in range(n)))


def select(n, r, w, e):
    sets = [ctypes.create_string_buffer(struct.pack("=Q", s & (2**64 - 1)) + b"\0" * 120) for s in (r, w, e)]
    # The system call itself: the C library has opinions of its own.
    got = call("syscall", 23, n, *sets, struct.pack("=qq", 0, 0))
    if isinstance(got, str):
        return got
    return "{}[{}]".format(got, ",".join("%x" % struct.unpack_from("=Q", s.raw) for s in sets))


def summary(data):
    return "%d:%x" % (len(data), sum((i % 251 + 1) * b for i, b in enumerate(data)))


def read(fd, n):
    buf = ctypes.create_string_buffer(n + 1)
    got = call("read", fd, buf, ctypes.c_size_t(n))
    return got if isinstance(got, str) else summary(buf.raw[:got])


def write(fd, n, byte):
    return call("write", fd, bytes((byte + i) & 255 for i in range(n)), ctypes.c_size_t(n))


def write8(fd, value):
    return call("write", fd, struct.pack("=Q", value & (2**64 - 1)), ctypes.c_size_t(8))


def splice(fd_in, at_in, fd_out, at_out, n, flags):
    offsets = [ctypes.byref(ctypes.c_int64(at)) if at >= 0 else None for at in (at_in, at_out)]
    return call("splice", fd_in, offsets[0], fd_out, offsets[1], ctypes.c_size_t(n), flags)


def sendfile(fd_out, fd_in, at, n):
    return call("sendfile", fd_out, fd_in, ctypes.byref(ctypes.c_int64(at)) if at >= 0 else None, ctypes.c_size_t(n))


def pipe2(flags):
    pair = (ctypes.c_int * 2)()
    got = call("pipe2", pair, flags)
    return got if isinstance(got, str) else f"{pair[0]}:{pair[1]}"


def fstat(fd):
    try:
        st = os.fstat(fd)
    except OSError as e:
        return errno.errorcode[e.errno]
    return f"{st.st_mode:o}:{st.st_nlink}:{st.st_uid}:{st.st_gid}:{st.st_size}:{st.st_blksize}"


def netns():
    """A network of our own, if we may have one."""
    if libc.unshare(0x40000000) == 0:
        import socket
        with socket.socket() as s:
            libc.ioctl(s.fileno(), ctypes.c_ulong(0x8914), struct.pack("=16sH14x", b"lo", 1))
    return 0


def sockaddr(port):
    return struct.pack("=H", 2) + struct.pack("!H4s8x", port, bytes([127, 0, 0, 1]))


def setid(uid, gid, *groups):
    """Another user from now on, without the rights of root."""
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    return 0


def rlimit(soft):
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard), hard))
    return 0


def name(fd):
    try:
        text = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return "EBADF"
    return text.split(":")[0] if text.startswith("pipe:") else text


def sigwait():
    buf = ctypes.create_string_buffer(128)
    if libc.read(SIGNALFD, buf, ctypes.c_size_t(128)) != 128:
        return "none"
    signo, _, code, _, _, fd, _, band = struct.unpack_from("=IiiIIiII", buf.raw)
    return f"{signo}:{code}:{fd}:{band}"


SIGNALS = {signal.SIGIO, signal.SIGURG, signal.SIGCHLD, 40, 41}
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
# Not the C library's signalfd(), which wants a sigset_t: the kernel's, with a mask of eight bytes.
SIGNALFD = os.dup2(libc.syscall(289, -1, struct.pack("=Q", sum(1 << s - 1 for s in SIGNALS)), ctypes.c_size_t(8), os.O_NONBLOCK), 902)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
def epoll_set(ep, most, timeout):
    got = str(epoll_wait(ep, most, timeout))
    return "[" + ",".join(sorted(got[1:-1].split(","))) + "]" if got[0] == "[" else got


OPS = {
    "epoll_set": epoll_set,
    "setown_self": lambda fd: fcntl(fd, 8, os.getpid()),
    "sigwait": sigwait,
    "epoll_ctl": epoll_ctl, "epoll_wait": epoll_wait, "poll": poll, "select": select, "read": read, "write": write,
    "write8": write8, "pipe2": pipe2, "fcntl": fcntl, "fcntl_mem": fcntl_mem, "ioctl": ioctl, "fstat": fstat,
    "netns": netns, "setid": setid,
    "bind": lambda fd, port: call("bind", fd, sockaddr(port), 16),
    "connect": lambda fd, port: call("connect", fd, sockaddr(port), 16),
    "urgent": lambda fd: call("sendto", fd, b"!", 1, 1, None, 0),
    "accept4": lambda fd, flags: call("accept4", fd, None, None, flags),
    "rlimit": rlimit, "splice": splice, "sendfile": sendfile,
    "tee": lambda a, b, n, f: call("tee", a, b, ctypes.c_size_t(n), f), "name": name,
    "lseek": lambda fd, off, whence: call("lseek", fd, ctypes.c_long(off), whence),
    "ftruncate": lambda fd, n: call("ftruncate", fd, ctypes.c_long(n)),
    "fallocate": lambda fd, m, o, n: call("fallocate", fd, m, ctypes.c_long(o), ctypes.c_long(n)),
    "pread": lambda fd, n, at: call("pread", fd, ctypes.create_string_buffer(n + 1), ctypes.c_size_t(n), ctypes.c_long(at)),
    "pwrite": lambda fd, n, at: call("pwrite", fd, b"x" * n, ctypes.c_size_t(n), ctypes.c_long(at)),
    "close_range": lambda a, b, f: call("close_range", ctypes.c_uint(a), ctypes.c_uint(b), f),
}
# The tables below 3 are the pipe to the test; their copies are far away.
inp, out = os.fdopen(os.dup2(0, 900), "r"), os.fdopen(os.dup2(1, 901), "w")
while True:
    os.closerange(0, 900)
    # Closing may have been told by signal.
    while sigwait() != "none":
        pass
    for fd in (0, 1, 2):
        os.open("/dev/null", os.O_RDWR)
        os.set_inheritable(fd, True)
    line = inp.readline()
    if not line:
        break
    # A call that blocks is a mistake of the test: better no answer than none ever.
    signal.alarm(60)
    results = []
    for text in line.rstrip("\n").split(";"):
        op, *args = text.split()
        args = [int(a) for a in args]
        results.append(str(OPS[op](*args) if op in OPS else call(op, *args)))
    signal.alarm(0)
    print(";".join(results), file=out, flush=True)
    rlimit(1024)
