//! Snowflake's protocol as a server of our own speaks it: logins, results in parts, and everything that can go wrong.

mod engine;
mod faults;
mod logins;
mod macros;
mod results;
mod server;
