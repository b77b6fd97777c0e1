//! `debug`: says what was found and where, what is wrong with it, and whether the warehouse answers.

use crate::cli::{CommandError, invocation::Invocation};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let _ = invocation;
    Err(CommandError::NotSupported("`tamis debug`".into()))
}
