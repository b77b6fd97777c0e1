//! The live area under the lines of a terminal: what runs now, for how long, how far. Draws on standard error, only when
//! both streams are a terminal, and steps aside while a line is printed.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{event::Event, names::UniqueId};

/// How many running nodes are shown; the rest is a number.
const SHOWN: usize = 8;

/// The live area.
#[derive(Debug)]
pub struct Progress {
    multi: MultiProgress,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    total: Option<ProgressBar>,
    done: u64,
    rows: BTreeMap<UniqueId, (u64, u64)>,
    running: BTreeMap<UniqueId, ProgressBar>,
    started: Option<Instant>,
}

impl Progress {
    pub fn new() -> Self {
        Self { multi: MultiProgress::new(), state: Mutex::new(State::default()) }
    }

    /// Runs `print` while the area is hidden.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.multi.suspend(print)
    }

    pub fn observe(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::NodeStarted { node, total, .. } => {
                state.started.get_or_insert_with(Instant::now);
                if state.total.is_none() {
                    let bar = self.multi.add(ProgressBar::new(*total as u64));
                    bar.set_style(style("{wide_bar:.green/dim} {pos}/{len} done, {elapsed} {msg}"));
                    bar.enable_steady_tick(Duration::from_millis(250));
                    state.total = Some(bar);
                }
                if state.running.len() < SHOWN {
                    let bar = self.multi.insert(state.running.len(), ProgressBar::new_spinner());
                    bar.set_style(style("{spinner} {wide_msg} {elapsed:>4}"));
                    bar.set_message(node.name.clone());
                    bar.enable_steady_tick(Duration::from_millis(250));
                    state.running.insert(node.unique_id.clone(), bar);
                }
            }
            Event::Progress { node, rows, bytes } => {
                state.rows.insert(node.clone(), (*rows, *bytes));
                let (rows, bytes) = state.rows.values().fold((0, 0), |sum, value| (sum.0 + value.0, sum.1 + value.1));
                if let Some(bar) = &state.total {
                    bar.set_message(format!("{} rows, {}", grouped(rows), indicatif::HumanBytes(bytes)));
                }
            }
            Event::NodeFinished { node, .. } | Event::NodeSkipped { node, .. } => {
                state.done += 1;
                if let Some(bar) = state.running.remove(&node.unique_id) {
                    bar.finish_and_clear();
                    self.multi.remove(&bar);
                }
                if let Some(bar) = &state.total {
                    bar.set_position(state.done);
                }
            }
            Event::Finished { .. } | Event::Summary { .. } | Event::CommandCompleted { .. } => {
                for (_, bar) in std::mem::take(&mut state.running) {
                    bar.finish_and_clear();
                }
                if let Some(bar) = state.total.take() {
                    bar.finish_and_clear();
                }
                let _ = self.multi.clear();
                state.done = 0;
            }
            _ => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A number with thin groups: `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
