//! `deps`: packages from a hub and servers on this machine, from git and from folders. No other network.

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use flate2::{Compression, write::GzEncoder};

use super::binary::{Folder, Ran, ran};

/// A server of fixed pages that remembers what was asked for.
struct Server {
    address: String,
    pages: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let pages: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, log) = (Arc::clone(&pages), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = Vec::new();
                let mut buffer = [0_u8; 1024];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
                log.lock().unwrap().push(path.clone());
                let (status, body) = match known.lock().unwrap().get(&path) {
                    Some(body) => ("200 OK", body.clone()),
                    None => ("404 Not Found", Vec::new()),
                };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            }
        });
        Self { address, pages, asked }
    }

    fn serve(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.pages.lock().unwrap().insert(path.to_owned(), body.into());
    }

    /// A package of the hub: its versions with what each asks for, as JSON.
    fn package(&self, package: &str, project: &str, versions: &[(&str, &str)]) {
        let mut entries = Vec::new();
        for (version, asks) in versions {
            let tarball = format!("/tar/{project}/{version}");
            let macros = format!("{{% macro version() %}}'{version}'{{% endmacro %}}");
            let root = format!("{project}-{version}");
            let files = [
                (format!("{root}/dbt_project.yml"), format!("name: {project}\nversion: {version}\n")),
                (format!("{root}/macros/version.sql"), macros),
            ];
            self.serve(&tarball, archive(&files));
            let url = format!("{}{tarball}", self.address);
            entries.push(format!(
                r#""{version}": {{"name": "{project}", "version": "{version}", "packages": {asks}, "require_dbt_version": [], "downloads": {{"tarball": "{url}", "format": "tgz", "sha1": "x"}}}}"#
            ));
        }
        let (namespace, name) = package.split_once('/').unwrap();
        let page =
            format!(r#"{{"name": "{name}", "namespace": "{namespace}", "versions": {{{}}}}}"#, entries.join(","));
        self.serve(&format!("/api/v1/{package}.json"), page);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn archive(files: &[(String, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// Runs a command with the hub at `hub`, without the caller's proxies and git settings.
#[track_caller]
fn deps(folder: &Folder, hub: &str, status: i32, args: &[&str]) -> Ran {
    let mut command = folder.command(args);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name);
    }
    let ran = ran(command.env("DBT_PACKAGE_HUB_URL", hub).output().unwrap());
    assert_eq!(ran.status, status, "{args:?}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.test", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// No hub: whoever asks it fails.
const NO_HUB: &str = "http://127.0.0.1:1";

#[test]
fn packages_of_the_hub_are_installed_with_what_they_ask_for_and_locked() {
    let server = Server::start();
    server.package("acme/base", "base", &[("1.0.0", "[]"), ("1.2.0", "[]"), ("2.0.0", "[]")]);
    server.package(
        "acme/tools",
        "tools",
        &[("0.9.0", "[]"), ("1.1.0", r#"[{"package": "acme/base", "version": [">=1.0.0", "<2.0.0"]}]"#)],
    );
    let folder = Folder::new(&[
        ("packages.yml", "packages:\n  - package: acme/tools\n    version: \">=0.9.0\"\n"),
        ("models/m.sql", "select {{ tools.version() }} as tools, {{ base.version() }} as base"),
    ]);
    let missing = folder.expect(2, &["build"]);
    assert!(missing.stdout.contains("packages-not-installed"), "{}", missing.stdout);
    let ran = deps(&folder, &server.address, 0, &["deps"]);
    for line in [
        "Installing acme/tools",
        "Installed from version 1.1.0",
        "Installed from version 1.2.0",
        "Updated version available: 2.0.0",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    let lock = fs::read_to_string(folder.path("package-lock.yml")).unwrap();
    let entries = "packages:\n  - name: tools\n    package: acme/tools\n    version: 1.1.0\n  - name: base\n    package: acme/base\n    version: 1.2.0\nsha1_hash: ";
    assert!(lock.starts_with(entries), "{lock}");
    folder.expect(0, &["build"]);
    assert_eq!(folder.rows("select * from {{ ref('m') }}"), [r#"{"tools":"1.1.0","base":"1.2.0"}"#]);

    // A newer version comes with --upgrade only.
    server.package("acme/tools", "tools", &[("1.1.0", "[]"), ("1.5.0", "[]")]);
    deps(&folder, &server.address, 0, &["deps"]);
    assert_eq!(fs::read_to_string(folder.path("package-lock.yml")).unwrap(), lock);
    deps(&folder, &server.address, 0, &["deps", "--upgrade", "--lock"]);
    assert!(folder.path("dbt_packages/base").is_dir(), "--lock installs and removes nothing");
    let lock = fs::read_to_string(folder.path("package-lock.yml")).unwrap();
    assert!(lock.contains("version: 1.5.0") && !lock.contains("base"), "{lock}");
    deps(&folder, &server.address, 0, &["deps"]);
    assert!(!folder.path("dbt_packages/base").exists(), "what is no longer asked for is gone");

    // Offline, what is there is enough, and nobody is asked.
    server.asked();
    deps(&folder, &server.address, 0, &["deps", "--offline"]);
    assert_eq!(server.asked(), Vec::<String>::new());
    fs::remove_dir_all(folder.path("dbt_packages")).unwrap();
    let ran = deps(&folder, &server.address, 2, &["deps", "--offline"]);
    assert!(ran.stdout.contains("package-offline"), "{}", ran.stdout);
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[test]
fn the_hash_of_the_lock_file_is_dbts() {
    // The hashes are of dbt 1.11, for the same files.
    for (packages, expected) in [
        ("  - package: dbt-labs/dbt_utils\n    version: 1.3.3\n", "5ffdb7983bbd653b524c5344daf6cb5fd9eaf293"),
        (
            "  - package: godatadriven/dbt_date\n    version: [\">=0.9.0\", \"<1.0.0\"]\n    install_prerelease: true\n",
            "d6a03acd92f33f9c37399de22c8c63252175ad16",
        ),
        (
            "  - git: \"https://github.com/dbt-labs/dbt-audit-helper.git\"\n    revision: main\n",
            "4b96989463af07a306a27c0fb2c989b3396457af",
        ),
        (
            "  - git: https://x/y.git\n    revision: 1.0\n    warn-unpinned: false\n    subdirectory: sub\n    name: foo\n",
            "fb27318494c48bf13e5dfe35607c210b1a1f8879",
        ),
        ("  - local: ../\n", "de2deba3d66ce03d8c02949013650cc9b94f6030"),
        ("  - local: ../b\n    name: b\n", "4e91e4dab82484e751110e4a0cdc8477dc4b6c65"),
        ("  - tarball: https://x/y.tar.gz\n    name: tb\n", "55ebdd2caf48e2c56fc42887bf134baae6a19d5e"),
        ("  - package: a/b\n    version: 0.5\n", "13aee822a74c4ec131ba3a2e151248cb215e7fce"),
        (
            "  - package: é/b\n    version: [1.0, \">=2.0.0\"]\n    name: null\n",
            "1a74bb9a639d944d842199aba7cdda12bd8d5f86",
        ),
    ] {
        let folder = Folder::new(&[("packages.yml", &format!("packages:\n{packages}"))]);
        // A lock file with this hash is followed: its one package comes from a folder.
        let lock = format!("packages:\n  - local: own\n    name: own\nsha1_hash: {expected}\n");
        folder.write("package-lock.yml", &lock);
        folder.write("own/dbt_project.yml", "name: own\n");
        deps(&folder, NO_HUB, 0, &["deps"]);
        assert_eq!(fs::read_to_string(folder.path("package-lock.yml")).unwrap(), lock, "{packages}");
        assert!(folder.path("dbt_packages/own/dbt_project.yml").is_file(), "{packages}");
    }
}

#[test]
fn packages_of_git_and_of_folders_need_no_hub() {
    let outside = tempfile::tempdir().unwrap();
    let repository = outside.path().join("repository");
    fs::create_dir_all(repository.join("inner/macros")).unwrap();
    let write = |path: &str, text: &str| fs::write(repository.join(path), text).unwrap();
    git(&repository, &["init", "--quiet"]);
    write("inner/dbt_project.yml", "name: inner\n");
    write("inner/macros/m.sql", "{% macro one() %}1{% endmacro %}");
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "--quiet", "-m", "one"]);
    git(&repository, &["tag", "v1"]);
    let first = git(&repository, &["rev-parse", "HEAD"]);
    write("inner/macros/m.sql", "{% macro one() %}2{% endmacro %}");
    git(&repository, &["commit", "--quiet", "-am", "two"]);
    let second = git(&repository, &["rev-parse", "HEAD"]);

    let address = format!("file://{}", repository.display());
    for (revision, commit, expected) in [
        ("revision: v1", &first, "1"),
        ("revision: main\n    warn-unpinned: false", &second, "2"),
        (&format!("revision: {first}"), &first, "1"),
        (&format!("revision: {}", &first[..9]), &first, "1"),
    ] {
        let packages =
            format!("packages:\n  - git: {address}\n    subdirectory: inner\n    {revision}\n  - local: near\n");
        let folder = Folder::new(&[
            ("packages.yml", &packages),
            ("near/dbt_project.yml", "name: near\n"),
            ("near/macros/n.sql", "{% macro two() %}20{% endmacro %}"),
            ("models/m.sql", "select {{ inner.one() }} + {{ near.two() }} as n"),
        ]);
        deps(&folder, NO_HUB, 0, &["deps", "--offline"]);
        let lock = fs::read_to_string(folder.path("package-lock.yml")).unwrap();
        let entry = format!("  - git: {address}\n    name: inner\n    revision: {commit}\n    subdirectory: inner\n");
        assert!(lock.contains(&entry) && lock.contains("  - local: near\n    name: near\n"), "{lock}");
        assert!(!folder.path("dbt_packages/inner/.git").exists());
        folder.expect(0, &["build"]);
        assert_eq!(folder.rows("select n from {{ ref('m') }}"), [format!(r#"{{"n":2{expected}}}"#)]);
    }
    let unpinned =
        Folder::new(&[("packages.yml", &format!("packages:\n  - git: {address}\n    subdirectory: inner\n"))]);
    let ran = deps(&unpinned, NO_HUB, 0, &["deps"]);
    assert!(ran.stdout.contains("is not pinned"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_installed_is_said_at_the_entry_and_what_was_there_stays() {
    let server = Server::start();
    server.package("acme/tools", "tools", &[("1.0.0", "[]"), ("2.0.0", "[]")]);
    server.package("acme/shop", "shop", &[("1.0.0", "[]")]);
    server.package("acme/needy", "needy", &[("1.0.0", r#"[{"package": "acme/tools", "version": "1.0.0"}]"#)]);
    server.package("acme/gone", "gone", &[("1.0.0", "[]")]);
    server.pages.lock().unwrap().remove("/tar/gone/1.0.0");
    server.serve("/api/v1/acme/odd.json", "<html>");
    server.serve("/not.tar.gz", "no archive");
    server
        .serve("/evil.tar.gz", archive(&[("a/dbt_project.yml".into(), "name: a".into()), ("b/x".into(), "x".into())]));
    let url = &server.address;
    for (packages, code, words) in [
        ("- package: acme/none\n    version: 1.0.0", "package-not-found", "`acme/none` is not on the package hub"),
        ("- package: ../../etc\n    version: 1.0.0", "package-not-found", "is not on the package hub"),
        ("- package: acme/tools\n    version: 3.0.0", "package-version", "there are 2.0.0, 1.0.0"),
        ("- package: acme/tools\n    version: latest", "package-version", "`latest` is not a version"),
        (
            "- package: acme/needy\n    version: 1.0.0\n  - package: acme/tools\n    version: 2.0.0",
            "package-version",
            "no version of `acme/tools` satisfies 2.0.0, 1.0.0",
        ),
        ("- package: acme/shop\n    version: 1.0.0", "package-twice", "has the name of this project"),
        ("- package: acme/gone\n    version: 1.0.0", "package-download", "the server has no such file"),
        ("- package: acme/odd\n    version: 1.0.0", "package-download", "did not answer as the package hub does"),
        (&format!("- tarball: {url}/not.tar.gz\n    name: a"), "package-archive", "it cannot be read"),
        (&format!("- tarball: {url}/evil.tar.gz\n    name: a"), "package-archive", "exactly one folder at its top"),
        ("- tarball: /etc/a.tar.gz\n    name: a", "package-download", "must begin with https://"),
        ("- git: ../nowhere", "package-git", "git could not fetch ../nowhere"),
        ("- git: --upload-pack=touch", "package-git", "cannot begin with `-`"),
        ("- private: acme/secret", "private-package", "needs dbt's platform"),
        ("- local: nowhere", "package-not-found", "`nowhere` was not found"),
    ] {
        let folder = Folder::new(&[
            ("packages.yml", &format!("packages:\n  {packages}\n")),
            ("dbt_packages/old/dbt_project.yml", "name: old\n"),
        ]);
        let ran = deps(&folder, url, 2, &["deps"]);
        let text = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(code) && text.contains(words), "{packages}\n{}", ran.stdout);
        assert!(ran.stdout.contains("packages.yml:"), "{packages}: the place is missing\n{}", ran.stdout);
        assert!(folder.path("dbt_packages/old/dbt_project.yml").is_file(), "{packages}: the old package is gone");
        let left: Vec<_> = fs::read_dir(folder.path("dbt_packages")).unwrap().collect();
        assert_eq!(left.len(), 1, "{packages}: something was left behind");
    }
}

#[test]
fn a_package_is_added_to_packages_yml_with_the_comments_kept() {
    let server = Server::start();
    server.package("acme/tools", "tools", &[("1.0.0", "[]"), ("1.4.0", "[]")]);
    let folder = Folder::new(&[
        ("packages.yml", "# ours\npackages:\n  - local: near # folder\n"),
        ("near/dbt_project.yml", "name: near\n"),
    ]);
    deps(&folder, &server.address, 0, &["deps", "--add-package", "acme/tools@>=1.0.0,<2.0.0"]);
    assert_eq!(
        fs::read_to_string(folder.path("packages.yml")).unwrap(),
        "# ours\npackages:\n  - local: near # folder\n  - package: acme/tools\n    version: [\">=1.0.0\", \"<2.0.0\"]\n"
    );
    assert!(folder.path("dbt_packages/tools/dbt_project.yml").is_file());
    assert!(folder.path("dbt_packages/near/dbt_project.yml").is_file());
    deps(&folder, &server.address, 0, &["deps", "--add-package", "acme/tools@1.0.0"]);
    let text = fs::read_to_string(folder.path("packages.yml")).unwrap();
    assert!(
        text.ends_with("  - package: acme/tools\n    version: \"1.0.0\"\n") && text.matches("acme").count() == 1,
        "{text}"
    );
    let ran = deps(&folder, &server.address, 2, &["deps", "--add-package", "acme/tools"]);
    assert!(ran.stdout.contains("needs a name and a version"), "{}", ran.stdout);
}
