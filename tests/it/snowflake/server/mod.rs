//! A server of Snowflake's HTTP protocol on the loopback: it checks logins, runs each request id once, keeps what it ran,
//! and misbehaves on demand.

mod faults;
mod http;
mod login;
mod warehouse;

use std::{
    collections::{BTreeMap, HashMap},
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

pub use faults::{Fault, Faults};
use http::{Reply, Request};
pub use login::User;
pub use warehouse::{Format, Large};

/// The server, until the end of the process.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

/// How statements begin, and the columns and rows of their answer.
pub type Told = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

/// Everything the server knows.
#[derive(Default)]
pub struct State {
    pub user: User,
    /// Each statement that ran, in order.
    pub ran: Vec<String>,
    /// Each request: `POST /queries/v1/query-request`.
    pub asked: Vec<String>,
    /// What was put on a stage, by its path.
    pub stage: BTreeMap<String, String>,
    /// Request ids that were asked to be stopped.
    pub aborted: Vec<String>,
    /// The query and `data` of the last login.
    pub last_login: (HashMap<String, String>, Value),
    pub renewals: usize,
    pub closed_sessions: usize,
    pub faults: Faults,
    /// Results of `select * from NAME`.
    pub large: HashMap<String, Large>,
    /// Answers to statements that begin so: columns and rows.
    pub told: Vec<Told>,
    objects: BTreeMap<String, String>,
    schemas: Vec<String>,
    /// Session tokens that are good, with the number of their session.
    sessions: HashMap<String, u64>,
    /// Session tokens that were good.
    expired: HashMap<String, u64>,
    /// Answers by request id: an id that comes again is not run again.
    answers: HashMap<String, Value>,
    /// Results that are asked for at an address of their own, and how often the answer is still "running".
    results: HashMap<String, (Value, usize)>,
    /// Query ids by the request that made them.
    queries: HashMap<String, String>,
    /// The round of addresses of parts; those of earlier rounds have expired.
    round: usize,
    numbers: u64,
}

impl State {
    fn next(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Ends all sessions, as an administrator can.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
        self.expired.clear();
    }

    /// Makes a session token a thing of the past.
    fn expire(&mut self, token: &str) {
        if let Some(number) = self.sessions.remove(token) {
            self.expired.insert(token.to_owned(), number);
        }
    }
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, state: Arc::default() };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = accepting.clone();
                std::thread::spawn(move || http::serve(stream, |request| server.answer(&request)));
            }
        });
        server
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// An output of `profiles.yml` in flow style: who and where, and `more` keys.
    pub fn profile(&self, more: &str) -> String {
        format!(
            "shop:\n  target: dev\n  outputs:\n    dev: {{type: snowflake, account: acme-dev, host: 127.0.0.1, \
             port: {}, protocol: http, database: SHOP, schema: MAIN, threads: 4, {more}}}\n",
            self.port
        )
    }

    fn answer(&self, request: &Request) -> Reply {
        let fault = {
            let mut state = self.state();
            state.asked.push(format!("{} {}", request.method, request.path));
            state.faults.next(request)
        };
        match fault {
            None => self.route(request),
            Some(Fault::Lost) => Reply::Nothing,
            Some(Fault::Busy(status)) => Reply::status(status),
            Some(Fault::Unanswered) => {
                self.route(request);
                Reply::Nothing
            }
            Some(Fault::BusyAfter) => {
                self.route(request);
                Reply::status(503)
            }
            Some(Fault::Truncated) => self.route(request).truncated(),
            Some(Fault::Slow) => {
                sleep(Duration::from_millis(40));
                self.route(request)
            }
            Some(Fault::Expired) => {
                self.state().expire(request.token());
                self.route(request)
            }
            Some(Fault::Detached) => self.detached(request),
            Some(Fault::ExpiredPart) => {
                self.state().round += 1;
                self.route(request)
            }
        }
    }

    fn route(&self, request: &Request) -> Reply {
        let path = request.path.as_str();
        let mut state = self.state();
        match path {
            "/session/v1/login-request" => state.login(request),
            "/session/authenticator-request" => state.identity_provider(request),
            "/oauth/token-request" => state.access_token(request),
            "/session/token-request" => state.renew(request),
            "/session" => {
                state.closed_sessions += 1;
                Reply::json(json!({"success": true, "data": null}))
            }
            "/queries/v1/abort-request" => state.abort(request),
            "/queries/v1/query-request" => match state.turned_away(request) {
                Some(reply) => reply,
                None => Reply::json(state.query(request, self.port)),
            },
            _ if path.starts_with("/part/") => state.part(request),
            _ if path.starts_with("/stage/") => {
                state.stage.insert(path.to_owned(), request.body.clone());
                Reply::json(Value::Null)
            }
            _ => match path.strip_prefix("/queries/").and_then(|rest| rest.strip_suffix("/result")) {
                Some(query) => match state.turned_away(request) {
                    Some(reply) => reply,
                    None => Reply::json(state.result(query, self.port)),
                },
                None => Reply::status(404),
            },
        }
    }

    /// The answer is not given at once, but at an address of its own, after some asking.
    fn detached(&self, request: &Request) -> Reply {
        let mut state = self.state();
        if let Some(reply) = state.turned_away(request) {
            return reply;
        }
        let answer = state.query(request, self.port);
        let Some(query) = answer.pointer("/data/queryId").and_then(Value::as_str).map(str::to_owned) else {
            return Reply::json(answer);
        };
        let polls = 1 + usize::try_from(state.numbers % 2).unwrap();
        state.results.insert(query.clone(), (answer, polls));
        Reply::json(running(&query, "333334"))
    }
}

/// "Still running, ask there."
fn running(query: &str, code: &str) -> Value {
    let url = format!("/queries/{query}/result");
    json!({"success": true, "code": code, "message": "in progress", "data": {"queryId": query, "getResultUrl": url}})
}

fn failure(code: &str, message: &str, data: Value) -> Value {
    json!({"success": false, "code": code, "message": message, "data": data})
}
