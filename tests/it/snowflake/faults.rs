//! A build on a server that misbehaves all the time: everything is there at the end, and nothing was done twice.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    time::Duration,
};

use super::server::{Faults, Server};
use crate::binary::{Folder, ran};

const MODELS: usize = 48;
const FAULTS: usize = 200;

fn project(server: &Server) -> Folder {
    let profile = server.profile("user: ann, password: pw-ann, connect_retries: 5, warehouse: WH");
    let folder = Folder::new(&[("profiles.yml", &profile)]);
    let mut yaml = "models:\n".to_owned();
    for at in 0..MODELS {
        let kind = ["table", "view"][at % 2];
        let from =
            if at < 3 { "select 1 as id".to_owned() } else { format!("select * from {{{{ ref('m{}') }}}}", at - 3) };
        folder.write(&format!("models/m{at}.sql"), format!("{{{{ config(materialized='{kind}') }}}} {from}"));
        yaml.push_str(&format!("  - name: m{at}\n    columns: [{{name: id, data_tests: [not_null, unique]}}]\n"));
    }
    folder.write("models/schema.yml", yaml);
    folder
}

/// How often each statement ran; what names the invocation is left out.
fn counted(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for sql in &server.state().ran {
        let sql: Vec<&str> = sql.split_whitespace().collect();
        *counts.entry(sql.join(" ")).or_default() += 1;
    }
    counts
}

/// Statements of a session, not of a node: there is one for each session, and how many sessions there are is chance.
fn of_nodes(mut counts: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    counts.retain(|sql, _| !sql.to_lowercase().starts_with("use ") && !sql.to_lowercase().starts_with("alter session"));
    counts
}

#[test]
fn a_build_through_two_hundred_faults_does_the_same_as_one_without() {
    let calm = Server::start();
    project(&calm).expect(0, &["build"]);
    let expected = of_nodes(counted(&calm));
    assert!(expected.len() > 3 * MODELS, "{expected:?}");
    let through_faults = |seed| {
        let server = Server::start();
        server.state().faults = Faults::random(seed, FAULTS);
        let folder = project(&server);
        folder.expect(0, &["build"]).shows(&[&format!("Done. PASS={} WARN=0 ERROR=0 SKIP=0", MODELS * 3)]);
        let state = server.state();
        assert_eq!(state.faults.count(), FAULTS, "{:?}", state.faults.done);
        drop(state);
        assert_eq!(of_nodes(counted(&server)), expected);
    };
    std::thread::scope(|scope| {
        for seed in [1, 20_260_101] {
            scope.spawn({
                let through_faults = &through_faults;
                move || through_faults(seed)
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_the_statement_on_the_server() {
    let server = Server::start();
    let folder = project(&server);
    folder.write("models/long.sql", "{{ config(materialized='table') }} select system$wait(1000) as id");
    let mut command = folder.command(&["run", "--select", "long"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !server.state().ran.iter().any(|sql| sql.contains("system$wait")) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let ran = ran(child.wait_with_output().unwrap());
    assert_ne!(ran.status, 0, "{}", ran.stdout);
    assert_eq!(server.state().aborted.len(), 1);
    let results = std::fs::read_to_string(folder.path("target/run_results.json")).unwrap();
    assert!(results.contains("model.shop.long"), "what was stopped is in the results");
}
