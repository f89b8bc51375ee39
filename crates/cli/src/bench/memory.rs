//! How much memory this process holds.

/// Bytes in RAM.
pub(super) fn resident() -> Result<u64, String> {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages =
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).ok_or("no /proc/self/statm")?;
    Ok(pages * PAGE)
}
