//! Descriptors in flight, and sockets that only each other's queues hold (`net/unix/garbage.c`).
//!
//! A socket sent into its own queue, or two sent into each other's, is reachable by nobody and still
//! referenced. The graph says which socket waits in whose queue. A group of sockets that wait in each
//! other's queues is garbage when all references to their files are in flight there. A connection that
//! nobody accepted lives and dies with its listener.

use crate::scm::Fds;
use crate::sock::Unix;
use crate::state::UnixNet;
use net::{Sock, Socket, UserCx};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use vfs::File;
use vfs::file::fput;

/// Which sockets wait in queues, and whose.
#[derive(Default)]
pub(crate) struct Graph {
    vertices: BTreeMap<usize, Vertex>,
    /// Descriptors in flight of each user (`user_struct.unix_inflight`).
    users: BTreeMap<u32, usize>,
}

/// A socket in flight (`struct unix_vertex`).
struct Vertex {
    /// One reference more than those in flight.
    file: Arc<File>,
    inflight: usize,
    /// By the receiver in whose queue it waits (`struct unix_edge`).
    held: BTreeMap<usize, Held>,
}

struct Held {
    times: usize,
    /// Who lives if the receiver does: itself, or its listener.
    holder: usize,
}

/// Files to be closed, by the first who comes: a queue may hold a socket whose queue holds another,
/// and so on, deeper than a stack.
#[derive(Default)]
pub(crate) struct Doomed {
    files: VecDeque<Arc<File>>,
    busy: bool,
    /// A socket was closed meanwhile.
    collect: bool,
}

/// The sock of this namespace that a file is, if it is one.
fn sock_of<'f>(net: &net::Net, file: &'f File) -> Option<&'f Sock<Unix>> {
    let socket = file.downcast::<Socket>()?;
    if !std::ptr::eq(&raw const *socket.net, net) {
        return None;
    }
    socket.sock().ok()
}

impl UnixNet {
    /// A message's descriptors go into a queue (`unix_add_edges`); under the receiver's lock.
    #[cold]
    pub(crate) fn takes_off(&self, net: &net::Net, fds: &Fds, receiver: &Sock<Unix>, listener: usize) {
        let key = Unix::key(receiver);
        let holder = if listener == 0 { key } else { listener };
        let mut graph = self.graph.lock();
        *graph.users.entry(fds.uid).or_default() += fds.files.len();
        for file in &fds.files {
            let Some(sk) = sock_of(net, file) else { continue };
            let vertex = graph.vertices.entry(Unix::key(sk)).or_insert_with(|| Vertex {
                file: file.clone(),
                inflight: 0,
                held: BTreeMap::new(),
            });
            vertex.inflight += 1;
            let held = vertex.held.entry(key).or_insert(Held { times: 0, holder });
            (held.times, held.holder) = (held.times + 1, holder);
            self.inflight.fetch_add(1, Relaxed);
        }
    }

    /// They left it (`unix_del_edges`).
    #[cold]
    pub(crate) fn landed(&self, fds: Fds, receiver: &Sock<Unix>) -> Vec<Arc<File>> {
        let key = Unix::key(receiver);
        // What the graph held is let go of outside the lock.
        let mut gone = Vec::new();
        let mut graph = self.graph.lock();
        if let Some(count) = graph.users.get_mut(&fds.uid) {
            *count = count.saturating_sub(fds.files.len());
            if *count == 0 {
                graph.users.remove(&fds.uid);
            }
        }
        for file in &fds.files {
            let Some(sk) = file.downcast::<Socket>().and_then(|s| s.sock::<Unix>().ok()) else { continue };
            let Some(vertex) = graph.vertices.get_mut(&Unix::key(sk)) else { continue };
            let Some(held) = vertex.held.get_mut(&key) else { continue };
            held.times -= 1;
            if held.times == 0 {
                vertex.held.remove(&key);
            }
            vertex.inflight -= 1;
            self.inflight.fetch_sub(1, Relaxed);
            if vertex.inflight == 0 {
                gone.extend(graph.vertices.remove(&Unix::key(sk)));
            }
        }
        drop(graph);
        drop(gone);
        fds.files
    }

    /// A look at a message takes references that the collector must see (`unix_peek_fds`).
    #[cold]
    pub(crate) fn peek(&self, fds: &Fds) -> Vec<Arc<File>> {
        let _graph = self.graph.lock();
        fds.files.clone()
    }

    /// A connection was accepted and lives by itself (`unix_update_edges`).
    pub(crate) fn accepted(&self, sk: &Sock<Unix>) {
        if self.inflight.load(Relaxed) == 0 {
            return;
        }
        let key = Unix::key(sk);
        for vertex in self.graph.lock().vertices.values_mut() {
            if let Some(held) = vertex.held.get_mut(&key) {
                held.holder = key;
            }
        }
    }

    /// How many descriptors a user has in flight.
    pub(crate) fn inflight_of(&self, uid: u32) -> usize {
        self.graph.lock().users.get(&uid).copied().unwrap_or(0)
    }

    /// Closes files that a queue let go of; a file's end may free more, which waits its turn.
    pub(crate) fn put_files(&self, cx: &UserCx<'_>, files: Vec<Arc<File>>) {
        let mut doomed = self.doomed.lock();
        doomed.files.extend(files);
        if !std::mem::replace(&mut doomed.busy, true) {
            drop(doomed);
            self.bury(cx);
        }
    }

    /// A socket was closed: others may be garbage now (`unix_gc`).
    #[cold]
    pub(crate) fn collect(&self, cx: &UserCx<'_>) {
        let mut doomed = self.doomed.lock();
        doomed.collect = true;
        if !std::mem::replace(&mut doomed.busy, true) {
            drop(doomed);
            self.bury(cx);
        }
    }

    /// Who set `busy` does the work of all.
    fn bury(&self, cx: &UserCx<'_>) {
        loop {
            let mut doomed = self.doomed.lock();
            if let Some(file) = doomed.files.pop_front() {
                drop(doomed);
                fput(file, cx.process);
            } else if std::mem::take(&mut doomed.collect) {
                drop(doomed);
                for sk in self.garbage() {
                    purge(&sk, cx);
                    cx.sock_put(sk);
                }
            } else {
                doomed.busy = false;
                return;
            }
        }
    }

    /// The sockets of groups that hold only themselves (`unix_walk_scc`, `unix_vertex_dead`). What such
    /// a group holds besides ends with it, or is found the next time.
    fn garbage(&self) -> Vec<Arc<Sock<Unix>>> {
        let graph = self.graph.lock();
        let vertices: Vec<&Vertex> = graph.vertices.values().collect();
        let numbers: BTreeMap<usize, usize> =
            graph.vertices.keys().enumerate().map(|(number, key)| (*key, number)).collect();
        // A holder that is not in flight lives.
        let holders = |v: &Vertex| v.held.values().map(|held| numbers.get(&held.holder).copied()).collect();
        let holders: Vec<Vec<Option<usize>>> = vertices.iter().map(|v| holders(v)).collect();
        let in_flight: Vec<Vec<usize>> =
            holders.iter().map(|h| h.iter().copied().flatten().collect()).collect();
        let group = components(&in_flight);
        let mut lives = vec![false; vertices.len()];
        for (number, vertex) in vertices.iter().enumerate() {
            // The graph's own reference is not one of a descriptor's.
            let is_open = Arc::strong_count(&vertex.file) > vertex.inflight + 1;
            let is_held = holders[number].iter().any(|by| by.is_none_or(|by| group[by] != group[number]));
            lives[group[number]] |= is_open || is_held;
        }
        let dead = vertices.iter().zip(&group).filter(|(_, group)| !lives[**group]);
        dead.filter_map(|(v, _)| v.file.downcast::<Socket>()?.sock::<Unix>().ok().map(Sock::hold)).collect()
    }
}

/// The strongly connected components of a graph, by Tarjan's algorithm without recursion: for each
/// vertex the number of its component.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let (mut index, mut low) = (vec![UNSEEN; edges.len()], vec![0; edges.len()]);
    let mut component = vec![UNSEEN; edges.len()];
    let (mut next, mut found) = (0, 0);
    let mut open: Vec<usize> = Vec::new();
    // A vertex, and how many of its edges were followed.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..edges.len() {
        if index[start] == UNSEEN {
            path.push((start, 0));
        }
        while let Some((vertex, followed)) = path.last_mut() {
            let vertex = *vertex;
            if *followed == 0 {
                (index[vertex], low[vertex]) = (next, next);
                next += 1;
                open.push(vertex);
            }
            if let Some(&to) = edges[vertex].get(*followed) {
                *followed += 1;
                if index[to] == UNSEEN {
                    path.push((to, 0));
                } else if component[to] == UNSEEN {
                    low[vertex] = low[vertex].min(index[to]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, _)) = path.last() {
                low[*parent] = low[*parent].min(low[vertex]);
            }
            if low[vertex] == index[vertex] {
                while let Some(member) = open.pop() {
                    component[member] = found;
                    if member == vertex {
                        break;
                    }
                }
                found += 1;
            }
        }
    }
    component
}

/// Empties a dead socket's queue, and those of connections that wait to be accepted by it.
fn purge(sk: &Sock<Unix>, cx: &UserCx<'_>) {
    let mut queues = vec![sk.hold()];
    queues.extend(sk.shared.lock().pending.iter().cloned());
    for queue in queues {
        let messages = {
            let mut inner = queue.shared.lock();
            inner.oob = None;
            inner.inq = 0;
            let messages = std::mem::take(&mut inner.messages);
            inner.publish(&queue.shared);
            messages
        };
        for message in messages {
            message.free(cx, &queue);
        }
        cx.sock_put(queue);
    }
}

#[cfg(test)]
mod tests {
    use super::components;

    /// Vertices are in one component when each reaches the other.
    #[test]
    fn components_are_mutual_reach() {
        let mut seed = 1u64;
        for round in 0..500 {
            let n = 1 + round % 9;
            let mut random = |below: usize| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 33) as usize % below
            };
            let edges: Vec<Vec<usize>> =
                (0..n).map(|_| (0..random(4)).map(|_| random(n)).collect()).collect();
            let mut reach: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| a == b).collect()).collect();
            for (a, to) in edges.iter().enumerate() {
                to.iter().for_each(|b| reach[a][*b] = true);
            }
            for via in 0..n {
                for a in 0..n {
                    for b in 0..n {
                        reach[a][b] |= reach[a][via] && reach[via][b];
                    }
                }
            }
            let component = components(&edges);
            for a in 0..n {
                for b in 0..n {
                    assert_eq!(component[a] == component[b], reach[a][b] && reach[b][a], "{edges:?}");
                }
            }
        }
    }
}
