//! What the types of this module have in common: a row of methods each, told once.

/// Methods that every socket has.
macro_rules! socket_methods {
    ($type:ident) => {
        impl $type {
            /// Another handle on the same socket.
            pub fn try_clone(&self) -> io::Result<$type> {
                Ok($type(self.0.clone()))
            }

            /// `SO_ERROR`.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.0.take_error()
            }

            /// `O_NONBLOCK`.
            pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
                self.0.set_nonblocking(on)
            }
        }
    };
}

/// Methods of sockets that send and receive.
macro_rules! timeout_methods {
    ($type:ident) => {
        impl $type {
            /// `SO_RCVTIMEO`.
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(false, timeout)
            }

            /// `SO_SNDTIMEO`.
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.0.set_timeout(true, timeout)
            }

            /// `SO_RCVTIMEO`.
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(false)
            }

            /// `SO_SNDTIMEO`.
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                self.0.timeout(true)
            }
        }
    };
}

/// Methods of sockets with two directions.
macro_rules! shutdown_method {
    ($type:ident) => {
        impl $type {
            /// Ends a direction, or both.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.0.shutdown(how)
            }
        }
    };
}

/// Methods of INET sockets of one hop limit.
macro_rules! ttl_methods {
    ($type:ident) => {
        impl $type {
            /// `IP_TTL`.
            pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
                self.0.set_opt(IPPROTO_IP, IP_TTL, ttl as i32)
            }

            /// `IP_TTL`.
            pub fn ttl(&self) -> io::Result<u32> {
                Ok(self.0.opt(IPPROTO_IP, IP_TTL)? as u32)
            }
        }
    };
}

/// Reading and writing a stream, of its own or by a shared reference.
macro_rules! stream_io {
    ($($type:ty)*) => {$(
        impl Read for $type {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.recv(buf, 0)
            }
        }

        impl Write for $type {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.0.send(buf, None)
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.0.send_vectored(bufs)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    )*};
}

pub(super) use {shutdown_method, socket_methods, stream_io, timeout_methods, ttl_methods};
