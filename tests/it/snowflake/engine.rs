//! The engine itself: results in parts, statements that take long, stopping them.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
    time::Duration,
};

use arrow::array::AsArray;
use tamis::engine::{
    Engine, EngineError, Outcome, Session, SqlPosition, StatementOptions,
    snowflake::{
        SnowflakeConfig,
        auth::{AuthSettings, Secret},
        open,
    },
};

use super::server::{Fault, Format, Large, Server};

fn engine(server: &Server) -> Arc<dyn Engine> {
    open(config(server)).unwrap()
}

fn config(server: &Server) -> SnowflakeConfig {
    SnowflakeConfig {
        auth: AuthSettings {
            account: "acme-dev".into(),
            user: Some("ann".into()),
            password: Some(Secret::new("pw-ann")),
            ..AuthSettings::default()
        },
        database: "SHOP".into(),
        schema: "MAIN".into(),
        host: Some("127.0.0.1".into()),
        port: Some(server.port),
        protocol: Some("http".into()),
        ..SnowflakeConfig::default()
    }
}

async fn run(session: &dyn Session, sql: &str) -> Result<Outcome, EngineError> {
    session.execute(sql, &StatementOptions::default()).await
}

/// The numbers of a large result, in the order in which they came.
fn numbers(outcome: &Outcome) -> Vec<i64> {
    let columns = outcome
        .batches
        .iter()
        .map(|batch| batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec());
    columns.flatten().collect()
}

const ROWS: usize = 1030;

fn large(server: &Server, format: Format, inline: usize) {
    let large = Large { rows: ROWS, inline, part: 100, format };
    server.state().large.insert("numbers".into(), large);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_arrive_whole_and_in_order_whatever_happens_to_them() {
    let faults = [
        Fault::Slow,
        Fault::Truncated,
        Fault::Busy(503),
        Fault::Lost,
        Fault::Busy(429),
        Fault::ExpiredPart,
        Fault::Truncated,
        Fault::Slow,
    ];
    for (format, inline) in [(Format::Json, 30), (Format::Json, 0), (Format::Arrow, 30), (Format::Arrow, 0)] {
        let server = Server::start();
        large(&server, format, inline);
        server.state().faults.plan("/part/", &faults);
        let session = engine(&server).session("test").await.unwrap();
        let outcome = run(&*session, "select * from numbers").await.unwrap();
        let expected: Vec<i64> = (0..i64::try_from(ROWS).unwrap()).collect();
        assert_eq!(numbers(&outcome), expected, "{format:?} {inline}");
        assert_eq!(server.state().faults.count(), faults.len());
        let ran = server.state().ran.iter().filter(|sql| sql.contains("numbers")).count();
        assert_eq!(ran, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_leaves_the_parts_after_it_where_they_are() {
    let server = Server::start();
    large(&server, Format::Arrow, 30);
    let session = engine(&server).session("test").await.unwrap();
    let options = StatementOptions { limit: Some(50), ..StatementOptions::default() };
    let outcome = session.execute("select * from numbers", &options).await.unwrap();
    assert_eq!(numbers(&outcome).len(), 50);
    let parts = server.state().asked.iter().filter(|path| path.contains("/part/")).count();
    assert!(parts <= 4, "{parts} of 10 parts were fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_rows_keeps_its_columns() {
    for format in [Format::Json, Format::Arrow] {
        let server = Server::start();
        server.state().large.insert("numbers".into(), Large { rows: 0, inline: 0, part: 1, format });
        let session = engine(&server).session("test").await.unwrap();
        let outcome = run(&*session, "select * from numbers").await.unwrap();
        let names: Vec<&str> = outcome.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["N", "T"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_run_once_whatever_happens_to_its_request() {
    for fault in [
        Fault::Lost,
        Fault::Unanswered,
        Fault::Busy(429),
        Fault::Busy(503),
        Fault::BusyAfter,
        Fault::Truncated,
        Fault::Slow,
        Fault::Expired,
        Fault::Detached,
    ] {
        let server = Server::start();
        let session = engine(&server).session("test").await.unwrap();
        server.state().faults.plan("/queries/v1/query-request", &[fault]);
        run(&*session, "insert into t select 1").await.unwrap();
        let state = server.state();
        let ran = state.ran.iter().filter(|sql| sql.contains("insert")).count();
        assert_eq!((ran, state.faults.count()), (1, 1), "{fault:?}");
        assert_eq!(state.renewals, usize::from(fault == Fault::Expired));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_stopped_is_stopped_on_the_server() {
    let server = Server::start();
    let session = engine(&server).session("test").await.unwrap();
    let waiting = {
        let session = Arc::clone(&session);
        tokio::spawn(async move { run(&*session, "call system$wait(1000)").await })
    };
    while !server.state().asked.iter().any(|path| path.ends_with("/result")) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    session.cancel().await;
    let outcome = waiting.await.unwrap();
    assert!(matches!(outcome, Err(EngineError::Cancelled)), "{outcome:?}");
    assert_eq!(server.state().aborted.len(), 1);
    assert!(session.last_statement().iter().any(|(key, _)| *key == "query_id"));
    // The session is of use afterwards.
    run(&*session, "select 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_has_its_ids_be_it_done_or_failed() {
    let server = Server::start();
    let session = engine(&server).session("test").await.unwrap();
    run(&*session, "select 1").await.unwrap();
    let ids = |session: &dyn Session| {
        let last = session.last_statement();
        let id = |name: &str| last.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        (id("query_id"), id("session_id"))
    };
    let (first, session_id) = ids(&*session);
    let error = run(&*session, "select no_such_column").await.unwrap_err();
    let EngineError::Sql { position, .. } = error else { panic!("{error}") };
    assert_eq!(position, Some(SqlPosition { line: 1, column: 8 }));
    let (second, _) = ids(&*session);
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    assert_eq!(session_id, Some("\"1\"".into()));
}

/// A person who logs in at once.
fn log_in_at_once(url: &str) -> bool {
    let address = url.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        let (host, path) = address.split_once('/').unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.contains("You are logged in"), "{page}");
    });
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_in_the_browser_serves_all_sessions_and_the_next_run() {
    let server = Server::start();
    server.state().user.id_token = Some("id-1".into());
    let folder = tempfile::tempdir().unwrap();
    let browser = |open_browser| {
        open(SnowflakeConfig {
            auth: AuthSettings {
                authenticator: Some("externalbrowser".into()),
                password: None,
                ..config(&server).auth
            },
            token_folder: Some(folder.path().to_owned()),
            open_browser,
            ..config(&server)
        })
        .unwrap()
    };
    let engine = browser(log_in_at_once);
    let (first, second) = tokio::join!(engine.session("a"), engine.session("b"));
    run(&*first.unwrap(), "select 1").await.unwrap();
    run(&*second.unwrap(), "select 1").await.unwrap();
    let asked = server.state().asked.iter().filter(|path| path.contains("authenticator-request")).count();
    assert_eq!(asked, 1);
    browser(|_| panic!("the token of before is good")).session("c").await.unwrap();
    // Where there is no browser.
    server.state().user.id_token = None;
    let error = browser(|_| false).session("d").await.err().unwrap().to_string();
    assert!(error.contains("needs a browser on this machine"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_says_which_parameter_decides() {
    let server = Server::start();
    let session = engine(&server).session("test").await.unwrap();
    let error = run(&*session, "select slow_function()").await.unwrap_err().to_string();
    assert!(error.contains("timeout of 5 second(s)") && error.contains("STATEMENT_TIMEOUT_IN_SECONDS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_put_on_a_stage_each_whole_and_with_what_became_of_it() {
    let server = Server::start();
    server.state().faults.plan("/stage/", &[Fault::Busy(503), Fault::Lost, Fault::BusyAfter]);
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json", "c.csv"] {
        std::fs::write(folder.path().join(name), format!("rows of {name}")).unwrap();
    }
    let session = engine(&server).session("test").await.unwrap();
    let put = |files: &str| format!("put file://{}/{files} @lake auto_compress=false", folder.path().display());
    let outcome = run(&*session, &put("*.json")).await.unwrap();
    let column = |name: &str| outcome.batches[0].column_by_name(name).unwrap().as_string::<i32>().clone();
    let pairs: Vec<String> = column("target")
        .iter()
        .zip(column("status").iter())
        .map(|(target, status)| format!("{} {}", target.unwrap(), status.unwrap()))
        .collect();
    assert_eq!(pairs, ["a.json UPLOADED", "b.json UPLOADED"]);
    let staged: Vec<String> = server.state().stage.iter().map(|(path, text)| format!("{path} {text}")).collect();
    assert_eq!(staged, ["/stage/a.json rows of a.json", "/stage/b.json rows of b.json"]);
    let error = run(&*session, &put("*.parquet")).await.unwrap_err().to_string();
    assert!(error.contains("no file of this machine fits"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_ended_is_used_by_nobody_else() {
    let server = Server::start();
    let engine = engine(&server);
    let session = engine.session("a").await.unwrap();
    server.state().end_sessions();
    let error = run(&*session, "select 1").await.unwrap_err().to_string();
    assert!(error.contains("the session has ended"), "{error}");
    drop(session);
    run(&*engine.session("b").await.unwrap(), "select 1").await.unwrap();
    let state = server.state();
    assert_eq!((state.user.logins, state.ran.len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_closed_on_the_server() {
    let server = Server::start();
    let engine = engine(&server);
    let (first, second) = (engine.session("a").await.unwrap(), engine.session("b").await.unwrap());
    drop((first, second));
    let third = engine.session("c").await.unwrap();
    run(&*third, "select 1").await.unwrap();
    drop(third);
    engine.close().await.unwrap();
    let state = server.state();
    assert_eq!((state.user.logins, state.closed_sessions), (2, 2));
}
