//! A directory for one run, which the run's user owns and which goes away afterwards.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory for one run. Dropping it removes it.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes an empty directory, given to `uid` when we may give.
    ///
    /// # Panics
    /// When the directory for temporary files cannot be written.
    #[must_use]
    pub fn new(what: &str, uid: u32) -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sockeye-{what}-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a scratch directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
        if rustix::process::getuid().is_root() {
            chown(&path, Some(uid), Some(uid)).expect("its owner");
        }
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies a file in, executable and readable by everyone, and returns where it is.
    ///
    /// # Panics
    /// When the file cannot be copied.
    pub fn take(&self, file: &Path) -> PathBuf {
        let name = file.file_name().expect("a file has a name");
        let to = self.path.join(name);
        fs::copy(file, &to).unwrap_or_else(|e| panic!("copy {}: {e}", file.display()));
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("its mode");
        to
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A directory left behind harms nothing; a panic in a drop would hide the test's own.
        let _ = fs::remove_dir_all(&self.path);
    }
}
