//! Slab caches (`kmem_cache`): objects that are out of use but warm, in shards by thread, with the
//! numbers that `/proc/slabinfo` shows.

use crate::context::CpuId;
use crate::sync::SpinLock;

const SHARDS: usize = 16;

#[repr(align(64))]
struct Shard<T>(SpinLock<Free<T>>);

struct Free<T> {
    objects: Vec<T>,
    /// Objects handed out here less those given back here: only the sum over shards means something.
    active: i64,
    /// Objects made for want of a free one, less those that were refused: the same.
    total: i64,
}

/// A cache of objects of one type.
pub struct Cache<T> {
    name: &'static str,
    object_size: usize,
    max_free: usize,
    shards: [Shard<T>; SHARDS],
}

/// A line of `/proc/slabinfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStats {
    /// The cache's name.
    pub name: &'static str,
    /// Objects in use (`active_objs`).
    pub active: u64,
    /// Objects in use or free (`num_objs`).
    pub total: u64,
    /// Size of an object in bytes (`objsize`).
    pub object_size: usize,
}

impl<T> Cache<T> {
    /// An empty cache that keeps up to `max_free_per_shard` free objects for each of 16 shards
    /// (`kmem_cache_create`).
    pub fn new(name: &'static str, max_free_per_shard: usize) -> Self {
        let shard = |_| Shard(SpinLock::new(Free { objects: Vec::new(), active: 0, total: 0 }));
        Cache {
            name,
            object_size: size_of::<T>(),
            max_free: max_free_per_shard,
            shards: std::array::from_fn(shard),
        }
    }

    /// With another object size in its statistics, for a cache of pointers to objects.
    #[must_use]
    pub fn with_object_size(self, object_size: usize) -> Self {
        Cache { object_size, ..self }
    }

    #[inline]
    fn shard(&self, cpu: CpuId) -> &SpinLock<Free<T>> {
        &self.shards[cpu.index() % SHARDS].0
    }

    /// A free object; on `None` the caller makes one (`kmem_cache_alloc`). Either way an object
    /// counts as in use until [`Cache::put`].
    #[inline]
    pub fn get(&self, cpu: CpuId) -> Option<T> {
        let mut free = self.shard(cpu).lock();
        let object = free.objects.pop();
        free.active += 1;
        free.total += i64::from(object.is_none());
        object
    }

    /// Takes an object out of use (`kmem_cache_free`).
    ///
    /// # Errors
    /// Gives the object back when there are enough free ones: drop it.
    #[inline]
    pub fn put(&self, cpu: CpuId, object: T) -> Result<(), T> {
        let mut free = self.shard(cpu).lock();
        free.active -= 1;
        if free.objects.len() < self.max_free {
            free.objects.push(object);
            Ok(())
        } else {
            free.total -= 1;
            Err(object)
        }
    }

    /// Lets all free objects go (`kmem_cache_shrink`).
    pub fn shrink(&self) {
        for Shard(shard) in &self.shards {
            let objects = {
                let mut free = shard.lock();
                free.total -= free.objects.len() as i64;
                std::mem::take(&mut free.objects)
            };
            drop(objects);
        }
    }

    /// The numbers.
    pub fn stats(&self) -> CacheStats {
        let (mut active, mut total) = (0, 0);
        for Shard(shard) in &self.shards {
            let free = shard.lock();
            active += free.active;
            total += free.total;
        }
        // A thread between two shards can make a sum negative for a moment.
        let positive = |n: i64| n.try_into().unwrap_or(0);
        CacheStats {
            name: self.name,
            active: positive(active),
            total: positive(total),
            object_size: self.object_size,
        }
    }
}

#[cfg(all(test, not(sk_loom)))]
mod tests {
    use super::*;

    #[test]
    fn statistics() {
        let cache = Cache::<Box<u32>>::new("test", 2).with_object_size(4);
        let cpu = CpuId::new(3);
        assert_eq!(cache.get(cpu), None);
        assert_eq!(cache.get(cpu), None);
        assert_eq!(cache.get(cpu), None);
        assert_eq!(cache.stats(), CacheStats { name: "test", active: 3, total: 3, object_size: 4 });
        assert_eq!(cache.put(cpu, Box::new(1)), Ok(()));
        assert_eq!(cache.put(cpu, Box::new(2)), Ok(()));
        assert_eq!(cache.put(cpu, Box::new(3)), Err(Box::new(3)));
        assert_eq!(cache.stats(), CacheStats { name: "test", active: 0, total: 2, object_size: 4 });
        assert_eq!(cache.get(cpu), Some(Box::new(2)));
        // Another thread gives it back.
        assert_eq!(cache.put(CpuId::new(4), Box::new(2)), Ok(()));
        assert_eq!(cache.stats().active, 0);
        assert_eq!(cache.stats().total, 2);
        cache.shrink();
        assert_eq!(cache.stats().total, 0);
    }
}
