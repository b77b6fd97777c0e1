//! tamis runs dbt projects: one self-contained binary, an embedded lakehouse by default.
//!
//! The modules are the pipeline, in the order in which data flows. A module uses only modules above it.
//!
//! | module | one purpose |
//! |---|---|
//! | [`diagnostic`] | codes, spans, the source map; what is wrong with a project and where |
//! | [`names`] | what things are called: unique ids, relations, quoting |
//! | [`event`] | what happened, as one closed enum |
//! | [`jinja`] | dbt's Jinja: tokens → tree → evaluator with Python values |
//! | [`packages`] | the Jinja macros compiled into the binary |
//! | [`project`] | files on disk → `Project` as written |
//! | [`manifest`] | `Project` evaluated in parse mode → typed nodes |
//! | [`artifacts`] | `manifest.json`, `run_results.json`: versioned wire structs |
//! | [`graph`] | `Manifest` → DAG, selectors, execution order |
//! | [`engine`] | executes SQL; one folder per engine |
//! | [`run`] | walks the graph: compile, materialize, hooks, tests |
//! | [`install`] | fetches the packages that a project asks for |
//! | [`serve`] | the documentation as one page, and a server for it |
//! | [`cli`] | flags → options; one file per command |

#![cfg_attr(test, allow(clippy::string_slice))]

pub mod diagnostic;
pub mod names;

pub mod event;

pub mod jinja;

pub mod packages;

pub mod project;

pub mod manifest;

pub mod artifacts;

pub mod graph;

pub mod engine;

pub mod run;

pub mod install;

pub mod serve;

pub mod cli;

#[doc(hidden)]
pub mod testing;
