//! How contexts behave while running.
