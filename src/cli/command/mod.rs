//! One file per command; each reads its flags and calls one function of the library.

mod clean;
mod clone;
mod compile;
mod debug;
mod deps;
mod docs;
mod execute;
mod init;
mod ls;
mod parse;
mod retry;
mod run_operation;
mod show;
mod source;

use super::{CommandError, invocation::Invocation};

/// Carries out the command of the invocation.
pub fn dispatch(invocation: &mut Invocation) -> Result<(), CommandError> {
    match invocation.flags.command.name {
        "build" | "run" | "test" | "seed" | "snapshot" | "clone" => execute::run(invocation),
        "compile" => compile::run(invocation),
        "show" => show::run(invocation),
        "run-operation" => run_operation::run(invocation),
        "docs" => docs::run(invocation),
        "source" => source::run(invocation),
        "retry" => retry::run(invocation),
        "deps" => deps::run(invocation),
        "clean" => clean::run(invocation),
        "debug" => debug::run(invocation),
        "ls" => ls::run(invocation),
        "parse" => parse::run(invocation),
        "init" => init::run(invocation),
        other => Err(CommandError::NotSupported(format!("`tamis {other}`"))),
    }
}
