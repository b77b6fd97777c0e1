//! Packages from git, through the program `git`: one shallow fetch into an empty folder, no hooks, no prompts, no links.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::error::Problem;

/// What was checked out.
#[derive(Debug)]
pub(super) struct Checkout {
    pub folder: PathBuf,
    /// The full id of the commit.
    pub commit: String,
}

/// Checks out `revision` of the repository into the empty `folder`.
///
/// A revision is looked for among tags, then branches, then commits, as dbt does. `root` is where relative paths start.
pub(super) fn checkout(git: &str, revision: Option<&str>, folder: &Path, root: &Path) -> Result<Checkout, Problem> {
    let wrong = |why: String| Problem::Git { package: shown(git), why };
    if git.starts_with('-') || revision.is_some_and(|revision| revision.starts_with('-')) {
        return Err(wrong("an address or a revision cannot begin with `-`".to_owned()));
    }
    let address = address(git, root);
    let run = |args: &[&str]| run(git, folder, args);
    run(&["init", "--quiet"])?;
    let shallow = ["fetch", "--quiet", "--depth", "1", "--no-tags", "--", &address];
    let fetch = |reference: &str| run(&[&shallow[..], &[reference]].concat());
    let found = match revision {
        None => fetch("HEAD"),
        Some(revision) if is_commit(revision) => fetch(revision),
        Some(revision) => fetch(&format!("refs/tags/{revision}")).or_else(|_| fetch(&format!("refs/heads/{revision}"))),
    };
    match (found, revision) {
        (Ok(_), _) => {
            run(&["checkout", "--quiet", "--detach", "FETCH_HEAD"])?;
        }
        (Err(problem @ Problem::NoGit { .. }), _) | (Err(problem), None) => return Err(problem),
        // An abbreviated commit, or a server that gives no single commits: all of it.
        (Err(_), Some(revision)) => {
            let all = ["fetch", "--quiet", "--tags", "--", &address, "+refs/heads/*:refs/remotes/origin/*"];
            run(&all)?;
            let commit = format!("{revision}^{{commit}}");
            if run(&["checkout", "--quiet", "--detach", &commit]).is_err() {
                return Err(wrong(format!("it has no tag, branch or commit `{revision}`")));
            }
        }
    }
    let commit = run(&["rev-parse", "HEAD"])?.trim().to_owned();
    let inner = folder.join(".git");
    std::fs::remove_dir_all(&inner).map_err(|cause| Problem::Write { path: inner, cause })?;
    Ok(Checkout { folder: folder.to_path_buf(), commit })
}

pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the repository is a folder of this machine, for which no socket is opened.
pub(super) fn is_local(git: &str, root: &Path) -> bool {
    git.starts_with("file://") || root.join(git).is_dir()
}

/// The address without a password, for messages.
pub(super) fn shown(git: &str) -> String {
    let Some((scheme, rest)) = git.split_once("://") else { return git.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or(host);
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

fn address(git: &str, root: &Path) -> String {
    let folder = root.join(git);
    if !git.contains("://") && folder.is_dir() { folder.display().to_string() } else { git.to_owned() }
}

fn run(git: &str, folder: &Path, args: &[&str]) -> Result<String, Problem> {
    let settings =
        ["core.hooksPath=/dev/null", "core.symlinks=false", "core.autocrlf=false", "protocol.ext.allow=never"];
    let mut command = Command::new("git");
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.args(args.iter().map(OsStr::new)).current_dir(folder).stdin(Stdio::null());
    // The caller's own repository must not be meant.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Problem::NoGit { package: shown(git) });
        }
        Err(error) => return Err(Problem::Git { package: shown(git), why: error.to_string() }),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).replace(git, &shown(git));
    let why = said.lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    Err(Problem::Git { package: shown(git), why: why.unwrap_or(said.trim()).to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (git, expected) in [
            ("https://user:secret@example.test/a.git", "https://example.test/a.git"),
            ("https://example.test/a.git", "https://example.test/a.git"),
            ("git@example.test:a/b.git", "git@example.test:a/b.git"),
            ("ssh://git@example.test/a.git", "ssh://example.test/a.git"),
            ("https://example.test/a@1.0.tar.gz", "https://example.test/a@1.0.tar.gz"),
            ("file:///a/b", "file:///a/b"),
            ("../a", "../a"),
        ] {
            assert_eq!(shown(git), expected);
        }
    }
}
