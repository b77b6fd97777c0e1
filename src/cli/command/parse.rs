//! `parse`: reads the whole project and writes manifest.json.

use std::time::Instant;

use crate::cli::{CommandError, invocation::Invocation, prepare::prepare};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let start = Instant::now();
    let prepared = prepare(invocation)?;
    if invocation.flags.flag("write_json") {
        prepared.write_perf_info(start.elapsed().as_secs_f64())?;
    }
    Ok(())
}
