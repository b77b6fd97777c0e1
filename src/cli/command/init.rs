//! `init`: writes a new project that builds at once. Never overwrites a file.

use std::{fs, path::Path};

use crate::{
    cli::{CommandError, invocation::Invocation},
    diagnostic::Diagnostic,
    event::Event,
};

const FILES: &[(&str, &str)] = &[
    ("dbt_project.yml", include_str!("init/dbt_project.yml")),
    (".gitignore", include_str!("init/gitignore")),
    ("README.md", include_str!("init/README.md")),
    ("seeds/raw_customers.csv", include_str!("init/raw_customers.csv")),
    ("seeds/raw_orders.csv", include_str!("init/raw_orders.csv")),
    ("models/staging/stg_customers.sql", include_str!("init/stg_customers.sql")),
    ("models/staging/stg_orders.sql", include_str!("init/stg_orders.sql")),
    ("models/marts/customer_orders.sql", include_str!("init/customer_orders.sql")),
    ("models/models.yml", include_str!("init/models.yml")),
    ("tests/no_negative_amounts.sql", include_str!("init/no_negative_amounts.sql")),
];
const PROFILE: (&str, &str) = ("profiles/profiles.yml", include_str!("init/profiles.yml"));

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let given = invocation.flags.positional.clone();
    let name = given.as_deref().unwrap_or("my_project");
    let project = project_name(name)?;
    let base = invocation
        .flags
        .text("project_dir")
        .map_or(invocation.current_dir.clone(), |dir| invocation.absolute(Path::new(dir)));
    let root = base.join(name);
    if root.join("dbt_project.yml").exists() {
        let message = format!("there is a project in {} already", root.display());
        return Err(Diagnostic::error("project-exists", message).help("choose another name").into());
    }
    let profile = (!invocation.flags.flag("skip_profile_setup")).then_some(&PROFILE);
    for (path, text) in FILES.iter().chain(profile) {
        write(&root.join(path), &text.replace("{name}", &project))?;
    }
    let lines = [
        format!("Your new project \"{project}\" is in {}", root.display()),
        String::new(),
        format!("  cd {name}"),
        "  tamis build".to_owned(),
    ];
    for message in lines {
        invocation.emit(Event::Info { message });
    }
    Ok(())
}

/// The last part of a path as a project name.
fn project_name(name: &str) -> Result<String, CommandError> {
    let last = Path::new(name).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let starts = last.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    if starts && last.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Ok(last);
    }
    let message = format!("`{last}` is not a project name: letters, digits and underscores, not starting with a digit");
    let candidate: String = last.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let candidate = if starts { candidate } else { format!("_{candidate}") };
    Err(Diagnostic::error("project-name", message).help(format!("for example: tamis init {candidate}")).into())
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |error| CommandError::Write { what: path.display().to_string(), error };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
