//! All integration tests in one binary, so that the engine is linked once.

mod tidy;
