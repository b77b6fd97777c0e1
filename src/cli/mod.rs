//! The terminal, the environment and the flags: parses the command line, calls one function per command, turns errors
//! into exit codes. The only module that reads the environment or prints.

pub mod console;
pub mod flags;
