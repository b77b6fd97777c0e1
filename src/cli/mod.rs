//! The terminal, the environment and the flags: parses the command line, calls one function per command, turns errors
//! into exit codes. The only module that reads the environment or prints.

pub(crate) mod adapters;
mod command;
pub mod console;
mod environment;
mod error;
mod event_time;
pub mod flags;
mod invocation;
mod prepare;
mod state;
mod warehouse;
mod warnings;

use std::{ffi::OsString, io::Write, process::ExitCode, time::Instant};

pub use error::CommandError;
use invocation::Invocation;

/// Runs the program: `args` with the program's name first.
pub fn run(args: &[OsString]) -> ExitCode {
    mute_caught_panics();
    let flags = match flags::parse(args, &|name| std::env::var(name).ok()) {
        Ok(flags) => flags,
        Err(usage) => {
            let text = usage.text.as_bytes();
            // A closed pipe is not an error.
            let _ =
                if usage.status == 0 { std::io::stdout().write_all(text) } else { std::io::stderr().write_all(text) };
            return ExitCode::from(usage.status);
        }
    };
    let started = Instant::now();
    let mut invocation = Invocation::new(flags);
    let result = command::dispatch(&mut invocation);
    ExitCode::from(invocation.finish(result, started.elapsed()))
}

/// An upload that fails at its end is aborted with a panic that the Delta library itself catches; the error is reported
/// as an error, and the panic would only be noise.
fn mute_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some("Already shut down") {
            usual(panic);
        }
    }));
}
