//! The runner: unmodified programs on the stack.
