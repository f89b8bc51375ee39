//! Tables of names and numbers: each row makes a constant, and the table answers for traces and documents.

use core::fmt;

/// Names of numbers, as one table of the ABI has them.
///
/// ```
/// use sockeye_uapi::socket::{FAMILIES, MSG_FLAGS};
///
/// assert_eq!(FAMILIES.name(2), Some("AF_INET"));
/// assert_eq!(FAMILIES.value("AF_INET6"), Some(10));
/// assert_eq!(MSG_FLAGS.flags(0x42).to_string(), "MSG_PEEK|MSG_DONTWAIT");
/// assert_eq!(FAMILIES.show(99).to_string(), "99");
/// ```
#[derive(Debug)]
pub struct Table {
    /// The rows, in the order of the source; an alias stands after the name it repeats.
    pub rows: &'static [(i64, &'static str)],
}

impl Table {
    /// The first name of a number.
    #[must_use]
    pub fn name(&self, value: i64) -> Option<&'static str> {
        self.rows.iter().find(|row| row.0 == value).map(|row| row.1)
    }

    /// The number of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<i64> {
        self.rows.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The name if there is one, else the number.
    #[must_use]
    pub fn show(&'static self, value: i64) -> Show {
        Show { table: self, value }
    }

    /// A word of flags as `A|B|0x800`; `0` if none is set.
    #[must_use]
    pub fn flags(&'static self, value: u64) -> Flags {
        Flags { table: self, value }
    }
}

/// A number, printed by name: see [`Table::show`].
#[derive(Clone, Copy, Debug)]
pub struct Show {
    table: &'static Table,
    value: i64,
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.table.name(self.value) {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.value, f),
        }
    }
}

/// A word of flags, printed by name: see [`Table::flags`].
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    table: &'static Table,
    value: u64,
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.value;
        let mut bar = "";
        for &(bits, name) in self.table.rows {
            let bits = bits as u64;
            if bits != 0 && rest & bits == bits {
                write!(f, "{bar}{name}")?;
                bar = "|";
                rest &= !bits;
            }
        }
        match (rest, bar) {
            (0, "") => f.write_str("0"),
            (0, _) => Ok(()),
            _ => write!(f, "{bar}{rest:#x}"),
        }
    }
}

/// Rows `NAME = value, "what it is";` become public constants of one type and, with a name given, a [`Table`] of them.
macro_rules! abi {
    ($(#[$doc:meta])* $table:ident: $ty:ty { $($name:ident = $value:expr, $what:literal;)* }) => {
        abi! { $ty { $($name = $value, $what;)* } }
        $(#[$doc])*
        pub static $table: $crate::table::Table = $crate::table::Table {
            rows: &[$(($name as i64, stringify!($name)),)*],
        };
    };
    ($ty:ty { $($name:ident = $value:expr, $what:literal;)* }) => {
        $(
            #[doc = $what]
            #[allow(non_upper_case_globals, reason = "the kernel spells some in mixed case")]
            pub const $name: $ty = $value;
        )*
    };
}
pub(crate) use abi;
