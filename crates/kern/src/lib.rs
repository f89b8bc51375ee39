//! What a network stack needs of a kernel.
