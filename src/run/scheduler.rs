//! Walks a queue with several threads: one loop over one channel of messages. Knows ids and results; what running a
//! node means is the [`Worker`]'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{Receiver, Sender, channel},
};

use crate::{
    artifacts::RunResult,
    event::{Problem, Status},
    graph::Queue,
    names::UniqueId,
};

/// A node to run.
#[derive(Debug, Clone)]
pub struct Task {
    pub id: UniqueId,
    /// Counts from 1 over what is shown; 0 for what is not (ephemeral models).
    pub index: usize,
    /// `Thread-1 (worker)`.
    pub thread: String,
}

/// How a node ended.
#[derive(Debug, Clone)]
pub struct NodeResult {
    pub result: RunResult,
    /// For the summary; `None` when there is nothing to say.
    pub problem: Option<Problem>,
    /// Whether the node's descendants must be skipped.
    pub blocks: bool,
    /// Whether it stops the run under `--fail-fast`.
    pub fails: bool,
}

/// Why a node is skipped.
#[derive(Debug, Clone)]
pub enum SkipCause {
    /// A node upstream failed or was skipped.
    Upstream(UniqueId),
    FailFast,
    Interrupted,
}

/// Runs nodes. Called from several threads.
pub trait Worker: Sync {
    /// Whether the node takes part in counting: ephemeral models do not.
    fn is_counted(&self, id: &UniqueId) -> bool;

    /// Runs the node; `None` for nodes that leave no result (ephemeral models).
    fn execute(&self, task: &Task) -> Option<NodeResult>;

    /// The result of a node whose execution panicked: a bug of ours or of a library, told and survived.
    fn crashed(&self, task: &Task) -> Option<NodeResult>;

    /// The result of a node that is not run.
    fn skip(&self, id: &UniqueId, index: usize, cause: &SkipCause) -> Option<NodeResult>;

    /// Stops what runs now.
    fn cancel(&self);
}

/// A message to the loop.
#[derive(Debug)]
pub enum Message {
    Finished { id: UniqueId, thread: usize, result: Option<Box<NodeResult>> },
    Interrupt,
}

/// What a walk did, in the order in which nodes ended.
#[derive(Debug, Default)]
pub struct Walk {
    pub results: Vec<NodeResult>,
    pub interrupted: bool,
    pub failed_fast: bool,
}

/// The two ends of the loop's channel; the sender goes to whoever may interrupt.
pub fn messages() -> (Sender<Message>, Receiver<Message>) {
    channel()
}

/// Options of a walk.
#[derive(Debug, Clone, Copy)]
pub struct WalkOptions {
    /// At least 1.
    pub threads: usize,
    pub fail_fast: bool,
}

/// Runs everything in `queue`, at most `threads` nodes at once.
pub fn walk(
    mut queue: Queue,
    options: WalkOptions,
    worker: &dyn Worker,
    (sender, receiver): (Sender<Message>, Receiver<Message>),
) -> Walk {
    // A thread more than there are nodes would never have work.
    let threads = options.threads.min(queue.len()).max(1);
    std::thread::scope(|scope| {
        let mut mailboxes: Vec<Sender<Task>> = Vec::with_capacity(threads);
        for number in 1..=threads {
            let (mailbox, tasks) = channel::<Task>();
            let sender = sender.clone();
            let name = format!("Thread-{number} (worker)");
            let body = move || {
                for task in tasks {
                    let run = std::panic::AssertUnwindSafe(|| worker.execute(&task));
                    let result = std::panic::catch_unwind(run).unwrap_or_else(|_| worker.crashed(&task)).map(Box::new);
                    if sender.send(Message::Finished { id: task.id, thread: number - 1, result }).is_err() {
                        break;
                    }
                }
            };
            // Macros recurse on the stack of the thread that renders them.
            if std::thread::Builder::new().name(name).stack_size(STACK).spawn_scoped(scope, body).is_ok() {
                mailboxes.push(mailbox);
            }
        }
        drop(sender);
        Loop {
            idle: (0..mailboxes.len()).rev().collect(),
            mailboxes,
            worker,
            walk: Walk::default(),
            blocked: BTreeMap::new(),
            running: BTreeSet::new(),
            index: 0,
            stop: None,
        }
        .run(&mut queue, &receiver, options.fail_fast)
    })
}

/// Bytes.
const STACK: usize = 16 * 1024 * 1024;

struct Loop<'a> {
    idle: Vec<usize>,
    mailboxes: Vec<Sender<Task>>,
    worker: &'a dyn Worker,
    walk: Walk,
    /// What must be skipped, with the failed node that is to blame.
    blocked: BTreeMap<UniqueId, UniqueId>,
    running: BTreeSet<UniqueId>,
    index: usize,
    stop: Option<SkipCause>,
}

impl Loop<'_> {
    fn run(mut self, queue: &mut Queue, receiver: &Receiver<Message>, fail_fast: bool) -> Walk {
        loop {
            self.start_ready(queue);
            if self.running.is_empty() {
                break;
            }
            match receiver.recv() {
                Ok(Message::Finished { id, thread, result }) => {
                    self.idle.push(thread);
                    self.running.remove(&id);
                    let failed = result.as_ref().is_some_and(|result| result.fails);
                    if let Some(result) = result {
                        self.record(queue, &id, *result);
                    }
                    queue.mark_done(&id);
                    if failed && fail_fast && self.stop.is_none() {
                        self.walk.failed_fast = true;
                        self.stop = Some(SkipCause::FailFast);
                        self.worker.cancel();
                    }
                }
                Ok(Message::Interrupt) => {
                    self.walk.interrupted = true;
                    self.stop = Some(SkipCause::Interrupted);
                    self.worker.cancel();
                }
                Err(_) => break,
            }
        }
        self.walk
    }

    /// Hands ready nodes to idle threads, and passes over what must be skipped.
    fn start_ready(&mut self, queue: &mut Queue) {
        while self.stop.is_some() || !self.idle.is_empty() {
            let Some(id) = queue.pop() else { break };
            let index = if self.worker.is_counted(&id) {
                self.index += 1;
                self.index
            } else {
                0
            };
            let cause = self.stop.clone().or_else(|| self.blocked.get(&id).cloned().map(SkipCause::Upstream));
            if let Some(cause) = cause {
                if let Some(result) = self.worker.skip(&id, index, &cause) {
                    self.record(queue, &id, result);
                }
                queue.mark_done(&id);
                continue;
            }
            let Some(thread) = self.idle.pop() else { break };
            let task = Task { id: id.clone(), index, thread: format!("Thread-{} (worker)", thread + 1) };
            self.running.insert(id);
            if let Some(mailbox) = self.mailboxes.get(thread) {
                let _ = mailbox.send(task);
            }
        }
    }

    fn record(&mut self, queue: &Queue, id: &UniqueId, result: NodeResult) {
        if result.blocks {
            let blame = self.blocked.get(id).cloned().unwrap_or_else(|| id.clone());
            for descendant in queue.descendants(id) {
                self.blocked.entry(descendant).or_insert_with(|| blame.clone());
            }
        }
        self.walk.results.push(result);
    }
}

/// Whether a status makes the exit code 1. Source: dbt (`cli.md` §1).
pub fn is_failure(status: Status) -> bool {
    matches!(status, Status::Error | Status::Fail | Status::RuntimeError | Status::PartialSuccess | Status::Skipped)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        graph::{Dag, Edges},
        manifest::Manifest,
    };

    struct Fake {
        fail: &'static str,
        panic: &'static str,
        log: Mutex<Vec<String>>,
    }

    fn result(id: &UniqueId, status: Status) -> NodeResult {
        let bad = is_failure(status);
        NodeResult { result: RunResult::new(id.as_str(), status), problem: None, blocks: bad, fails: bad }
    }

    impl Worker for Fake {
        fn is_counted(&self, _: &UniqueId) -> bool {
            true
        }

        fn execute(&self, task: &Task) -> Option<NodeResult> {
            assert!(task.id.as_str() != self.panic, "a bug");
            self.log.lock().unwrap().push(task.id.to_string());
            let status = if task.id.as_str() == self.fail { Status::Error } else { Status::Success };
            Some(result(&task.id, status))
        }

        fn crashed(&self, task: &Task) -> Option<NodeResult> {
            self.log.lock().unwrap().push(format!("crashed {}", task.id));
            Some(result(&task.id, Status::Error))
        }

        fn skip(&self, id: &UniqueId, _: usize, cause: &SkipCause) -> Option<NodeResult> {
            let why = match cause {
                SkipCause::Upstream(id) => id.to_string(),
                SkipCause::FailFast => "fail-fast".into(),
                SkipCause::Interrupted => "interrupted".into(),
            };
            self.log.lock().unwrap().push(format!("skip {id}: {why}"));
            Some(result(id, Status::Skipped))
        }

        fn cancel(&self) {}
    }

    fn walked(fail: &'static str, fail_fast: bool) -> Vec<String> {
        walked_with(fail, "", fail_fast)
    }

    fn walked_with(fail: &'static str, panic: &'static str, fail_fast: bool) -> Vec<String> {
        let id = |text: &str| UniqueId::new(text);
        let edges = [("a", vec![]), ("b", vec!["a"]), ("c", vec!["b"]), ("d", vec![]), ("e", vec!["d"])];
        let dag = Dag::from_edges(
            edges.iter().map(|(node, parents)| (id(node), parents.iter().map(|parent| id(parent)).collect())),
        );
        let selected = edges.iter().map(|(node, _)| id(node)).collect();
        let queue = Queue::new(&Manifest::default(), &dag, &selected, Edges::Dependencies);
        let fake = Fake { fail, panic, log: Mutex::new(Vec::new()) };
        walk(queue, WalkOptions { threads: 1, fail_fast }, &fake, messages());
        fake.log.into_inner().unwrap()
    }

    #[test]
    fn what_depends_on_a_failure_is_skipped_and_the_rest_runs() {
        assert_eq!(walked("", false), ["a", "d", "b", "e", "c"]);
        assert_eq!(walked("a", false), ["a", "d", "skip b: a", "e", "skip c: a"]);
    }

    #[test]
    fn a_panic_is_the_error_of_its_node_alone() {
        assert_eq!(walked_with("", "a", false), ["crashed a", "d", "skip b: a", "e", "skip c: a"]);
    }

    #[test]
    fn fail_fast_skips_all_that_is_left() {
        assert_eq!(
            walked("a", true),
            ["a", "skip d: fail-fast", "skip b: fail-fast", "skip e: fail-fast", "skip c: fail-fast"]
        );
    }
}
