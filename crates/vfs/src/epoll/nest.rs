//! Epolls that watch epolls: no circle, no deep chain, no explosion of wake-ups (`ep_loop_check`, `reverse_path_check`).

use super::ctl::Check;
use super::item::EpItem;
use super::{Core, Table};
use crate::file::File;
use crate::sync::Ordering::Relaxed;
use kern::context::Process;
use std::sync::Arc;
use uapi::poll::EP_MAX_NESTS;
use uapi::{Errno, Result};

/// How many ways there may be from a file up to an epoll that nobody watches, by their length (`path_limits`).
const PATH_LIMITS: [u32; 5] = [1000, 500, 100, 50, 10];

impl Core {
    /// Whether adding a watch needs the checks although the file is no epoll.
    pub(super) fn is_nested(&self) -> bool {
        !self.parents.lock().is_empty() || self.gen_seen.load(Relaxed) == self.vfs.epoll_gen.load(Relaxed)
    }

    /// Add a watch with all checks: `target` is an epoll (`inner`), or this epoll is watched itself.
    pub(super) fn check_and_add(
        self: &Arc<Self>,
        p: &Process<'_>,
        target: &Arc<File>,
        inner: Option<&Arc<Core>>,
        add: impl FnOnce(&mut Table, &mut Vec<File>, Option<Check<'_>>) -> Result<()>,
    ) -> Result<()> {
        let vfs = self.vfs.clone();
        let nested = vfs.epnested.lock();
        let generation = vfs.epoll_gen.fetch_add(1, Relaxed) + 1;
        let mut files = Vec::new();
        if inner.is_none() {
            files.push(target.clone());
        }
        let mut last = Vec::new();
        let result = match inner {
            Some(to) if !self.may_watch(to, generation, &mut files) => Err(Errno::ELOOP),
            _ => add(&mut self.table.lock(), &mut last, Some(&|| may_stay(&files))),
        };
        vfs.epoll_gen.fetch_add(1, Relaxed);
        drop(nested);
        for file in files {
            crate::file::fput(file, p);
        }
        super::release_all(last, p);
        result
    }

    /// `ep_loop_check`: false for a circle or too long a chain.
    fn may_watch(self: &Arc<Self>, to: &Arc<Core>, generation: u64, files: &mut Vec<Arc<File>>) -> bool {
        let down = to.depth_below(self, 0, generation, files);
        if down > EP_MAX_NESTS {
            return false;
        }
        down + 1 + self.depth_above(0, generation) <= EP_MAX_NESTS
    }

    /// How long the longest chain below is, and which files hang there (`ep_loop_check_proc`).
    fn depth_below(&self, root: &Arc<Core>, depth: u32, generation: u64, files: &mut Vec<Arc<File>>) -> u32 {
        if core::ptr::eq(self, Arc::as_ptr(root)) {
            return EP_MAX_NESTS + 1;
        }
        if self.gen_seen.swap(generation, Relaxed) == generation {
            return self.gen_depth.load(Relaxed);
        }
        // The table is copied, not locked, on the way down: a chain may be as long as a program likes to make it.
        let items: Vec<Arc<EpItem>> = self.table.lock().items.iter().flatten().cloned().collect();
        let mut result = 0;
        for item in items {
            match &item.inner {
                Some(inner) => {
                    let below = if depth > EP_MAX_NESTS {
                        EP_MAX_NESTS + 1
                    } else {
                        inner.depth_below(root, depth + 1, generation, files) + 1
                    };
                    result = result.max(below);
                    if result > EP_MAX_NESTS {
                        break;
                    }
                }
                None => files.extend(item.file()),
            }
        }
        self.gen_depth.store(result, Relaxed);
        result
    }

    /// How long the longest chain above is (`ep_get_upwards_depth_proc`).
    fn depth_above(&self, depth: u32, generation: u64) -> u32 {
        if self.gen_seen.load(Relaxed) == generation {
            return self.gen_depth.load(Relaxed);
        }
        let mut result = 0;
        if depth <= EP_MAX_NESTS {
            for parent in self.parents() {
                result = result.max(parent.depth_above(depth + 1, generation) + 1);
            }
        }
        self.gen_seen.store(generation, Relaxed);
        self.gen_depth.store(result, Relaxed);
        result
    }

    fn parents(&self) -> Vec<Arc<Core>> {
        self.parents.lock().iter().filter_map(std::sync::Weak::upgrade).collect()
    }
}

/// `reverse_path_check`: whether no file has too many ways to be waited for.
fn may_stay(files: &[Arc<File>]) -> bool {
    files.iter().all(|file| {
        let mut count = [0; PATH_LIMITS.len()];
        file.links.list().iter().all(|item| count_paths(&item.core, 0, &mut count))
    })
}

fn count_paths(ep: &Core, depth: usize, count: &mut [u32; PATH_LIMITS.len()]) -> bool {
    let parents = ep.parents();
    if !parents.is_empty() {
        return depth < EP_MAX_NESTS as usize
            && parents.iter().all(|parent| count_paths(parent, depth + 1, count));
    }
    // As many epolls as one likes may watch a file directly.
    depth == 0 || {
        count[depth] += 1;
        count[depth] <= PATH_LIMITS[depth]
    }
}
