//! Error numbers: what a system call returns, negated, in the kernel.
//!
//! One row of the table is one error: its kernel name, its number on x86-64, and the text of `strerror(3)`.

use core::fmt;
use core::num::NonZeroU16;

/// A Linux error number (`errno(3)`), never zero.
///
/// ```
/// use sockeye_uapi::Errno;
///
/// assert_eq!(Errno::EAGAIN.raw(), 11);
/// assert_eq!(format!("{:?}", Errno::ECONNREFUSED), "ECONNREFUSED");
/// assert_eq!(Errno::ECONNREFUSED.to_string(), "Connection refused");
/// assert_eq!(Errno::from_raw(11), Some(Errno::EAGAIN));
/// let io: std::io::Error = Errno::EPIPE.into();
/// assert_eq!(io.raw_os_error(), Some(32));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(NonZeroU16);

/// What a kernel function gives back: a value, or an error number.
pub type Result<T> = core::result::Result<T, Errno>;

/// The largest number that is an error when negated (`MAX_ERRNO`).
pub const MAX_ERRNO: i32 = 4095;

macro_rules! errnos {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl Errno {
            $(
                #[doc = $text]
                pub const $name: Errno = Errno::new($value);
            )*
        }

        /// Number, name and text of every error; an alias stands after the name it repeats.
        static TABLE: &[(u16, &str, &str)] = &[$(($value, stringify!($name), $text),)*];
    };
}

impl Errno {
    const fn new(raw: u16) -> Self {
        match NonZeroU16::new(raw) {
            Some(n) => Self(n),
            None => panic!("an error number is not zero"),
        }
    }

    /// The positive number, as `errno` holds it.
    #[inline]
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0.get() as i32
    }

    /// The error with this positive number; `None` outside `1..=MAX_ERRNO`.
    ///
    /// A number without a name is kept: a program must see what the kernel said.
    #[inline]
    #[must_use]
    pub const fn from_raw(raw: i32) -> Option<Self> {
        if raw > 0 && raw <= MAX_ERRNO { Some(Self::new(raw as u16)) } else { None }
    }

    /// The value a system call returns for it: the number, negated.
    #[inline]
    #[must_use]
    pub const fn to_ret(self) -> i64 {
        -(self.0.get() as i64)
    }

    /// Split a raw return value of a system call into its error or its value.
    ///
    /// # Errors
    /// The error, if `ret` lies in `-MAX_ERRNO..0`.
    #[inline]
    pub const fn check_ret(ret: i64) -> Result<u64> {
        if ret < 0 && ret >= -(MAX_ERRNO as i64) { Err(Self::new((-ret) as u16)) } else { Ok(ret as u64) }
    }

    /// Whether only the kernel itself may see this number (512 and above): such a one never reaches a program.
    #[inline]
    #[must_use]
    pub const fn is_internal(self) -> bool {
        self.0.get() >= 512
    }

    /// The kernel's name for it, or `"E?"` if it has none.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("E?", |row| row.1)
    }

    /// The error of this name, aliases included.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| Self::new(row.0))
    }

    /// The text `strerror(3)` gives.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().map_or("Unknown error", |row| row.2)
    }

    /// Every named error once, aliases left out.
    pub fn all() -> impl Iterator<Item = Errno> {
        let mut last = 0;
        TABLE
            .iter()
            .filter(move |row| core::mem::replace(&mut last, row.0) != row.0)
            .map(|row| Self::new(row.0))
    }

    fn row(self) -> Option<&'static (u16, &'static str, &'static str)> {
        TABLE.iter().find(|row| row.0 == self.0.get())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => f.write_str(row.1),
            None => write!(f, "E?{}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => f.write_str(row.2),
            None => write!(f, "Unknown error {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.raw())
    }
}

errnos! {
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    ESRCH = 3, "No such process";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    ENXIO = 6, "No such device or address";
    E2BIG = 7, "Argument list too long";
    ENOEXEC = 8, "Exec format error";
    EBADF = 9, "Bad file descriptor";
    ECHILD = 10, "No child processes";
    EAGAIN = 11, "Resource temporarily unavailable";
    EWOULDBLOCK = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    ENOTBLK = 15, "Block device required";
    EBUSY = 16, "Device or resource busy";
    EEXIST = 17, "File exists";
    EXDEV = 18, "Invalid cross-device link";
    ENODEV = 19, "No such device";
    ENOTDIR = 20, "Not a directory";
    EISDIR = 21, "Is a directory";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EMFILE = 24, "Too many open files";
    ENOTTY = 25, "Inappropriate ioctl for device";
    ETXTBSY = 26, "Text file busy";
    EFBIG = 27, "File too large";
    ENOSPC = 28, "No space left on device";
    ESPIPE = 29, "Illegal seek";
    EROFS = 30, "Read-only file system";
    EMLINK = 31, "Too many links";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    ERANGE = 34, "Numerical result out of range";
    EDEADLK = 35, "Resource deadlock avoided";
    EDEADLOCK = 35, "Resource deadlock avoided";
    ENAMETOOLONG = 36, "File name too long";
    ENOLCK = 37, "No locks available";
    ENOSYS = 38, "Function not implemented";
    ENOTEMPTY = 39, "Directory not empty";
    ELOOP = 40, "Too many levels of symbolic links";
    ENOMSG = 42, "No message of desired type";
    EIDRM = 43, "Identifier removed";
    ECHRNG = 44, "Channel number out of range";
    EL2NSYNC = 45, "Level 2 not synchronized";
    EL3HLT = 46, "Level 3 halted";
    EL3RST = 47, "Level 3 reset";
    ELNRNG = 48, "Link number out of range";
    EUNATCH = 49, "Protocol driver not attached";
    ENOCSI = 50, "No CSI structure available";
    EL2HLT = 51, "Level 2 halted";
    EBADE = 52, "Invalid exchange";
    EBADR = 53, "Invalid request descriptor";
    EXFULL = 54, "Exchange full";
    ENOANO = 55, "No anode";
    EBADRQC = 56, "Invalid request code";
    EBADSLT = 57, "Invalid slot";
    EBFONT = 59, "Bad font file format";
    ENOSTR = 60, "Device not a stream";
    ENODATA = 61, "No data available";
    ETIME = 62, "Timer expired";
    ENOSR = 63, "Out of streams resources";
    ENONET = 64, "Machine is not on the network";
    ENOPKG = 65, "Package not installed";
    EREMOTE = 66, "Object is remote";
    ENOLINK = 67, "Link has been severed";
    EADV = 68, "Advertise error";
    ESRMNT = 69, "Srmount error";
    ECOMM = 70, "Communication error on send";
    EPROTO = 71, "Protocol error";
    EMULTIHOP = 72, "Multihop attempted";
    EDOTDOT = 73, "RFS specific error";
    EBADMSG = 74, "Bad message";
    EOVERFLOW = 75, "Value too large for defined data type";
    ENOTUNIQ = 76, "Name not unique on network";
    EBADFD = 77, "File descriptor in bad state";
    EREMCHG = 78, "Remote address changed";
    ELIBACC = 79, "Can not access a needed shared library";
    ELIBBAD = 80, "Accessing a corrupted shared library";
    ELIBSCN = 81, ".lib section in a.out corrupted";
    ELIBMAX = 82, "Attempting to link in too many shared libraries";
    ELIBEXEC = 83, "Cannot exec a shared library directly";
    EILSEQ = 84, "Invalid or incomplete multibyte or wide character";
    ERESTART = 85, "Interrupted system call should be restarted";
    ESTRPIPE = 86, "Streams pipe error";
    EUSERS = 87, "Too many users";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    ESOCKTNOSUPPORT = 94, "Socket type not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EPFNOSUPPORT = 96, "Protocol family not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ENETRESET = 102, "Network dropped connection on reset";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ESHUTDOWN = 108, "Cannot send after transport endpoint shutdown";
    ETOOMANYREFS = 109, "Too many references: cannot splice";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    ESTALE = 116, "Stale file handle";
    EUCLEAN = 117, "Structure needs cleaning";
    ENOTNAM = 118, "Not a XENIX named type file";
    ENAVAIL = 119, "No XENIX semaphores available";
    EISNAM = 120, "Is a named type file";
    EREMOTEIO = 121, "Remote I/O error";
    EDQUOT = 122, "Disk quota exceeded";
    ENOMEDIUM = 123, "No medium found";
    EMEDIUMTYPE = 124, "Wrong medium type";
    ECANCELED = 125, "Operation canceled";
    ENOKEY = 126, "Required key not available";
    EKEYEXPIRED = 127, "Key has expired";
    EKEYREVOKED = 128, "Key has been revoked";
    EKEYREJECTED = 129, "Key was rejected by service";
    EOWNERDEAD = 130, "Owner died";
    ENOTRECOVERABLE = 131, "State not recoverable";
    ERFKILL = 132, "Operation not possible due to RF-kill";
    EHWPOISON = 133, "Memory page has hardware error";
    ERESTARTSYS = 512, "Restart the call if the handler has SA_RESTART (kernel internal)";
    ERESTARTNOINTR = 513, "Restart the call always (kernel internal)";
    ERESTARTNOHAND = 514, "Restart the call if there was no handler (kernel internal)";
    ENOIOCTLCMD = 515, "No such ioctl here, ask the next layer (kernel internal)";
    ERESTART_RESTARTBLOCK = 516, "Restart through restart_syscall (kernel internal)";
    EPROBE_DEFER = 517, "Driver asks to be probed again (kernel internal)";
    EOPENSTALE = 518, "Open found a stale entry (kernel internal)";
    ENOPARAM = 519, "Parameter not supported (kernel internal)";
    EBADHANDLE = 521, "Illegal NFS file handle (kernel internal)";
    ENOTSYNC = 522, "Update synchronisation mismatch (kernel internal)";
    EBADCOOKIE = 523, "Cookie is stale (kernel internal)";
    ENOTSUPP = 524, "Operation not supported (kernel internal)";
    ETOOSMALL = 525, "Buffer or request is too small (kernel internal)";
    ESERVERFAULT = 526, "An untranslatable error occurred (kernel internal)";
    EBADTYPE = 527, "Type not supported by server (kernel internal)";
    EJUKEBOX = 528, "Request initiated, but will not complete soon (kernel internal)";
    EIOCBQUEUED = 529, "Request queued, completion will come (kernel internal)";
    ERECALLCONFLICT = 530, "Conflict with recalled state (kernel internal)";
    ENOGRACE = 531, "NFS reclaim refused (kernel internal)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_c_librarys() {
        for e in Errno::all().filter(|e| !e.is_internal()) {
            let os = std::io::Error::from(e).to_string();
            assert_eq!(os, format!("{e} (os error {})", e.raw()), "{e:?}");
        }
    }

    #[test]
    fn numbers_and_names_go_both_ways() {
        for e in Errno::all() {
            assert_eq!(Errno::from_name(e.name()), Some(e));
            assert_eq!(Errno::from_raw(e.raw()), Some(e));
            assert_eq!(Errno::check_ret(e.to_ret()), Err(e));
        }
        assert_eq!(Errno::EWOULDBLOCK, Errno::EAGAIN);
        assert_eq!(Errno::EWOULDBLOCK.name(), "EAGAIN");
        assert_eq!(Errno::from_raw(0), None);
        assert_eq!(Errno::from_raw(4096), None);
        assert_eq!(Errno::check_ret(-4096), Ok(-4096i64 as u64));
        assert_eq!(format!("{:?}", Errno::from_raw(4000).unwrap()), "E?4000");
    }

    #[test]
    fn an_option_of_an_error_costs_nothing() {
        assert_eq!(size_of::<Result<()>>(), 2);
    }
}
