//! `profiles.yml`: which profile and output are used, and what is in it.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::{
    diagnostic::{Diagnostic, SourceId, SourceMap, Span, display_path, nearest},
    jinja::Value,
};

use super::{
    fs::FileSystem,
    options::{AdapterSpec, LoadOptions},
    read::{Reader, key_name, read_yaml, scalar_text},
    render::{BaseContext, render_secret},
    yaml::{Data, Entry, Map, Yaml},
};

/// The chosen output of the chosen profile, rendered.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    pub target_name: String,
    pub threads: usize,
    /// What the project sees: the `dialect`, where there is one, else the `type`.
    pub adapter_type: String,
    /// The `type`: which engine runs.
    pub engine: String,
    /// Adapter types whose dispatched macros serve where there is none of `adapter_type`.
    pub parents: &'static [&'static str],
    /// Whether names of relations are quoted where no `quoting:` says otherwise.
    pub quoted: bool,
    /// Whether sources may be files: `external_location`.
    pub reads_files: bool,
    /// Whether the query comment stands behind the statement where nobody says otherwise.
    pub comment_behind: bool,
    /// Whether each exact number is a NUMBER, and text without a length is as long as can be.
    pub wide_types: bool,
    /// `None` when the adapter gives it no default and the profile does not say.
    pub database: Option<String>,
    pub schema: String,
    /// Every key of the output, rendered, aliases resolved; without `type` and `threads`.
    pub settings: IndexMap<String, Value>,
    /// Where each setting is written: its key.
    pub spans: IndexMap<String, Span>,
    /// Keys of `settings` that templates must not see.
    pub secret_keys: Vec<String>,
    /// Folder of `profiles.yml`; absolute.
    pub folder: PathBuf,
    pub source: SourceId,
    /// The chosen output's key.
    pub span: Span,
}

impl Profile {
    /// A setting as text; `None` when absent, none or not a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Value::as_str)
    }
}

impl Profile {
    /// The `target` of templates: what is in the output without secrets, and the names.
    pub fn target(&self) -> Value {
        let mut names: IndexMap<String, Value> = self
            .settings
            .iter()
            .filter(|(key, _)| !self.secret_keys.contains(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        names.insert("database".into(), self.database.clone().into());
        names.insert("schema".into(), self.schema.as_str().into());
        names.insert("type".into(), self.adapter_type.as_str().into());
        names.insert("threads".into(), i64::try_from(self.threads).unwrap_or(i64::MAX).into());
        names.insert("name".into(), self.target_name.as_str().into());
        names.insert("target_name".into(), self.target_name.as_str().into());
        names.insert("profile_name".into(), self.name.as_str().into());
        Value::dict(names)
    }
}

/// What `profiles.yml` gives: the profile, and the legacy `config:`.
#[derive(Default)]
pub(super) struct Found {
    pub profile: Option<Profile>,
    pub legacy_flags: Option<Yaml>,
}

/// Finds and reads the profile `name`.
pub(super) fn load_profile(
    name: Option<(&str, Option<Span>)>,
    root: &Path,
    options: &LoadOptions<'_>,
    context: &BaseContext,
    (fs, sources): (&dyn FileSystem, &SourceMap),
) -> (Found, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let Some((name, name_span)) = name else {
        let error = Diagnostic::error("profile-missing", "dbt_project.yml names no `profile`, and none is given")
            .help("add `profile: name` to dbt_project.yml, or give `--profile name`");
        return (Found::default(), vec![error]);
    };
    let folders: Vec<PathBuf> = options.profile_dirs.iter().map(|folder| root.join(folder)).collect();
    let Some(folder) = folders.iter().find(|folder| fs.is_file(&folder.join("profiles.yml"))) else {
        let mut error = Diagnostic::error("profiles-not-found", "no profiles.yml was found")
            .help("make one, or say where it is with `--profiles-dir` or `DBT_PROFILES_DIR`");
        for folder in &folders {
            // Relative as it was given: scripts look for dbt's words.
            let inside = folder.strip_prefix(root).ok().filter(|inside| !inside.as_os_str().is_empty());
            let folder = inside.unwrap_or(folder);
            error = error.note(format!("dbt looked for a profiles.yml file in {}", display_path(folder)));
        }
        return (Found::default(), vec![error]);
    };
    let path = folder.join("profiles.yml");
    let shown = path.strip_prefix(root).unwrap_or(&path);
    let Some(yaml) = read_yaml(fs, &path, &display_path(shown), sources, &mut out) else {
        return (Found::default(), out);
    };
    let Some(map) = yaml.as_map() else {
        let message = format!("profiles.yml must be a mapping of profiles, found {}", yaml.kind());
        out.push(Diagnostic::error("wrong-type", message).at(yaml.span, ""));
        return (Found::default(), out);
    };
    let legacy_flags = map.get("config").filter(|config| config.as_map().is_some_and(|map| !map.is_empty())).cloned();
    let Some(entry) = map.entry(name) else {
        out.push(profile_not_found(name, name_span, map, &path));
        return (Found { profile: None, legacy_flags }, out);
    };
    let chooser = Chooser { name, options, context, folder };
    let profile = chooser.choose(entry, &mut out);
    (Found { profile, legacy_flags }, out)
}

fn profile_not_found(name: &str, span: Option<Span>, map: &Map, path: &Path) -> Diagnostic {
    let names: Vec<_> = map.iter().map(key_name).filter(|name| **name != *"config").collect();
    let mut error = Diagnostic::error("profile-not-found", format!("Could not find profile named '{name}'"));
    if let Some(span) = span {
        error = error.at(span, "");
    }
    let listed = if names.is_empty() { "no profiles".into() } else { format!("the profiles {}", names.join(", ")) };
    error = error.note(format!("{} has {listed}", display_path(path)));
    match nearest(name, names.iter().map(|name| &**name)) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None => error,
    }
}

struct Chooser<'a> {
    name: &'a str,
    options: &'a LoadOptions<'a>,
    context: &'a BaseContext,
    folder: &'a Path,
}

impl Chooser<'_> {
    fn choose(&self, entry: &Entry, out: &mut Vec<Diagnostic>) -> Option<Profile> {
        let name = self.name;
        let Some(map) = entry.value.as_map() else {
            let message =
                format!("profile `{name}` must be a mapping with `target` and `outputs`, found {}", entry.value.kind());
            out.push(Diagnostic::error("wrong-type", message).at(entry.value.span, ""));
            return None;
        };
        let subject = format!("profile `{name}`");
        let mut reader = Reader::new(map, entry.value.span, &subject, out);
        reader.unknown_keys(&["target", "outputs"], "CustomKeyInObjectDeprecation");
        let outputs = reader.mapping("outputs");
        let Some(outputs) = outputs.filter(|outputs| !outputs.is_empty()) else {
            out.push(
                Diagnostic::error("profile-outputs", format!("{subject} has no `outputs`")).at(entry.key.span, ""),
            );
            return None;
        };
        let (target, span) = self.target(map, out)?;
        let Some(output) = outputs.entry(&target) else {
            let names: Vec<_> = outputs.iter().map(key_name).collect();
            let message = format!("The profile '{name}' does not have a target named '{target}'.");
            let listed = names.join(", ");
            let error = Diagnostic::error("target-not-found", message)
                .at(span.unwrap_or(entry.key.span), "")
                .note(format!("The valid target names for this profile are: {listed}"));
            let near = nearest(&target, names.iter().map(|name| &**name));
            out.push(match near {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
            return None;
        };
        self.output(&target, output, out)
    }

    /// The chosen target, and where it was written if it was.
    fn target(&self, map: &Map, out: &mut Vec<Diagnostic>) -> Option<(String, Option<Span>)> {
        if let Some(target) = &self.options.target {
            return Some((target.clone(), None));
        }
        let Some(value) = map.get("target").filter(|value| !value.is_null()) else {
            return Some(("default".into(), None));
        };
        let rendered = self.render(value, false, out)?;
        match rendered {
            Value::None => Some(("default".into(), None)),
            value_ => Some((value_.to_str(), Some(value.span))),
        }
    }

    /// A rendered setting. Lists and mappings are rendered inside too.
    fn render(&self, value: &Yaml, password: bool, out: &mut Vec<Diagnostic>) -> Option<Value> {
        match &value.data {
            Data::Str(text) => match render_secret(text, value.origin, self.context, &self.options.env) {
                Ok(value) => Some(value),
                // A password may hold braces by chance.
                Err(_) if password => Some(Value::Str(text.clone())),
                Err(errors) => {
                    out.extend(errors);
                    None
                }
            },
            Data::List(items) => {
                let items: Option<Vec<Value>> = items.iter().map(|item| self.render(item, password, out)).collect();
                items.map(Value::list)
            }
            Data::Map(map) => {
                let pairs: Option<Vec<(Value, Value)>> = map
                    .iter()
                    .map(|entry| {
                        let password = password || entry.key.as_str() == Some("password");
                        Some((entry.key.to_value(), self.render(&entry.value, password, out)?))
                    })
                    .collect();
                pairs.map(Value::dict)
            }
            _ => Some(value.to_value()),
        }
    }

    fn output(&self, target: &str, entry: &Entry, out: &mut Vec<Diagnostic>) -> Option<Profile> {
        let subject = format!("target `{target}` of profile `{}`", self.name);
        let Some(map) = entry.value.as_map() else {
            let message = format!("{subject} must be a mapping, found {}", entry.value.kind());
            out.push(Diagnostic::error("wrong-type", message).at(entry.value.span, ""));
            return None;
        };
        let errors = out.iter().filter(|found| found.is_error()).count();
        let mut settings: IndexMap<String, Value> = IndexMap::new();
        let mut spans: IndexMap<String, Span> = IndexMap::new();
        for setting in map.iter() {
            let name = key_name(setting).to_string();
            if let Some(value) = self.render(&setting.value, name == "password", out) {
                spans.insert(name.clone(), setting.key.span);
                settings.insert(name, value);
            }
        }
        let spec = self.adapter(&settings, &spans, entry, &subject, out)?;
        settings.shift_remove("type");
        for (alias, name) in spec.aliases {
            if let Some(value) = settings.shift_remove(*alias) {
                settings.entry((*name).to_owned()).or_insert(value);
                if let Some(span) = spans.get(*alias).copied() {
                    spans.entry((*name).to_owned()).or_insert(span);
                }
            }
        }
        check_keys(spec, &settings, &spans, &subject, entry.key.span, out);
        let seen = self.dialect(spec, &settings, &spans, entry, out);
        let threads = self.threads(settings.shift_remove("threads"), &spans, &subject, out);
        let mut name = |key: &str, default: Option<&str>| match settings.get(key) {
            Some(Value::None) | None => default.map(ToOwned::to_owned),
            Some(value) => {
                if value.as_str().is_none() {
                    let message = format!("`{key}` of {subject} must be a text, found {}", value.to_repr());
                    let span = spans.get(key).copied().unwrap_or(entry.key.span);
                    out.push(Diagnostic::error("wrong-type", message).at(span, ""));
                }
                Some(value.to_str())
            }
        };
        let database = name("database", spec.default_database);
        let schema = name("schema", spec.default_schema);
        if schema.is_none() {
            let error = Diagnostic::error("profile-key-missing", format!("{subject} has no `schema`"));
            out.push(error.at(entry.key.span, "").help("add `schema: name`"));
        }
        if out.iter().filter(|found| found.is_error()).count() > errors {
            return None;
        }
        settings.retain(|_, value| !value.is_undefined());
        Some(Profile {
            name: self.name.to_owned(),
            target_name: target.to_owned(),
            threads,
            adapter_type: seen.name.to_owned(),
            engine: spec.name.to_owned(),
            parents: seen.parents,
            quoted: seen.quoted,
            reads_files: spec.reads_files,
            comment_behind: seen.comment_behind,
            wide_types: seen.wide_types,
            database,
            schema: schema.unwrap_or_default(),
            settings,
            spans,
            secret_keys: spec.secret.iter().map(|key| (*key).to_owned()).collect(),
            folder: self.folder.to_path_buf(),
            source: entry.key.span.source,
            span: entry.key.span,
        })
    }

    fn adapter(
        &self,
        settings: &IndexMap<String, Value>,
        spans: &IndexMap<String, Span>,
        entry: &Entry,
        subject: &str,
        out: &mut Vec<Diagnostic>,
    ) -> Option<&AdapterSpec> {
        let known: Vec<&str> = self.options.adapters.iter().map(|spec| spec.name).collect();
        let Some(kind) = settings.get("type").filter(|kind| !kind.is_none()) else {
            let error = Diagnostic::error("profile-type", format!("{subject} has no `type`"));
            out.push(error.at(entry.key.span, "").help(format!("add `type:` with one of {}", known.join(", "))));
            return None;
        };
        let kind = kind.to_str();
        let found = self.options.adapters.iter().find(|spec| spec.name == kind);
        if found.is_none() {
            let error =
                Diagnostic::error("profile-type", format!("{subject} has the type `{kind}`, which is not supported"))
                    .at(spans.get("type").copied().unwrap_or(entry.key.span), "")
                    .note(format!("supported types: {}", known.join(", ")));
            out.push(match nearest(&kind, known.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        found
    }

    /// The adapter type that the project sees.
    fn dialect<'b>(
        &'b self,
        spec: &'b AdapterSpec,
        settings: &IndexMap<String, Value>,
        spans: &IndexMap<String, Span>,
        entry: &Entry,
        out: &mut Vec<Diagnostic>,
    ) -> &'b AdapterSpec {
        let Some(value) = settings.get("dialect").filter(|value| !value.is_none()) else { return spec };
        let name = value.to_str();
        if name == spec.name {
            return spec;
        }
        let known = spec.dialects.contains(&name.as_str());
        if let Some(seen) = self.options.adapters.iter().find(|seen| known && seen.name == name) {
            return seen;
        }
        let message = format!("`dialect: {name}` is not supported by the type `{}`", spec.name);
        let error = Diagnostic::error("profile-setting", message);
        out.push(
            error
                .at(spans.get("dialect").copied().unwrap_or(entry.key.span), "")
                .help(format!("leave it out, or write one of {}", spec.dialects.join(", "))),
        );
        spec
    }

    fn threads(
        &self,
        written: Option<Value>,
        spans: &IndexMap<String, Span>,
        subject: &str,
        out: &mut Vec<Diagnostic>,
    ) -> usize {
        let threads = match written {
            None | Some(Value::None) => 1,
            Some(Value::Int(threads)) if threads > 0 => usize::try_from(threads).unwrap_or(1),
            Some(other) => {
                let message =
                    format!("`threads` of {subject} must be a whole number above 0, found {}", other.to_repr());
                let mut error = Diagnostic::error("profile-threads", message);
                if let Some(span) = spans.get("threads") {
                    error = error.at(*span, "");
                }
                out.push(match other {
                    Value::Str(_) => error.help("a text stays a text: add `| int` to the expression"),
                    _ => error,
                });
                1
            }
        };
        self.options.threads.unwrap_or(threads)
    }
}

fn check_keys(
    spec: &AdapterSpec,
    settings: &IndexMap<String, Value>,
    spans: &IndexMap<String, Span>,
    subject: &str,
    span: Span,
    out: &mut Vec<Diagnostic>,
) {
    let common = ["type", "threads", "schema", "database"];
    for key in settings.keys() {
        if common.contains(&key.as_str()) || spec.keys.contains(&key.as_str()) {
            continue;
        }
        let message = format!("unknown setting `{key}` in {subject}, which has no meaning for `{}`", spec.name);
        let warning = Diagnostic::warning("unknown-key", message).at(spans.get(key).copied().unwrap_or(span), "");
        let candidates = common.into_iter().chain(spec.keys.iter().copied());
        out.push(match nearest(key, candidates) {
            Some(near) => warning.help(format!("did you mean `{near}`?")),
            None => warning,
        });
    }
    for keys in spec.required {
        let is_missing = |key: &&str| settings.get(*key).is_none_or(Value::is_none);
        if let [key, others @ ..] = keys
            && keys.iter().all(is_missing)
        {
            let error = Diagnostic::error("profile-key-missing", format!("{subject} has no `{key}`"));
            let error = error.at(span, format!("`{}` needs it", spec.name));
            out.push(match others.first() {
                Some(other) => error.help(format!("`{other}` stands for it")),
                None => error,
            });
        }
    }
}

/// The text of a profile's name in `dbt_project.yml`.
pub(super) fn written_profile(map: &Map) -> Option<(String, Span)> {
    let value = map.get("profile")?;
    Some((scalar_text(value)?, value.span))
}
