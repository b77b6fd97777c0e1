//! What users get wrong, and what goes wrong around the program: each gives a clear error, and nothing is lost.

mod crash;
mod data_errors;
mod project_errors;
mod sql_errors;
mod template_errors;

use super::binary::{Folder, Ran};

impl Ran {
    /// The output without its clock, as a reader goes through it.
    pub fn text(&self) -> String {
        let all = format!("{}{}", self.stdout, self.stderr);
        let lines = all.lines().map(|line| match line.split_once("  ") {
            Some((clock, rest)) if clock.len() == 8 && clock.contains(':') => rest,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Checks that the output has all of these pieces, in this order.
    #[track_caller]
    pub fn shows(&self, pieces: &[&str]) {
        let text = self.text();
        let mut rest = text.as_str();
        for piece in pieces {
            let Some((_, after)) = rest.split_once(piece) else {
                panic!("`{piece}` is missing (or out of order) in\n{text}")
            };
            rest = after;
        }
        assert!(!text.contains("panicked"), "{text}");
    }
}

/// A project with one good table of one row, `kept`, that was built before the bad input came.
fn with_old_table(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&[("models/kept.sql", "{{ config(materialized='table') }} select 1 as id")]);
    folder.expect(0, &["-q", "run"]);
    for (path, text) in files {
        folder.write(path, text);
    }
    folder
}

/// Checks that the table of [`with_old_table`] is what it was.
#[track_caller]
fn old_table_is_kept(folder: &Folder) {
    assert_eq!(folder.rows("select id from {{ ref('kept') }}"), [r#"{"id":1}"#]);
}
