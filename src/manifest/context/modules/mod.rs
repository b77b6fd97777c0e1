//! `modules`: the parts of Python's library that templates may use.

use crate::jinja::Value;

use super::arguments::dict;

/// The value of `modules`.
pub(crate) fn modules() -> Value {
    dict([])
}
