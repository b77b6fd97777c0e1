//! The dialect `snowflake` of the engine.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "no session asks for the dialect yet"))]
pub(super) mod sql;
