//! `docs generate`: manifest.json with compiled code, catalog.json with what the warehouse holds, and both as one page;
//! `docs serve`: the page over HTTP, on this machine.

use std::{collections::BTreeSet, io::IsTerminal, process::Command};

use super::execute::{with_runner, write_artifacts};
use crate::{
    artifacts::{Catalog, masked, write_catalog, write_text},
    cli::{
        CommandError,
        invocation::{Depth, Invocation},
        prepare::prepare,
    },
    diagnostic::Diagnostic,
    event::Event,
    names::ResourceType as R,
    project::Need,
    run::{catalog, compile_nodes},
    serve::{Server, page},
};

const TYPES: &[R] = &[R::Model, R::Snapshot, R::Test, R::Analysis, R::Seed];

pub fn run(invocation: &mut Invocation) -> Result<(), CommandError> {
    match invocation.flags.positional.clone().unwrap_or_default().as_str() {
        "generate" => generate(invocation),
        "serve" => serve(invocation),
        other => {
            let diagnostic = Diagnostic::error("flag", format!("`docs` has no action `{other}`"));
            Err(diagnostic.help("tamis docs generate, or tamis docs serve").into())
        }
    }
}

fn generate(invocation: &mut Invocation) -> Result<(), CommandError> {
    let prepared = prepare(invocation)?;
    invocation.emit(prepared.found());
    let mut compiled = None;
    if invocation.flags.flag("compile") {
        let selected = prepared.select(invocation, TYPES, false)?;
        let (_, outcome) = with_runner(invocation, &prepared, &selected, |_, runner| {
            compile_nodes(runner, &prepared.dag, &selected)
                .map_err(|error| CommandError::Failed(Some(Box::new(error.diagnostic))))
        })?;
        write_artifacts(invocation, &prepared, &outcome)?;
        compiled = Some(outcome.manifest);
    }
    let found = if invocation.flags.flag("empty_catalog") {
        Catalog::default()
    } else {
        invocation.emit(Event::Info { message: "Building catalog".into() });
        with_runner(invocation, &prepared, &BTreeSet::new(), |_, runner| Ok(catalog(runner)?))?
    };
    let path = prepared.target_dir.join("catalog.json");
    write_catalog(&path, &found, &prepared.metadata(invocation))?;
    invocation.emit(Event::Info { message: format!("Catalog written to {}", path.display()) });
    let secrets = invocation.console.secrets();
    let manifest = compiled.as_ref().unwrap_or(&prepared.manifest);
    let html = page(&prepared.project.name, manifest, &found, |data| masked(data, &secrets));
    write_text(&prepared.target_dir.join("index.html"), &html)?;
    if invocation.flags.flag("static") {
        write_text(&prepared.target_dir.join("static_index.html"), &html)?;
    }
    for error in found.errors.iter().flatten() {
        invocation.emit(Event::Warning { name: "CatalogGenerationError", message: error.clone() });
    }
    if found.errors.is_some() { Err(CommandError::Failed(None)) } else { invocation.promoted() }
}

fn serve(invocation: &mut Invocation) -> Result<(), CommandError> {
    let project = invocation.load(Depth::Settings, Need::Optional)?;
    invocation.greet();
    let path = invocation.target_dir(&project).join("index.html");
    let html = std::fs::read_to_string(&path).map_err(|error| {
        let message = format!("there is no documentation to serve: cannot read {}: {error}", path.display());
        Diagnostic::error("docs-serve", message).help("run `tamis docs generate` first")
    })?;
    let host = invocation.flags.text("host").unwrap_or("127.0.0.1");
    let port = invocation.flags.integer("port").and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| Diagnostic::error("flag", "--port must be a number from 0 to 65535"))?;
    let server = Server::bind(host, port).map_err(|error| Diagnostic::error("docs-serve", error.to_string()))?;
    let url = format!("http://{}/", server.address);
    invocation.emit(Event::Info { message: format!("Serving the documentation at {url}, Ctrl-C to stop") });
    if invocation.flags.flag("browser") && std::io::stdout().is_terminal() {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        // Without a browser the address on the console has to do.
        let _ = Command::new(opener).arg(&url).spawn();
    }
    server.run(&html, None);
    Ok(())
}
