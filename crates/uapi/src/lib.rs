//! The Linux ABI: numbers and layouts, no state.

#![forbid(unsafe_code)]
