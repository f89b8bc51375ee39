//! Descriptors in flight, and sockets that only each other's queues hold (`net/unix/garbage.c`).
//!
//! A socket sent into its own queue, or two sent into each other's, is reachable by nobody and still
//! referenced. The graph says which socket waits in whose queue. A socket is garbage when all
//! references to its file are in flight, and all of them in queues of garbage; everybody else is
//! reached from the living. A connection that nobody accepted lives and dies with its listener.

use crate::scm::Fds;
use crate::sock::Unix;
use crate::state::UnixNet;
use net::{Sock, Socket, UserCx};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

    /// The sockets that nobody reaches.
    fn garbage(&self) -> Vec<Arc<Sock<Unix>>> {
        let graph = self.graph.lock();
        let vertices = &graph.vertices;
        // The graph's own reference is not one of a descriptor's.
        let is_open = |v: &Vertex| Arc::strong_count(&v.file) > v.inflight + 1;
        let is_held_by_the_living =
            |v: &Vertex| v.held.values().any(|held| !vertices.contains_key(&held.holder));
        let mut holds: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut living: BTreeSet<usize> = BTreeSet::new();
        let mut news: Vec<usize> = Vec::new();
        for (&key, vertex) in vertices {
            if is_open(vertex) || is_held_by_the_living(vertex) {
                living.insert(key);
                news.push(key);
            }
            for held in vertex.held.values() {
                holds.entry(held.holder).or_default().push(key);
            }
        }
        while let Some(key) = news.pop() {
            for &reached in holds.get(&key).into_iter().flatten() {
                if living.insert(reached) {
                    news.push(reached);
                }
            }
        }
        let dead = vertices.iter().filter(|(key, _)| !living.contains(key));
        dead.filter_map(|(_, v)| v.file.downcast::<Socket>()?.sock::<Unix>().ok().map(Sock::hold)).collect()
    }
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
