//! The binary: hands the command line to the library and returns its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    tamis::cli::run(&args)
}
