//! Work on several cores: the same work on many items, and work that is started early.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The most threads that one call uses.
const MAX_THREADS: usize = 8;

/// Does the work on each item, and returns the results in the items' order. With at most
/// `max_sequential` items the calling thread does it all, since starting threads would cost more.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    max_sequential: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    map_with(items, max_sequential, || (), |(), item| work(item))
}

/// The same with a state that each thread makes for its items.
pub(crate) fn map_with<T: Sync, S, R: Send>(
    items: &[T],
    max_sequential: usize,
    new_state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = match items.len() <= max_sequential {
        // The number of cores is read from a few of the system's files.
        true => 1,
        false => thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
    };
    if threads == 1 {
        let mut state = new_state();
        return items.iter().map(|item| work(&mut state, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        // If the system refuses to start more threads, those that did start do all the work.
        let workers: Vec<_> = (1..threads)
            .map_while(|_| {
                let worker = thread::Builder::new();
                worker
                    .spawn_scoped(scope, || work_until_done(items, &next, new_state(), &work))
                    .ok()
            })
            .collect();
        let mut results = work_until_done(items, &next, new_state(), &work);
        for worker in workers {
            match worker.join() {
                Ok(more) => results.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Starts work early, on a thread of its own. If the system refuses to start one, nothing is lost: the work is done
/// when its result is needed.
pub(crate) fn start(work: impl FnOnce() + Send + 'static) {
    let _ = thread::Builder::new().spawn(work);
}

/// Claims one item after the other, until none is left.
fn work_until_done<T, S, R>(
    items: &[T],
    next: &AtomicUsize,
    mut state: S,
    work: impl Fn(&mut S, &T) -> R,
) -> Vec<(usize, R)> {
    let mut results = Vec::new();
    while let Some((index, item)) = claim_next(items, next) {
        results.push((index, work(&mut state, item)));
    }
    results
}

fn claim_next<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, items.get(index)?))
}
