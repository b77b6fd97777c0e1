//! `debug`: says what was found and where, what is wrong with it, and whether the warehouse answers.

use crate::{
    cli::{
        CommandError,
        invocation::{DBT_VERSION, Depth, Invocation},
        warehouse,
    },
    diagnostic::{Diagnostic, Style, display_path, render},
    event::Event,
    project::{DiskFileSystem, Need, Project, load},
};

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    let options = invocation.load_options(Depth::Settings, Need::Required)?;
    let looked_in = options.profile_dirs.clone();
    let (project, diagnostics) = load(&options, &DiskFileSystem, &invocation.sources);
    drop(options);
    if let Some(project) = &project {
        invocation.hide_secrets(project);
    }
    if invocation.flags.flag("config_dir") {
        let folder =
            project.as_ref().and_then(|project| project.profile.as_ref()).map(|profile| profile.folder.clone());
        let folder = folder.or_else(|| looked_in.first().cloned()).unwrap_or_default();
        invocation.console.data(&display_path(&folder));
        return Ok(());
    }
    let mut report = Report { invocation, failed: 0 };
    report.line(&format!("dbt version: {DBT_VERSION}"));
    report.line(&format!("tamis version: {}", env!("CARGO_PKG_VERSION")));
    report.line(&format!("os info: {} {}", std::env::consts::OS, std::env::consts::ARCH));
    let errors: Vec<Diagnostic> = diagnostics.into_iter().filter(Diagnostic::is_error).collect();
    if report.invocation.flags.flag("connection") {
        report.line("Skipping steps before connection verification");
    }
    let (about_profile, about_project): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| is_about_profile(error, report.invocation));
    report.files(project.as_ref(), &about_profile, &about_project);
    if let (Some(project), true, true) = (&project, about_profile.is_empty(), about_project.is_empty()) {
        report.connection(project);
    }
    report.end()
}

struct Report<'a> {
    invocation: &'a Invocation,
    failed: usize,
}

impl Report<'_> {
    fn line(&self, text: &str) {
        self.invocation.emit(Event::Info { message: text.to_owned() });
    }

    fn files(&mut self, project: Option<&Project>, about_profile: &[Diagnostic], about_project: &[Diagnostic]) {
        let profile = project.and_then(|project| project.profile.as_ref());
        if let Some(profile) = profile {
            self.line(&format!("Using profiles dir at {}", display_path(&profile.folder)));
            self.line(&format!("Using profiles.yml file at {}", display_path(&profile.folder.join("profiles.yml"))));
        }
        if let Some(project) = project {
            self.line(&format!(
                "Using dbt_project.yml file at {}",
                display_path(&project.root.join("dbt_project.yml"))
            ));
        }
        if let Some(profile) = profile {
            self.line(&format!("adapter type: {}", profile.adapter_type));
            self.line(&format!("target: {} of profile {}", profile.target_name, profile.name));
        }
        self.line("Configuration:");
        self.check("profiles.yml file", about_profile);
        self.check("dbt_project.yml file", about_project);
        if !about_profile.is_empty() {
            self.line("Profile loading failed for the following reason:");
        }
        for error in about_profile.iter().chain(about_project) {
            self.line(&render(error, &self.invocation.sources, Style::Plain));
        }
    }

    fn check(&mut self, what: &str, errors: &[Diagnostic]) {
        if errors.is_empty() {
            self.line(&format!("  {what} [OK found and valid]"));
        } else {
            self.failed += 1;
            self.line(&format!("  {what} [ERROR invalid]"));
        }
    }

    fn connection(&mut self, project: &Project) {
        self.line("Connection:");
        if let Some(profile) = &project.profile {
            let shown = profile.settings.iter().filter(|(key, _)| !profile.secret_keys.contains(key));
            for (key, value) in shown {
                self.line(&format!("  {key}: {}", value.to_str()));
            }
        }
        match warehouse::check(project, &self.invocation.id) {
            Ok(facts) => {
                for (label, value) in facts {
                    self.line(&format!("  {label}: {value}"));
                }
                self.line("  Connection test: [OK connection ok]");
            }
            Err(error) => {
                self.failed += 1;
                self.line("  Connection test: [ERROR]");
                for diagnostic in error.diagnostics() {
                    self.line(&render(&diagnostic, &self.invocation.sources, Style::Plain));
                }
            }
        }
    }

    fn end(&self) -> Result<(), CommandError> {
        if self.failed == 0 {
            self.line("All checks passed!");
            return Ok(());
        }
        self.line(&format!("{} check{} failed", self.failed, if self.failed == 1 { "" } else { "s" }));
        Err(CommandError::Failed(None))
    }
}

fn is_about_profile(error: &Diagnostic, invocation: &Invocation) -> bool {
    let file = error.labels.first().map(|label| invocation.sources.get(label.span.source).path.clone());
    error.code.0.starts_with("profile") || file.is_some_and(|path| path.ends_with("profiles.yml"))
}
