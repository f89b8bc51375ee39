//! Arguments, taken one by one as the type that is wanted.

use crate::ast::{Call, Expr};
use crate::run::{Run, Stop};
use crate::symbols::lookup;

/// The arguments of a call.
pub(crate) struct Args<'c> {
    pub(super) line: usize,
    pub(super) list: &'c [Expr],
    pub(super) call: &'c Call,
}

impl Args<'_> {
    /// What is wrong with the script.
    pub(super) fn bad(&self, what: &str) -> Stop {
        Stop::unsupported(self.line, format!("{}: {what}", self.call.name))
    }

    /// The value of a numeric expression.
    pub(super) fn value(&self, expr: &Expr) -> Result<i64, Stop> {
        match expr {
            Expr::Int(value) => Ok(*value),
            Expr::Word(name) => lookup(name).ok_or_else(|| self.bad(&format!("name {name}"))),
            Expr::Or(left, right) => Ok(self.value(left)? | self.value(right)?),
            _ => Err(self.bad("expected a number")),
        }
    }

    pub(super) fn int(&self, index: usize) -> Result<i32, Stop> {
        Ok(self.value(&self.list[index])? as i32)
    }

    pub(super) fn size(&self, index: usize) -> Result<usize, Stop> {
        usize::try_from(self.value(&self.list[index])?).map_err(|_| self.bad("a negative length"))
    }

    /// The stack's descriptor for a script's.
    pub(super) fn fd(&self, run: &Run, index: usize) -> Result<i32, Stop> {
        let script = self.int(index)?;
        run.live_fd(script).ok_or_else(|| self.bad(&format!("descriptor {script} is not open")))
    }

    /// `[value]`
    pub(super) fn bracketed(&self, index: usize) -> Result<i64, Stop> {
        match &self.list[index] {
            Expr::List(list) if list.len() == 1 => self.value(&list[0]),
            _ => Err(self.bad("expected a number in brackets")),
        }
    }

    /// `...`: the caller's memory. A null pointer cannot be passed to a stack in the same process.
    pub(super) fn buffer(&self, index: usize) -> Result<(), Stop> {
        match &self.list[index] {
            Expr::Ellipsis => Ok(()),
            _ => Err(self.bad("a null pointer")),
        }
    }

    /// The lengths of `[{..., 10}, {..., 20}]`.
    pub(super) fn iovec(&self, expr: &Expr) -> Result<Vec<usize>, Stop> {
        let Expr::List(list) = expr else { return Err(self.bad("expected an iovec")) };
        let one = |expr: &Expr| match expr {
            Expr::Group(parts) if parts.len() == 2 => {
                usize::try_from(self.value(&parts[1])?).map_err(|_| self.bad("a negative length"))
            }
            _ => Err(self.bad("expected an iovec")),
        };
        list.iter().map(one).collect()
    }

    /// The fields of `{name=value, …}`.
    pub(super) fn fields<'e>(&self, expr: &'e Expr) -> Result<&'e [(String, Expr)], Stop> {
        match expr {
            Expr::Fields(fields) => Ok(fields),
            _ => Err(self.bad("expected a structure")),
        }
    }

    /// A numeric field, 0 when it is not there.
    pub(super) fn field(&self, fields: &[(String, Expr)], name: &str) -> Result<i64, Stop> {
        fields.iter().find(|field| field.0 == name).map_or(Ok(0), |field| self.value(&field.1))
    }
}
