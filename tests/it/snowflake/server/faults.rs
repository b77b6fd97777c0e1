//! When the server misbehaves, and how. The same seed gives the same faults for the same requests.

use std::collections::{BTreeMap, HashMap};

use super::http::Request;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection closes before anything was done.
    Lost,
    /// It is done, and the connection closes without an answer.
    Unanswered,
    /// 429 or 503, nothing was done.
    Busy(u16),
    /// It is done, and the answer is 503.
    BusyAfter,
    /// It is done, and half of the answer arrives.
    Truncated,
    Slow,
    /// The session token has expired.
    Expired,
    /// The answer is at an address of its own, later.
    Detached,
    /// All addresses of parts of results have expired.
    ExpiredPart,
}

const OF_STATEMENTS: [Fault; 9] = [
    Fault::Lost,
    Fault::Unanswered,
    Fault::Busy(503),
    Fault::Busy(429),
    Fault::BusyAfter,
    Fault::Truncated,
    Fault::Slow,
    Fault::Expired,
    Fault::Detached,
];
const OF_RESULTS: [Fault; 5] = [Fault::Lost, Fault::Busy(503), Fault::Truncated, Fault::Slow, Fault::Expired];
const OF_PARTS: [Fault; 5] = [Fault::Lost, Fault::Busy(503), Fault::Truncated, Fault::Slow, Fault::ExpiredPart];
const OF_LOGINS: [Fault; 3] = [Fault::Lost, Fault::Busy(503), Fault::Slow];

/// What comes next.
#[derive(Debug, Default)]
pub struct Faults {
    seed: u64,
    /// How many are still to come at random.
    left: usize,
    /// Faults for the next requests of a path, before any random ones.
    planned: HashMap<&'static str, Vec<Fault>>,
    /// How many hit one request so far; a client gives up at some point.
    hits: HashMap<String, usize>,
    pub done: BTreeMap<Fault, usize>,
}

impl Faults {
    pub fn random(seed: u64, count: usize) -> Self {
        Self { seed, left: count, ..Self::default() }
    }

    /// The next requests whose path starts with `path` get these, one each.
    pub fn plan(&mut self, path: &'static str, faults: &[Fault]) {
        self.planned.entry(path).or_default().extend(faults);
    }

    pub fn count(&self) -> usize {
        self.done.values().sum()
    }

    pub fn next(&mut self, request: &Request) -> Option<Fault> {
        let planned =
            self.planned.iter_mut().find(|(path, faults)| request.path.starts_with(**path) && !faults.is_empty());
        if let Some((_, faults)) = planned {
            let fault = faults.remove(0);
            *self.done.entry(fault).or_default() += 1;
            return Some(fault);
        }
        if self.left == 0 {
            return None;
        }
        let kinds: &[Fault] = match request.path.as_str() {
            "/queries/v1/query-request" => &OF_STATEMENTS,
            "/session/v1/login-request" | "/session/token-request" => &OF_LOGINS,
            path if path.starts_with("/queries/") && path.ends_with("/result") => &OF_RESULTS,
            path if path.starts_with("/part/") => &OF_PARTS,
            _ => return None,
        };
        let key = if request.path.starts_with("/part/") { request.path.clone() } else { request.id() };
        let hits = self.hits.entry(key).or_default();
        let random = next(&mut self.seed);
        // Two of three requests are hit, one request at most three times.
        if *hits >= 3 || random.is_multiple_of(3) {
            return None;
        }
        let mut fault = kinds[usize::try_from((random >> 16) % kinds.len() as u64).unwrap()];
        // A client renews a token once per request.
        if fault == Fault::Expired && *hits > 0 {
            fault = Fault::Lost;
        }
        *hits += 1;
        self.left -= 1;
        *self.done.entry(fault).or_default() += 1;
        Some(fault)
    }
}

/// SplitMix64.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
