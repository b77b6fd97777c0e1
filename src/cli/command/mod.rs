//! One file per command; each reads its flags and calls one function of the library.

mod clean;
mod debug;
mod init;
mod ls;
mod parse;

use super::{CommandError, invocation::Invocation};

/// Carries out the command of the invocation.
pub fn dispatch(invocation: &mut Invocation) -> Result<(), CommandError> {
    let command = invocation.flags.command;
    if !command.supported {
        return Err(CommandError::NotSupported(format!("`tamis {}`", command.name)));
    }
    match command.name {
        "clean" => clean::run(invocation),
        "debug" => debug::run(invocation),
        "ls" => ls::run(invocation),
        "parse" => parse::run(invocation),
        "init" => init::run(invocation),
        other => Err(CommandError::NotSupported(format!("`tamis {other}`"))),
    }
}
