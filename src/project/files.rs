//! The resource files of a package: found by their folders, read in parallel, registered in a fixed order.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use crate::{
    diagnostic::{Diagnostic, Origin, SourceFile, SourceId, SourceMap, Span, display_path},
    jinja::Template,
};

use super::{
    Package,
    config::ResourcePaths,
    fs::{EntryKind, FileSystem},
    ignore::IgnoreRules,
    parallel::in_parallel,
    properties::{self, Properties},
    read::read_text,
    yaml,
};

/// A SQL, Python or Markdown file. The text is stripped of white space at both ends, as dbt reads it.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// File stem: `stg_orders`.
    pub name: String,
    /// Relative to the resource folder, forward slashes: `staging/stg_orders.sql`.
    pub path: String,
    /// Relative to the package root, forward slashes: `models/staging/stg_orders.sql`.
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// `sql`, `python`, `javascript` or `markdown`.
    pub language: &'static str,
    /// With line feeds as the only line ends.
    pub text: Arc<str>,
    /// Where `text` is in the file.
    pub origin: Origin,
    pub source: SourceId,
    /// The file, when its line ends are others.
    pub written: Option<Arc<SourceFile>>,
    /// SHA-256 of `text`, in hex.
    pub checksum: String,
    /// The parsed text. `None` for other languages, and when it does not parse, which is reported.
    pub template: Option<Template>,
}

/// A CSV file of a seed. Its rows are read when it is loaded.
#[derive(Debug, Clone)]
pub struct SeedFile {
    pub name: String,
    pub path: String,
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// `sha256` of the text, or `path` for files over 1 MiB.
    pub checksum_kind: &'static str,
    pub checksum: String,
    /// Digests of the text with the line ends of other systems.
    pub other_checksums: Vec<String>,
    pub len: u64,
    /// Kept of seeds whose rows a unit test takes.
    pub text: Option<Arc<str>>,
}

/// A CSV or SQL file with the rows of a unit test.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub path: String,
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    pub text: Arc<str>,
}

/// One properties file.
#[derive(Debug)]
pub struct PropertiesFile {
    /// Relative to the resource folder.
    pub path: String,
    /// Relative to the package root.
    pub original_file_path: String,
    pub absolute_path: PathBuf,
    /// SHA-256 of the stripped text, in hex.
    pub checksum: String,
    pub source: SourceId,
    pub properties: Properties,
}

/// Larger seeds are told apart by their path only, as in dbt.
const MAX_HASHED_SEED: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Macro,
    Model,
    Snapshot,
    Analysis,
    SingularTest,
    GenericTest,
    Seed,
    Doc,
    Properties,
    Fixture,
    Function,
}

/// A file that belongs to a package.
#[derive(Debug)]
pub(super) struct Found {
    /// Position in the list of packages.
    package: usize,
    kind: Kind,
    path: String,
    original: String,
    absolute: PathBuf,
    /// As shown in messages.
    shown: String,
    len: u64,
    /// For embedded files.
    text: Option<&'static str>,
}

/// Finds the files of a package, in dbt's order of kinds, sorted within.
pub(super) fn discover(
    package: usize,
    root: &Path,
    shown_root: &str,
    paths: &ResourcePaths,
    fs: &dyn FileSystem,
) -> Vec<Found> {
    let ignore = fs.read(&root.join(".dbtignore")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let ignore = IgnoreRules::parse(&ignore.unwrap_or_default());
    let under = |paths: &[String], folder: &str| -> Vec<String> {
        paths.iter().map(|path| format!("{path}/{folder}")).collect()
    };
    let plan: [(Kind, Vec<String>, &[&str]); 11] = [
        (Kind::Macro, paths.macros.clone(), &["sql"]),
        (Kind::Model, paths.models.clone(), &["sql", "py"]),
        (Kind::Snapshot, paths.snapshots.clone(), &["sql"]),
        (Kind::Analysis, paths.analyses.clone(), &["sql"]),
        (Kind::SingularTest, paths.tests.clone(), &["sql"]),
        (Kind::GenericTest, under(&paths.tests, "generic"), &["sql"]),
        (Kind::Seed, paths.seeds.clone(), &["csv"]),
        (Kind::Doc, paths.docs.clone(), &["md"]),
        (Kind::Properties, paths.all(), &["yml", "yaml"]),
        (Kind::Fixture, under(&paths.tests, "fixtures"), &["csv", "sql"]),
        (Kind::Function, paths.functions.clone(), &["sql", "py", "js"]),
    ];
    let mut walked: IndexMap<String, Vec<String>> = IndexMap::new();
    let mut found: Vec<Found> = Vec::new();
    for (kind, folders, extensions) in plan {
        // One resource folder may be inside another.
        let mut seen: HashSet<PathBuf> = HashSet::new();
        for extension in extensions {
            for folder in &folders {
                let files = walked.entry(folder.clone()).or_insert_with(|| walk(&root.join(folder), fs));
                for path in files.iter() {
                    let matches = path.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension));
                    if !matches || (kind == Kind::SingularTest && is_special_test(path)) {
                        continue;
                    }
                    let original =
                        if folder.is_empty() || folder == "." { path.clone() } else { format!("{folder}/{path}") };
                    let absolute = root.join(folder).join(path);
                    if ignore.is_ignored(&original) || !seen.insert(absolute.clone()) {
                        continue;
                    }
                    let shown = join_shown(shown_root, &original);
                    let len = if kind == Kind::Seed { fs.metadata(&absolute).map_or(0, |data| data.len) } else { 0 };
                    found.push(Found { package, kind, path: path.clone(), original, absolute, shown, len, text: None });
                }
            }
        }
    }
    found
}

fn is_special_test(path: &str) -> bool {
    path.starts_with("generic/") || path.starts_with("fixtures/")
}

fn join_shown(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}/{path}") }
}

/// The macro files of an embedded package.
pub(super) fn embedded(package: usize, name: &str, files: &'static [(&'static str, &'static str)]) -> Vec<Found> {
    let sql = files.iter().filter(|(path, _)| path.ends_with(".sql"));
    sql.map(|(path, text)| {
        let relative = path.strip_prefix("macros/").unwrap_or(path);
        Found {
            package,
            kind: Kind::Macro,
            path: relative.to_owned(),
            original: format!("macros/{relative}"),
            absolute: PathBuf::from(format!("<{name}>/{path}")),
            shown: format!("<{name}>/{path}"),
            len: 0,
            text: Some(text),
        }
    })
    .collect()
}

/// All files below a folder, relative to it with forward slashes: the files of a folder before its subfolders, sorted.
/// Links to folders are not followed.
fn walk(folder: &Path, fs: &dyn FileSystem) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        let mut folders = Vec::new();
        for entry in fs.read_dir(&folder).unwrap_or_default() {
            let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
            let path = format!("{prefix}{name}");
            match entry.kind {
                EntryKind::File => found.push(path),
                EntryKind::Folder => folders.push((entry.path.clone(), format!("{path}/"))),
                EntryKind::LinkedFolder => {}
            }
        }
        open.extend(folders.into_iter().rev());
    }
    found
}

/// A file that was read, not yet parsed.
enum Loaded {
    Text { checksum: String, text: String },
    Seed { kind: &'static str, checksum: String, others: Vec<String> },
    Failed(Box<Diagnostic>),
}

enum Parsed {
    Text(TextFile),
    Seed(SeedFile),
    Fixture(Fixture),
    Properties(Box<PropertiesFile>),
}

/// Reads and parses the files and puts them into their packages.
pub(super) fn read_into(
    packages: &mut [Package],
    found: Vec<Found>,
    threads: usize,
    (fs, sources): (&dyn FileSystem, &SourceMap),
    out: &mut Vec<Diagnostic>,
) {
    let loaded = in_parallel(found, threads, |file| {
        let loaded = load(&file, fs);
        (file, loaded)
    });
    let mut registered = Vec::new();
    for (file, loaded) in loaded {
        match loaded {
            Loaded::Failed(error) => out.push(*error),
            Loaded::Seed { kind, checksum, others } => {
                registered.push((file, checksum, Some((kind, others)), SourceId(u32::MAX)));
            }
            Loaded::Text { checksum, text } => {
                let source = sources.add(&file.shown, &text);
                registered.push((file, checksum, None, source));
            }
        }
    }
    let parsed = in_parallel(registered, threads, |(file, checksum, seed, source)| {
        let mut diagnostics = Vec::new();
        let (package, kind) = (file.package, file.kind);
        let parsed = match seed {
            Some((checksum_kind, other_checksums)) => Parsed::Seed(SeedFile {
                name: stem(&file.path),
                path: file.path,
                original_file_path: file.original,
                absolute_path: file.absolute,
                checksum_kind,
                checksum,
                other_checksums,
                len: file.len,
                text: None,
            }),
            None => parse(file, checksum, source, sources, &mut diagnostics),
        };
        (package, kind, parsed, diagnostics)
    });
    for (package, kind, parsed, diagnostics) in parsed {
        out.extend(diagnostics);
        if let Some(package) = packages.get_mut(package) {
            put(package, kind, parsed);
        }
    }
    read_tested_seeds(packages, fs, out);
}

/// Keeps the text of seeds that a unit test names as an input without rows.
fn read_tested_seeds(packages: &mut [Package], fs: &dyn FileSystem, out: &mut Vec<Diagnostic>) {
    let tests = packages.iter().flat_map(|package| &package.properties).flat_map(|file| &file.properties.unit_tests);
    let inputs = tests.flat_map(|test| &test.given).filter(|input| input.rows.is_seed());
    let texts: Vec<String> = inputs.map(|input| input.input.text.clone()).collect();
    for seed in packages.iter_mut().flat_map(|package| &mut package.seeds) {
        let quoted = [format!("'{}'", seed.name), format!("\"{}\"", seed.name)];
        if !texts.iter().any(|text| quoted.iter().any(|name| text.contains(name))) {
            continue;
        }
        match read_text(fs, &seed.absolute_path, &seed.original_file_path) {
            Ok(text) => seed.text = Some(text.trim_start_matches('\u{feff}').into()),
            Err(error) => out.push(*error),
        }
    }
}

fn load(file: &Found, fs: &dyn FileSystem) -> Loaded {
    if file.kind == Kind::Seed {
        if file.len > MAX_HASHED_SEED {
            return Loaded::Seed { kind: "path", checksum: file.original.clone(), others: Vec::new() };
        }
        return match fs.read(&file.absolute) {
            Ok(bytes) => {
                let stripped = match std::str::from_utf8(&bytes) {
                    Ok(text) => text.trim().as_bytes(),
                    Err(_) => &bytes,
                };
                Loaded::Seed { kind: "sha256", checksum: sha256(stripped), others: other_line_ends(stripped) }
            }
            Err(error) => Loaded::Failed(Box::new(Diagnostic::error(
                "file-unreadable",
                format!("cannot read `{}`: {error}", file.shown),
            ))),
        };
    }
    let text = match file.text {
        Some(text) => Ok(text.to_owned()),
        None => read_text(fs, &file.absolute, &file.shown),
    };
    match text {
        Ok(text) => Loaded::Text { checksum: sha256(text.trim().as_bytes()), text },
        Err(error) => Loaded::Failed(error),
    }
}

/// Digests of a text with line feeds alone, and with carriage returns before them: what another system's checkout of the
/// same file has.
fn other_line_ends(text: &[u8]) -> Vec<String> {
    if !text.contains(&b'\n') {
        return Vec::new();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut windows = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'\r' if text.get(at + 1) == Some(&b'\n') => {}
            b'\n' => {
                plain.push(b'\n');
                windows.extend(b"\r\n");
            }
            other => {
                plain.push(*other);
                windows.push(*other);
            }
        }
    }
    vec![sha256(&plain), sha256(&windows)]
}

/// The digest in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    out
}

fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

fn parse(file: Found, checksum: String, source: SourceId, sources: &SourceMap, out: &mut Vec<Diagnostic>) -> Parsed {
    let read = sources.get(source);
    let whole = &read.text;
    if file.kind == Kind::Properties {
        // Without the line end of the last line, as dbt reads it: a block text that ends there has none.
        let (yaml, found) = yaml::read(whole.trim_end(), source, 0);
        out.extend(found);
        return Parsed::Properties(Box::new(PropertiesFile {
            properties: yaml.map(|yaml| properties::read(&yaml, &file.shown, out)).unwrap_or_default(),
            path: file.path,
            original_file_path: file.original,
            absolute_path: file.absolute,
            checksum,
            source,
        }));
    }
    let started = whole.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let offset = u32::try_from(whole.len() - started.len()).unwrap_or(u32::MAX);
    let text: Arc<str> = started.trim_end().into();
    if file.kind == Kind::Fixture {
        return Parsed::Fixture(Fixture {
            name: stem(&file.path),
            path: file.path,
            original_file_path: file.original,
            absolute_path: file.absolute,
            text,
        });
    }
    let language = match file.path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("py") => "python",
        Some("js") => "javascript",
        Some("md") => "markdown",
        _ => "sql",
    };
    let origin = Origin::At { source, offset };
    let written = read.has_own_line_ends().then(|| Arc::clone(&read));
    let template = match language {
        "sql" if matches!(file.kind, Kind::Macro | Kind::GenericTest) => {
            Some(Template::parse_library(&text, origin).map(|(template, stray)| {
                out.extend(stray);
                template
            }))
        }
        "sql" => Some(Template::parse(&text, origin)),
        "markdown" => only_docs(&text).map(|docs| Template::parse(&docs, origin)),
        _ => None,
    };
    let template = template.and_then(|template| template.map_err(|errors| out.extend(errors)).ok());
    Parsed::Text(TextFile {
        name: stem(&file.path),
        path: file.path,
        original_file_path: file.original,
        absolute_path: file.absolute,
        language,
        text,
        origin,
        source,
        written,
        checksum,
        template,
    })
}

impl TextFile {
    /// A part of `text` with the file's own line ends, as manifests have it.
    pub fn as_written(&self, span: Span, part: &str) -> String {
        self.written.as_ref().map_or(part, |file| file.written(span)).to_owned()
    }
}

/// A Markdown text of the same length with braces outside of `{% docs %}` blocks blanked: what is written there is no
/// template. `None` when there is no block.
fn only_docs(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut any = false;
    while let Some((before, block)) = find_tag(rest, "docs") {
        any = true;
        out.push_str(&before.replace('{', " "));
        let end = find_tag(block, "enddocs").and_then(|(inside, end)| end.find("%}").map(|at| inside.len() + at + 2));
        let (block, after) = block.split_at_checked(end.unwrap_or(block.len()))?;
        out.push_str(block);
        rest = after;
    }
    out.push_str(&rest.replace('{', " "));
    any.then_some(out)
}

/// Splits before the first `{% name`.
fn find_tag<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    text.match_indices("{%").find_map(|(at, _)| {
        let (before, tag) = text.split_at_checked(at)?;
        let inside = tag.strip_prefix("{%")?.trim_start_matches(['-', '+']).trim_start();
        let after = inside.strip_prefix(name)?;
        after.starts_with(|c: char| c.is_whitespace() || c == '%' || c == '-').then_some((before, tag))
    })
}

fn put(package: &mut Package, kind: Kind, parsed: Parsed) {
    match parsed {
        Parsed::Seed(seed) => package.seeds.push(seed),
        Parsed::Fixture(fixture) => package.fixtures.push(fixture),
        Parsed::Properties(file) => package.properties.push(*file),
        Parsed::Text(file) => {
            let list = match kind {
                Kind::Macro => &mut package.macros,
                Kind::Snapshot => &mut package.snapshots,
                Kind::Analysis => &mut package.analyses,
                Kind::SingularTest => &mut package.singular_tests,
                Kind::GenericTest => &mut package.generic_tests,
                Kind::Doc => &mut package.docs,
                Kind::Function => &mut package.functions,
                Kind::Model | Kind::Seed | Kind::Properties | Kind::Fixture => &mut package.models,
            };
            list.push(file);
        }
    }
}

/// The path of a package as shown in messages: relative to the project root where it is inside.
pub(super) fn shown_path(path: &Path, root: &Path) -> String {
    display_path(path.strip_prefix(root).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_outside_of_docs_blocks_is_no_template() {
        let text = "use {{ like this... }}\n{% docs a %} {{ kept }} {% enddocs %} {% if";
        let masked = only_docs(text).unwrap();
        assert_eq!(masked, "use    like this... }}\n{% docs a %} {{ kept }} {% enddocs %}  % if");
        assert_eq!(masked.len(), text.len());
        assert_eq!(only_docs("{{ a... }}"), None);
    }
}
