//! Runs the program as a user would: a folder, a command line, an exit status, what it printed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A project in a temporary folder.
pub struct Folder {
    pub root: tempfile::TempDir,
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

const PROJECT: &str = "name: shop\nprofile: shop\n";
const PROFILE: &str =
    "shop:\n  target: dev\n  outputs:\n    dev: {type: datafusion, path: warehouse, schema: main, threads: 2}\n";

impl Folder {
    /// A project of these files; `dbt_project.yml` and `profiles.yml` are added where they are missing.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self::empty();
        for (path, text) in [("dbt_project.yml", PROJECT), ("profiles.yml", PROFILE)] {
            folder.write(path, text);
        }
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    pub fn empty() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        command(self.root.path(), args)
    }

    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    /// Runs and checks the exit status.
    #[track_caller]
    pub fn expect(&self, status: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.status, status, "{args:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// The rows of a query, one line of JSON each.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let ran =
            self.expect(0, &["-q", "show", "--no-write-json", "--inline", sql, "--limit", "-1", "--output", "json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        json["show"].as_array().unwrap().iter().map(ToString::to_string).collect()
    }
}

/// The program in a folder, without the caller's settings. `TAMIS` names another build of it to test.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let program = std::env::var_os("TAMIS").unwrap_or_else(|| env!("CARGO_BIN_EXE_tamis").into());
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DBT_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", folder);
    command
}

pub fn ran(output: Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { status: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}
