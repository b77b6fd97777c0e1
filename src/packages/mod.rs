//! The Jinja packages compiled into the binary: dbt's built-in macros, written for tamis, and one package per engine.
//! Plain text; knows no parser and no project.

/// A file of a package: its path in the package, forward slashes, and its text.
pub type EmbeddedFile = (&'static str, &'static str);

/// The package `dbt`: what is the same on every engine.
pub const DBT: &[EmbeddedFile] = &[
    ("dbt_project.yml", include_str!("dbt/dbt_project.yml")),
    ("macros/core/config.sql", include_str!("dbt/macros/core/config.sql")),
    ("macros/core/dates.sql", include_str!("dbt/macros/core/dates.sql")),
    ("macros/core/hooks.sql", include_str!("dbt/macros/core/hooks.sql")),
    ("macros/core/names.sql", include_str!("dbt/macros/core/names.sql")),
    ("macros/core/statement.sql", include_str!("dbt/macros/core/statement.sql")),
    ("macros/cross_database/aggregates.sql", include_str!("dbt/macros/cross_database/aggregates.sql")),
    ("macros/cross_database/arrays.sql", include_str!("dbt/macros/cross_database/arrays.sql")),
    ("macros/cross_database/casts.sql", include_str!("dbt/macros/cross_database/casts.sql")),
    ("macros/cross_database/dates.sql", include_str!("dbt/macros/cross_database/dates.sql")),
    ("macros/cross_database/sets.sql", include_str!("dbt/macros/cross_database/sets.sql")),
    ("macros/cross_database/strings.sql", include_str!("dbt/macros/cross_database/strings.sql")),
    ("macros/cross_database/timestamps.sql", include_str!("dbt/macros/cross_database/timestamps.sql")),
    ("macros/cross_database/types.sql", include_str!("dbt/macros/cross_database/types.sql")),
    ("macros/materializations/clone.sql", include_str!("dbt/macros/materializations/clone.sql")),
    ("macros/materializations/function.sql", include_str!("dbt/macros/materializations/function.sql")),
    ("macros/materializations/incremental.sql", include_str!("dbt/macros/materializations/incremental.sql")),
    (
        "macros/materializations/incremental_strategies.sql",
        include_str!("dbt/macros/materializations/incremental_strategies.sql"),
    ),
    (
        "macros/materializations/latest_version_pointer.sql",
        include_str!("dbt/macros/materializations/latest_version_pointer.sql"),
    ),
    ("macros/materializations/merge.sql", include_str!("dbt/macros/materializations/merge.sql")),
    ("macros/materializations/not_yet.sql", include_str!("dbt/macros/materializations/not_yet.sql")),
    ("macros/materializations/on_schema_change.sql", include_str!("dbt/macros/materializations/on_schema_change.sql")),
    ("macros/materializations/table.sql", include_str!("dbt/macros/materializations/table.sql")),
    ("macros/materializations/view.sql", include_str!("dbt/macros/materializations/view.sql")),
    ("macros/relations/columns.sql", include_str!("dbt/macros/relations/columns.sql")),
    ("macros/relations/contract.sql", include_str!("dbt/macros/relations/contract.sql")),
    ("macros/relations/create.sql", include_str!("dbt/macros/relations/create.sql")),
    ("macros/relations/docs_and_grants.sql", include_str!("dbt/macros/relations/docs_and_grants.sql")),
    ("macros/relations/drop.sql", include_str!("dbt/macros/relations/drop.sql")),
    ("macros/relations/indexes.sql", include_str!("dbt/macros/relations/indexes.sql")),
    ("macros/relations/materialized_view.sql", include_str!("dbt/macros/relations/materialized_view.sql")),
    ("macros/relations/names.sql", include_str!("dbt/macros/relations/names.sql")),
    ("macros/relations/rename.sql", include_str!("dbt/macros/relations/rename.sql")),
    ("macros/relations/replace.sql", include_str!("dbt/macros/relations/replace.sql")),
    ("macros/relations/schema.sql", include_str!("dbt/macros/relations/schema.sql")),
    ("macros/relations/show.sql", include_str!("dbt/macros/relations/show.sql")),
    ("macros/seeds/load.sql", include_str!("dbt/macros/seeds/load.sql")),
    ("macros/seeds/seed.sql", include_str!("dbt/macros/seeds/seed.sql")),
    ("macros/snapshots/snapshot.sql", include_str!("dbt/macros/snapshots/snapshot.sql")),
    ("macros/snapshots/staging.sql", include_str!("dbt/macros/snapshots/staging.sql")),
    ("macros/snapshots/strategies.sql", include_str!("dbt/macros/snapshots/strategies.sql")),
    ("macros/tests/freshness.sql", include_str!("dbt/macros/tests/freshness.sql")),
    ("macros/tests/generic.sql", include_str!("dbt/macros/tests/generic.sql")),
    ("macros/tests/test.sql", include_str!("dbt/macros/tests/test.sql")),
    ("macros/tests/unit.sql", include_str!("dbt/macros/tests/unit.sql")),
];

/// The package `dbt_datafusion`: what the embedded engine does its own way.
pub const DBT_DATAFUSION: &[EmbeddedFile] = &[
    ("dbt_project.yml", include_str!("dbt_datafusion/dbt_project.yml")),
    ("macros/cross_database.sql", include_str!("dbt_datafusion/macros/cross_database.sql")),
    ("macros/docs_and_grants.sql", include_str!("dbt_datafusion/macros/docs_and_grants.sql")),
    ("macros/external.sql", include_str!("dbt_datafusion/macros/external.sql")),
    ("macros/incremental.sql", include_str!("dbt_datafusion/macros/incremental.sql")),
    ("macros/materializations.sql", include_str!("dbt_datafusion/macros/materializations.sql")),
    ("macros/materialized_view.sql", include_str!("dbt_datafusion/macros/materialized_view.sql")),
    ("macros/relations.sql", include_str!("dbt_datafusion/macros/relations.sql")),
    ("macros/seeds.sql", include_str!("dbt_datafusion/macros/seeds.sql")),
    ("macros/snapshots.sql", include_str!("dbt_datafusion/macros/snapshots.sql")),
    ("macros/unit.sql", include_str!("dbt_datafusion/macros/unit.sql")),
];

/// The package `dbt_snowflake`: what Snowflake does its own way.
pub const DBT_SNOWFLAKE: &[EmbeddedFile] = &[
    ("dbt_project.yml", include_str!("dbt_snowflake/dbt_project.yml")),
    ("macros/create.sql", include_str!("dbt_snowflake/macros/create.sql")),
    ("macros/cross_database.sql", include_str!("dbt_snowflake/macros/cross_database.sql")),
    ("macros/docs_and_grants.sql", include_str!("dbt_snowflake/macros/docs_and_grants.sql")),
    ("macros/dynamic_table.sql", include_str!("dbt_snowflake/macros/dynamic_table.sql")),
    ("macros/functions.sql", include_str!("dbt_snowflake/macros/functions.sql")),
    ("macros/incremental.sql", include_str!("dbt_snowflake/macros/incremental.sql")),
    ("macros/materializations.sql", include_str!("dbt_snowflake/macros/materializations.sql")),
    ("macros/metadata.sql", include_str!("dbt_snowflake/macros/metadata.sql")),
    ("macros/relations.sql", include_str!("dbt_snowflake/macros/relations.sql")),
    ("macros/session.sql", include_str!("dbt_snowflake/macros/session.sql")),
];

/// All packages by name.
pub const ALL: &[(&str, &[EmbeddedFile])] =
    &[("dbt", DBT), ("dbt_datafusion", DBT_DATAFUSION), ("dbt_snowflake", DBT_SNOWFLAKE)];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn files_under(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files_under(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_file_of_a_package_is_in_the_binary() {
        for (name, files) in ALL {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/packages").join(name);
            let mut on_disk = BTreeSet::new();
            files_under(&root, &root, &mut on_disk);
            let embedded: BTreeSet<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(embedded, on_disk, "package {name}");
        }
    }
}
