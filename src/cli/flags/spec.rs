//! Every option of every command, as data: name, environment variable, default, help.

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `--x` and `--no-x`.
    Toggle(bool),
    /// `--x` only.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str], Option<&'static str>),
    Text(Option<&'static str>),
    Integer(Option<i64>),
    /// All following words that are not options; may be repeated.
    Words,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// As typed, without dashes; also the key in `flags:` (with underscores).
    pub name: &'static str,
    pub short: Option<char>,
    pub aliases: &'static [&'static str],
    /// Without the `DBT_` prefix.
    pub env: Option<&'static str>,
    pub kind: Kind,
    pub value_name: &'static str,
    pub help: &'static str,
    pub hidden: bool,
    pub heading: &'static str,
}

const fn spec(name: &'static str, env: &'static str, kind: Kind, help: &'static str) -> Spec {
    Spec {
        name,
        short: None,
        aliases: &[],
        env: Some(env),
        kind,
        value_name: "VALUE",
        help,
        hidden: false,
        heading: "Global options",
    }
}

impl Spec {
    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn no_env(mut self) -> Self {
        self.env = None;
        self
    }

    const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    const fn value(mut self, value_name: &'static str) -> Self {
        self.value_name = value_name;
        self
    }

    const fn heading(mut self, heading: &'static str) -> Self {
        self.heading = heading;
        self
    }

    /// Whether this version accepts it without doing anything.
    pub fn has_no_effect(&self) -> bool {
        self.help == NO_EFFECT || matches!(self.name, "introspect" | "clean-project-files-only")
    }

    /// The key under `flags:` in `dbt_project.yml` and in the `flags` object of Jinja, lower case.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

const INDIRECT: &[&str] = &["eager", "cautious", "buildable", "empty"];
const FORMATS: &[&str] = &["text", "debug", "json", "default"];
const LEVELS: &[&str] = &["debug", "info", "warn", "error", "none"];
const NO_EFFECT: &str = "Accepted for compatibility; has no effect";

/// Options that every command takes, before or after its name.
pub const GLOBAL: &[Spec] = &[
    spec(
        "project-dir",
        "PROJECT_DIR",
        Kind::Text(None),
        "Folder of dbt_project.yml [default: this folder or its nearest parent that has one]",
    )
    .value("PATH")
    .heading("Project"),
    spec(
        "profiles-dir",
        "PROFILES_DIR",
        Kind::Text(None),
        "Folder of profiles.yml [default: this folder, <project>/profiles, ~/.dbt]",
    )
    .value("PATH")
    .heading("Project"),
    spec("profile", "PROFILE", Kind::Text(None), "Profile to use instead of the project's")
        .value("NAME")
        .heading("Project"),
    spec("target", "TARGET", Kind::Text(None), "Target of the profile [default: the profile's `target`]")
        .short('t')
        .value("NAME")
        .heading("Project"),
    spec("target-path", "TARGET_PATH", Kind::Text(None), "Folder for artifacts and compiled SQL [default: target]")
        .value("PATH")
        .heading("Project"),
    spec("vars", "VARS", Kind::Text(Some("{}")), "Values for var(), as a YAML mapping: '{start: 2024-01-01}'")
        .value("YAML")
        .no_env()
        .heading("Project"),
    spec(
        "threads",
        "THREADS",
        Kind::Integer(None),
        "How many nodes run at once [default: the profile's `threads`, else 1]",
    )
    .value("N")
    .no_env()
    .heading("Project"),
    spec("state", "STATE", Kind::Text(None), "Folder with a previous manifest.json to compare with")
        .value("PATH")
        .heading("State"),
    spec(
        "defer",
        "DEFER",
        Kind::Toggle(false),
        "Resolve references to nodes that were not selected through the state manifest",
    )
    .heading("State"),
    spec("defer-state", "DEFER_STATE", Kind::Text(None), "Folder with the manifest.json for --defer only")
        .value("PATH")
        .heading("State"),
    spec(
        "favor-state",
        "FAVOR_STATE",
        Kind::Toggle(false),
        "With --defer: prefer the state's relation even when the target has one",
    )
    .heading("State"),
    spec("fail-fast", "FAIL_FAST", Kind::Toggle(false), "Stop at the first error or failed test")
        .short('x')
        .heading("Run"),
    spec(
        "indirect-selection",
        "INDIRECT_SELECTION",
        Kind::Choice(INDIRECT, Some("eager")),
        "Which tests come along with the selected nodes",
    )
    .heading("Run"),
    spec("warn-error", "WARN_ERROR", Kind::Toggle(false), "Turn every warning into an error").heading("Run"),
    spec(
        "warn-error-options",
        "WARN_ERROR_OPTIONS",
        Kind::Text(None),
        "Which warnings become errors or are silenced: '{error: all, silence: [NothingToDo]}'",
    )
    .value("YAML")
    .heading("Run"),
    spec("version-check", "VERSION_CHECK", Kind::Toggle(true), "Enforce require-dbt-version").heading("Run"),
    spec("write-json", "WRITE_JSON", Kind::Toggle(true), "Write manifest.json and run_results.json").heading("Run"),
    spec("populate-cache", "POPULATE_CACHE", Kind::Toggle(true), "List existing relations at the start").heading("Run"),
    spec(
        "cache-selected-only",
        "CACHE_SELECTED_ONLY",
        Kind::Toggle(false),
        "List existing relations of the selected nodes' schemas only",
    )
    .heading("Run"),
    spec("quiet", "QUIET", Kind::Toggle(false), "Print errors only; print() and the output of ls and show stay")
        .short('q')
        .heading("Output"),
    spec("debug", "DEBUG", Kind::Toggle(false), "Print debug lines too").short('d').heading("Output"),
    spec(
        "log-format",
        "LOG_FORMAT",
        Kind::Choice(FORMATS, Some("default")),
        "Format of the console lines, and of the log file unless it has its own",
    )
    .heading("Output"),
    spec("log-format-file", "LOG_FORMAT_FILE", Kind::Choice(FORMATS, Some("debug")), "Format of the log file")
        .heading("Output"),
    spec("log-level", "LOG_LEVEL", Kind::Choice(LEVELS, Some("info")), "Least severity on the console")
        .heading("Output"),
    spec("log-level-file", "LOG_LEVEL_FILE", Kind::Choice(LEVELS, Some("debug")), "Least severity in the log file")
        .heading("Output"),
    spec("log-path", "LOG_PATH", Kind::Text(None), "Folder of the log file [default: <project>/logs]")
        .value("PATH")
        .heading("Output"),
    spec(
        "log-file-max-bytes",
        "LOG_FILE_MAX_BYTES",
        Kind::Integer(Some(10_485_760)),
        "Size at which the log file is rotated; 0: never",
    )
    .value("BYTES")
    .hidden()
    .heading("Output"),
    spec("use-colors", "USE_COLORS", Kind::Toggle(true), "Colour the console when it is a terminal").heading("Output"),
    spec("use-colors-file", "USE_COLORS_FILE", Kind::Toggle(false), "Colour the log file").heading("Output"),
    spec("print", "PRINT", Kind::Toggle(true), "Let print() in macros write to the console").heading("Output"),
    spec("printer-width", "PRINTER_WIDTH", Kind::Integer(Some(80)), "Width to which progress lines are filled")
        .value("N")
        .heading("Output"),
    spec(
        "show-all-deprecations",
        "SHOW_ALL_DEPRECATIONS",
        Kind::Toggle(false),
        "Print every deprecation instead of the first of each kind",
    )
    .no_env()
    .heading("Output"),
    spec(
        "log-cache-events",
        "LOG_CACHE_EVENTS",
        Kind::Toggle(false),
        "Log what the relation cache does, at debug level",
    )
    .heading("Output"),
    spec("record-timing-info", "RECORD_TIMING_INFO", Kind::Text(None), NO_EFFECT)
        .short('r')
        .value("FILE")
        .no_env()
        .hidden(),
    spec("partial-parse", "PARTIAL_PARSE", Kind::Toggle(true), NO_EFFECT).hidden(),
    spec("partial-parse-file-path", "PARTIAL_PARSE_FILE_PATH", Kind::Text(None), NO_EFFECT).hidden(),
    spec("partial-parse-file-diff", "PARTIAL_PARSE_FILE_DIFF", Kind::Toggle(true), NO_EFFECT).hidden(),
    spec("static-parser", "STATIC_PARSER", Kind::Toggle(true), NO_EFFECT).hidden(),
    spec("use-experimental-parser", "USE_EXPERIMENTAL_PARSER", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec(
        "send-anonymous-usage-stats",
        "SEND_ANONYMOUS_USAGE_STATS",
        Kind::Toggle(false),
        "Accepted for compatibility; nothing is ever sent",
    )
    .hidden(),
    spec("single-threaded", "SINGLE_THREADED", Kind::Toggle(false), "Run one node at a time").hidden(),
    spec("macro-debugging", "MACRO_DEBUGGING", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("use-fast-test-edges", "USE_FAST_TEST_EDGES", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("upload-to-artifacts-ingest-api", "UPLOAD_TO_ARTIFACTS_INGEST_API", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("show-resource-report", "SHOW_RESOURCE_REPORT", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("static-analysis", "STATIC_ANALYSIS", Kind::Text(None), NO_EFFECT).hidden(),
    spec("force-node-selection", "FORCE_NODE_SELECTION", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("write-catalog", "WRITE_CATALOG", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("write-index", "WRITE_INDEX", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("use-v2-parser", "USE_V2_PARSER", Kind::Toggle(false), NO_EFFECT).hidden(),
    spec("parallel", "PARALLEL", Kind::Toggle(true), NO_EFFECT).hidden(),
    spec("compute", "COMPUTE", Kind::Text(None), NO_EFFECT).hidden(),
];

const SELECT: Spec =
    spec("select", "", Kind::Words, "Nodes to include: names, paths, tag:x, source:x, +x, x+, @x, 2+x, a,b (both)")
        .short('s')
        .aliases(&["model", "models"])
        .value("SELECTOR")
        .no_env()
        .heading("Selection");
const LS_SELECT: Spec =
    spec("select", "", Kind::Words, "Nodes to include: names, paths, tag:x, source:x, +x, x+, @x, 2+x, a,b (both)")
        .short('s')
        .value("SELECTOR")
        .no_env()
        .heading("Selection");
const MODELS: Spec = spec("models", "", Kind::Words, "Models to include; as --select with --resource-type model")
    .short('m')
    .aliases(&["model"])
    .value("SELECTOR")
    .no_env()
    .heading("Selection");
const EXCLUDE: Spec =
    spec("exclude", "", Kind::Words, "Nodes to leave out").value("SELECTOR").no_env().heading("Selection");
const SELECTOR: Spec =
    spec("selector", "", Kind::Text(None), "A selector of selectors.yml, instead of --select and --exclude")
        .value("NAME")
        .no_env()
        .heading("Selection");
const RESOURCE_TYPE: Spec = spec("resource-type", "RESOURCE_TYPES", Kind::Words, "Only nodes of these types")
    .aliases(&["resource-types"])
    .value("TYPE")
    .heading("Selection");
const EXCLUDE_RESOURCE_TYPE: Spec =
    spec("exclude-resource-type", "EXCLUDE_RESOURCE_TYPES", Kind::Words, "No nodes of these types")
        .aliases(&["exclude-resource-types"])
        .value("TYPE")
        .heading("Selection");
const FULL_REFRESH: Spec =
    spec("full-refresh", "FULL_REFRESH", Kind::Toggle(false), "Rebuild incremental models and seeds from nothing")
        .short('f')
        .heading("Options");
const EMPTY: Spec =
    spec("empty", "EMPTY", Kind::Toggle(false), "Build with zero rows from every ref and source").heading("Options");
const SAMPLE: Spec = spec("sample", "SAMPLE", Kind::Text(None), "Build from a window of time only: \"3 days\"")
    .value("WINDOW")
    .heading("Options");
const EVENT_START: Spec =
    spec("event-time-start", "EVENT_TIME_START", Kind::Text(None), "First moment that microbatch models build")
        .value("TIME")
        .heading("Options");
const EVENT_END: Spec =
    spec("event-time-end", "EVENT_TIME_END", Kind::Text(None), "Moment before which microbatch models build")
        .value("TIME")
        .heading("Options");
const STORE_FAILURES: Spec =
    spec("store-failures", "STORE_FAILURES", Kind::Toggle(false), "Keep the failing rows of each test in a table")
        .heading("Options");
const SHOW: Spec =
    spec("show", "SHOW", Kind::Toggle(false), "Print rows of each seed after loading (`build` prints none, as in dbt)")
        .heading("Options");
const SAVED_QUERIES: Spec =
    spec("export-saved-queries", "EXPORT_SAVED_QUERIES", Kind::Toggle(false), NO_EFFECT).hidden();
const INTROSPECT: Spec = spec(
    "introspect",
    "INTROSPECT",
    Kind::Toggle(true),
    "Let templates query the warehouse while they compile (no effect yet: they always may)",
)
.heading("Options");
const INLINE: Spec = spec("inline", "", Kind::Text(None), "SQL with Jinja to use instead of a node")
    .value("SQL")
    .no_env()
    .heading("Options");
const INLINE_DIRECT: Spec =
    spec("inline-direct", "", Kind::Text(None), "SQL as it is, without Jinja; no model is read")
        .value("SQL")
        .no_env()
        .heading("Options");
const SQL: Spec = spec("sql", "", Kind::Text(None), "SQL with Jinja to run instead of a macro")
    .value("SQL")
    .no_env()
    .heading("Options");
const OUTPUT: Spec =
    spec("output", "", Kind::Choice(&["text", "json"], Some("text")), "Form of the output").no_env().heading("Options");
const INJECT: Spec = spec(
    "inject-ephemeral-ctes",
    "INJECT_EPHEMERAL_CTES",
    Kind::Toggle(true),
    "Put ephemeral parents into the compiled SQL",
)
.hidden();
const LIMIT: Spec =
    spec("limit", "", Kind::Integer(Some(5)), "Rows to show; negative: all").value("N").no_env().heading("Options");
const LS_LIMIT: Spec = spec("limit", "", Kind::Integer(Some(-1)), "Resources to list at most; negative: all")
    .value("N")
    .no_env()
    .heading("Options");
const LS_OUTPUT: Spec =
    spec("output", "", Kind::Choice(&["selector", "name", "path", "json"], Some("selector")), "Form of each line")
        .no_env()
        .heading("Options");
const FRESHNESS_OUTPUT: Spec =
    spec("output", "", Kind::Text(None), "File to write instead of sources.json in the target folder (deprecated)")
        .short('o')
        .value("FILE")
        .no_env()
        .heading("Options");
const OUTPUT_KEYS: Spec =
    spec("output-keys", "", Kind::Words, "Keys of the JSON output: unique_id config.materialized")
        .value("KEY")
        .no_env()
        .heading("Options");
const COMPILE: Spec = spec("compile", "", Kind::Toggle(true), "Compile the nodes first").no_env().heading("Options");
const EMPTY_CATALOG: Spec =
    spec("empty-catalog", "EMPTY_CATALOG", Kind::Toggle(false), "Write a catalog without relations").heading("Options");
const STATIC: Spec =
    spec("static", "", Kind::Toggle(false), "Write static_index.html too: the same page as index.html")
        .no_env()
        .heading("Options");
const HOST: Spec =
    spec("host", "", Kind::Text(Some("127.0.0.1")), "Address to serve on: this machine's own only, of docs serve")
        .value("HOST")
        .no_env()
        .heading("Options");
const PORT: Spec = spec("port", "", Kind::Integer(Some(8080)), "Port to serve on; 0: a free one, of docs serve")
    .value("N")
    .no_env()
    .heading("Options");
const BROWSER: Spec =
    spec("browser", "", Kind::Toggle(true), "Open the page in a browser, when started from a terminal, of docs serve")
        .no_env()
        .heading("Options");
const ARGS: Spec = spec("args", "", Kind::Text(Some("{}")), "Arguments of the macro, as a YAML mapping")
    .value("YAML")
    .no_env()
    .heading("Options");
const CLEAN_ONLY: Spec = spec(
    "clean-project-files-only",
    "CLEAN_PROJECT_FILES_ONLY",
    Kind::Toggle(true),
    "Refuse to delete outside the project (no effect: it is always refused)",
)
.heading("Options");
const CONNECTION: Spec = spec("connection", "", Kind::Switch, "Check the connection only").no_env().heading("Options");
const CONFIG_DIR: Spec =
    spec("config-dir", "", Kind::Switch, "Print the folder of profiles.yml only").no_env().heading("Options");
const SKIP_PROFILE: Spec = spec("skip-profile-setup", "", Kind::Switch, "Do not write profiles/profiles.yml")
    .short('s')
    .no_env()
    .heading("Options");

const UPGRADE: Spec = spec("upgrade", "", Kind::Switch, "Look for newer versions although package-lock.yml has some")
    .no_env()
    .heading("Options");
const LOCK: Spec =
    spec("lock", "", Kind::Switch, "Write package-lock.yml only, install nothing").no_env().heading("Options");
const ADD_PACKAGE: Spec = spec(
    "add-package",
    "",
    Kind::Text(None),
    "Add a package to packages.yml first: name@version, name@\">=1.0.0,<2.0.0\", or with --source an address or a path",
)
.no_env()
.value("PACKAGE")
.heading("Options");
const SOURCE: Spec = spec(
    "source",
    "",
    Kind::Choice(&["hub", "git", "local"], Some("hub")),
    "Where the package of --add-package comes from",
)
.no_env()
.heading("Options");
const OFFLINE: Spec = spec(
    "offline",
    "OFFLINE",
    Kind::Switch,
    "Never open a connection: install what is on this machine, an error for anything else",
)
.heading("Options");

/// A command: name, positional argument, options and one line.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub about: &'static str,
    pub positional: Option<Positional>,
    pub options: &'static [Spec],
}

#[derive(Debug, Clone, Copy)]
pub struct Positional {
    pub name: &'static str,
    pub required: bool,
    pub help: &'static str,
}

const fn command(name: &'static str, about: &'static str, options: &'static [Spec]) -> Command {
    Command { name, aliases: &[], about, positional: None, options }
}

pub const COMMANDS: &[Command] = &[
    command(
        "build",
        "Build seeds, models and snapshots and run their tests, in the order of the graph",
        &[
            SELECT,
            EXCLUDE,
            SELECTOR,
            RESOURCE_TYPE,
            EXCLUDE_RESOURCE_TYPE,
            FULL_REFRESH,
            EMPTY,
            STORE_FAILURES,
            SAMPLE,
            EVENT_START,
            EVENT_END,
            SHOW,
            SAVED_QUERIES,
        ],
    ),
    command("run", "Build models", &[SELECT, EXCLUDE, SELECTOR, FULL_REFRESH, EMPTY, SAMPLE, EVENT_START, EVENT_END]),
    command(
        "test",
        "Run data tests",
        &[SELECT, EXCLUDE, SELECTOR, RESOURCE_TYPE, EXCLUDE_RESOURCE_TYPE, STORE_FAILURES],
    ),
    command("snapshot", "Record the changes of rows in snapshot tables", &[SELECT, EXCLUDE, SELECTOR, EMPTY]),
    command("seed", "Load CSV seeds", &[SELECT, EXCLUDE, SELECTOR, FULL_REFRESH, EMPTY, SHOW]),
    command(
        "compile",
        "Render SQL without running it; with --select or --inline, print it",
        &[SELECT, EXCLUDE, SELECTOR, INLINE, OUTPUT, FULL_REFRESH, EMPTY, INTROSPECT, INJECT],
    ),
    command(
        "show",
        "Print rows of a node or of a query",
        &[SELECT, EXCLUDE, SELECTOR, INLINE, INLINE_DIRECT, OUTPUT, LIMIT, FULL_REFRESH, INTROSPECT],
    ),
    Command {
        aliases: &["list"],
        ..command(
            "ls",
            "List the resources of the project",
            &[
                LS_SELECT,
                MODELS,
                EXCLUDE,
                SELECTOR,
                RESOURCE_TYPE,
                EXCLUDE_RESOURCE_TYPE,
                LS_OUTPUT,
                OUTPUT_KEYS,
                LS_LIMIT,
            ],
        )
    },
    command(
        "clone",
        "Copy the relations of the environment that --state describes, without copying data",
        &[SELECT, EXCLUDE, SELECTOR, RESOURCE_TYPE, EXCLUDE_RESOURCE_TYPE, FULL_REFRESH],
    ),
    command("parse", "Read the whole project and write manifest.json", &[]),
    Command {
        positional: Some(Positional {
            name: "MACRO",
            required: false,
            help: "The macro to call: name or package.name",
        }),
        ..command("run-operation", "Call a macro, or run SQL", &[ARGS, SQL])
    },
    command("clean", "Delete the folders in clean-targets", &[CLEAN_ONLY]),
    command("debug", "Check the project, the profile and the connection", &[CONNECTION, CONFIG_DIR]),
    Command {
        positional: Some(Positional {
            name: "NAME",
            required: false,
            help: "Name of the new project, and of its folder",
        }),
        ..command("init", "Write a new project that builds at once", &[SKIP_PROFILE])
    },
    Command {
        positional: Some(Positional { name: "ACTION", required: true, help: "generate or serve" }),
        ..command(
            "docs",
            "Write catalog.json and the documentation as one page, or serve the page",
            &[SELECT, EXCLUDE, SELECTOR, COMPILE, EMPTY_CATALOG, STATIC, HOST, PORT, BROWSER],
        )
    },
    command("deps", "Install the packages of packages.yml", &[UPGRADE, LOCK, ADD_PACKAGE, SOURCE, OFFLINE]),
    Command {
        positional: Some(Positional { name: "ACTION", required: true, help: "freshness" }),
        ..command(
            "source",
            "Check how old the rows of sources are, and write sources.json",
            &[SELECT, EXCLUDE, SELECTOR, FRESHNESS_OUTPUT],
        )
    },
    command("retry", "Run the last command again for what failed or was skipped", &[FULL_REFRESH]),
];
