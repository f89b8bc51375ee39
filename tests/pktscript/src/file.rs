//! A file of zeros, as `dd if=/dev/zero` makes it.

use sockeye::kern::context::Process;
use sockeye::uapi::Result;
use sockeye::vfs::{File, FileOps, IovSink, Stat};
use std::sync::Arc;

/// Its content is its length.
pub(crate) struct ZeroFile {
    size: i64,
}

impl ZeroFile {
    /// An open file of so many bytes.
    pub(crate) fn open(size: i64, flags: u32) -> Arc<File> {
        File::new(Arc::new(ZeroFile { size }), flags)
    }
}

impl FileOps for ZeroFile {
    fn pread(&self, _: &Process<'_>, _: &File, to: &mut IovSink<'_>, at: i64) -> Result<usize> {
        let left = usize::try_from(self.size - at).unwrap_or(0);
        Ok(to.copy_from(&vec![0; left.min(to.remaining())]))
    }

    fn llseek(&self, _: &Process<'_>, _: &File, offset: i64, _: i32) -> Result<i64> {
        Ok(offset)
    }

    fn can_splice(&self) -> bool {
        true
    }

    fn stat(&self) -> Stat {
        Stat { size: self.size, ..Stat::default() }
    }

    fn name(&self) -> String {
        "zeros".into()
    }

    fn release(&self, _: &Process<'_>, _: &File) {}

    fn release_detached(&self) {}
}
