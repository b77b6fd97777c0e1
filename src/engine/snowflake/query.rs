//! One statement: sent, waited for, cancelled. A request keeps its id over attempts and renewals, so that no attempt
//! begins the statement anew.

use std::time::Duration;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    errors,
    http::{Http, Request},
    login::{read, renew},
    pool::{Connection, Running, lock},
    wire::{Answer, QueryData},
};
use crate::engine::EngineError;

/// The session token has expired, and can be renewed.
const EXPIRED: &str = "390112";
/// The session is no more.
const GONE: [&str; 3] = ["390111", "390114", "390104"];
/// The statement still runs; the answer says where to ask again.
const RUNNING: [&str; 2] = ["333333", "333334"];
const RETRIES: u32 = 7;
/// How often a token is renewed for one request.
const RENEWALS: usize = 3;

/// Why a statement failed, and which one it was on the server.
pub struct Failure {
    pub error: EngineError,
    pub query_id: Option<String>,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self { error, query_id: None }
    }
}

/// Runs one statement until it has ended.
///
/// # Errors
/// What Snowflake says of the statement, a session that has ended, and a server that no longer answers: then the statement
/// may have run.
pub async fn run(http: &Http, connection: &Connection, sql: &str) -> Result<QueryData, Failure> {
    let id = Uuid::new_v4();
    let now = chrono::Utc::now().timestamp_millis();
    let body = json!({
        "sqlText": sql,
        "asyncExec": false,
        "sequenceId": connection.next(),
        "querySubmissionTime": now,
        "isInternal": false,
    });
    *lock(&connection.running) = Some(Running { request: id, query_id: None });
    let outcome = ask(http, connection, "/queries/v1/query-request", Some(&body), id).await;
    let outcome = match outcome {
        Ok(answer) => wait(http, connection, answer).await,
        // Who is turned away for lack of a session has run nothing.
        Err(error) if connection.is_gone() => Err(error.into()),
        Err(error) => Err(unknown(error).into()),
    };
    *lock(&connection.running) = None;
    outcome
}

/// No answer came, and what was asked for may have been done all the same.
fn unknown(error: EngineError) -> EngineError {
    match error {
        EngineError::Storage { context, message, path } => {
            let message = format!("{message}; whether the statement ran is not known");
            EngineError::Storage { context, message, path }
        }
        other => other,
    }
}

/// Asks for the result until the statement has ended.
async fn wait(http: &Http, connection: &Connection, mut answer: Answer) -> Result<QueryData, Failure> {
    let mut query_id = None;
    let mut polls = 0_u64;
    while RUNNING.contains(&answer.code().as_str()) {
        let data = data(&answer);
        query_id = data.query_id.or(query_id);
        if let Some(running) = lock(&connection.running).as_mut() {
            running.query_id.clone_from(&query_id);
        }
        let Some(url) = data.get_result_url else {
            let error = EngineError::Storage {
                context: "the statement still runs".into(),
                message: "the server does not say where its result will be".into(),
                path: None,
            };
            return Err(Failure { error, query_id });
        };
        // The server itself waits 45 s before it answers; one that does not is not asked all the time.
        tokio::time::sleep(Duration::from_millis((polls * 100).min(2000))).await;
        polls += 1;
        answer = ask(http, connection, &url, None, Uuid::new_v4())
            .await
            .map_err(|error| Failure { error, query_id: query_id.clone() })?;
    }
    let mut data = data(&answer);
    if !answer.success {
        let query_id = data.query_id.clone().or(query_id);
        return Err(Failure { error: errors::of_statement(&answer, &data), query_id });
    }
    match data.command.as_deref() {
        Some("UPLOAD") => data.plan = Some(serde_json::from_value(answer.data).map_err(errors::unread)?),
        Some("DOWNLOAD") => {
            let help = Some("copy the rows with `copy into '@stage'` and fetch the files with another tool".into());
            let error = EngineError::Unsupported { feature: "GET".into(), help };
            return Err(Failure { error, query_id: data.query_id });
        }
        _ => {}
    }
    Ok(data)
}

/// One request, with a new session token where the old one has expired.
async fn ask(
    http: &Http,
    connection: &Connection,
    path: &str,
    body: Option<&Json>,
    id: Uuid,
) -> Result<Answer, EngineError> {
    let mut renewals = 0;
    loop {
        let tokens = connection.tokens();
        let request = Request { path, query: Vec::new(), token: Some(&tokens.session), body, id, retries: RETRIES };
        let answer = read(http.send(&request).await?)?;
        let code = answer.code();
        if GONE.contains(&code.as_str()) || (code == EXPIRED && renewals == RENEWALS) {
            connection.set_gone();
            return Err(errors::session_gone());
        }
        if code != EXPIRED {
            return Ok(answer);
        }
        // The heartbeat may have been turned away at the same time.
        let _renewing = connection.renewing.lock().await;
        if connection.tokens().session == tokens.session {
            match renew(http, &tokens).await {
                Ok(tokens) => connection.set_tokens(tokens),
                Err(error) => {
                    connection.set_gone();
                    return Err(error);
                }
            }
        }
        renewals += 1;
    }
}

/// The result of a statement that has ended, with fresh addresses of its parts.
pub async fn result_of(http: &Http, connection: &Connection, query_id: &str) -> Result<QueryData, Failure> {
    let path = format!("/queries/{query_id}/result");
    let answer = ask(http, connection, &path, None, Uuid::new_v4()).await?;
    wait(http, connection, answer).await
}

/// Says that the session is still in use.
///
/// # Errors
/// A session that has ended.
pub async fn beat(http: &Http, connection: &Connection) -> Result<(), EngineError> {
    ask(http, connection, "/session/heartbeat", Some(&Json::Null), Uuid::new_v4()).await.map(|_| ())
}

/// Stops the statement that runs now, if any.
pub async fn abort(http: &Http, connection: &Connection) {
    let Some(running) = lock(&connection.running).clone() else { return };
    let body = json!({ "requestId": running.request.to_string() });
    let sent = ask(http, connection, "/queries/v1/abort-request", Some(&body), Uuid::new_v4());
    let _ = tokio::time::timeout(Duration::from_secs(10), sent).await;
}

/// An error answer may have no data at all.
fn data(answer: &Answer) -> QueryData {
    serde_json::from_value(answer.data.clone()).unwrap_or_else(|error| {
        tracing::debug!(%error, "snowflake: an answer without readable data");
        QueryData::default()
    })
}
