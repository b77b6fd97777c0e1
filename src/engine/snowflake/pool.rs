//! Logged-in connections: taken by a node, given back for the next one.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    auth::Authenticator,
    config::SnowflakeConfig,
    http::Http,
    login::{Tokens, log_in, log_out},
    query,
};
use crate::engine::EngineError;

/// The server ends a session that was idle for hours; this is well below.
const HEARTBEAT: Duration = Duration::from_secs(15 * 60);
/// A session that was idle for longer is looked at before it is used.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// A statement on its way: the request that began it, and its name on the server as soon as that is known.
#[derive(Debug, Clone)]
pub struct Running {
    pub request: Uuid,
    pub query_id: Option<String>,
}

/// One session on the server.
pub struct Connection {
    tokens: Mutex<Tokens>,
    sequence: AtomicU64,
    /// The statement that runs now.
    pub running: Mutex<Option<Running>>,
    /// Held while the session token is renewed.
    pub renewing: tokio::sync::Mutex<()>,
    /// Whether the session has ended on the server.
    gone: AtomicBool,
    used: Mutex<Instant>,
}

impl Connection {
    fn new(tokens: Tokens) -> Self {
        Self {
            tokens: Mutex::new(tokens),
            sequence: AtomicU64::new(0),
            running: Mutex::new(None),
            renewing: tokio::sync::Mutex::new(()),
            gone: AtomicBool::new(false),
            used: Mutex::new(Instant::now()),
        }
    }

    /// From now on nobody uses it.
    pub fn set_gone(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    pub fn tokens(&self) -> Tokens {
        lock(&self.tokens).clone()
    }

    pub fn set_tokens(&self, tokens: Tokens) {
        *lock(&self.tokens) = tokens;
    }

    /// The number of the next statement, from 1.
    pub fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }
}

pub struct Pool {
    pub http: Arc<Http>,
    config: Arc<SnowflakeConfig>,
    idle: Mutex<Vec<Arc<Connection>>>,
    all: Mutex<Vec<Arc<Connection>>>,
    authenticator: Arc<Authenticator>,
    beats: AtomicBool,
}

impl Pool {
    pub fn new(config: Arc<SnowflakeConfig>, http: Arc<Http>, authenticator: Arc<Authenticator>) -> Self {
        Self {
            http,
            config,
            idle: Mutex::default(),
            all: Mutex::default(),
            authenticator,
            beats: AtomicBool::new(false),
        }
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    /// A login that is refused, now or before.
    pub async fn take(self: &Arc<Self>) -> Result<Arc<Connection>, EngineError> {
        while let Some(connection) = self.idle() {
            let is_old = lock(&connection.used).elapsed() > IDLE;
            if !is_old || query::beat(&self.http, &connection).await.is_ok() {
                return Ok(connection);
            }
        }
        let tokens = log_in(&self.http, &self.config, &self.authenticator).await?;
        let connection = Arc::new(Connection::new(tokens));
        lock(&self.all).push(Arc::clone(&connection));
        if self.config.keep_alive && !self.beats.swap(true, Ordering::Relaxed) {
            tokio::spawn(beat(Arc::downgrade(self)));
        }
        Ok(connection)
    }

    fn idle(&self) -> Option<Arc<Connection>> {
        lock(&self.idle).pop()
    }

    /// Gives a connection back for the next node, or ends it.
    pub fn give_back(self: &Arc<Self>, connection: Arc<Connection>) {
        if self.config.reuse_connections && !connection.is_gone() {
            *lock(&connection.used) = Instant::now();
            lock(&self.idle).push(connection);
            return;
        }
        lock(&self.all).retain(|other| !Arc::ptr_eq(other, &connection));
        if let (false, Ok(runtime)) = (connection.is_gone(), tokio::runtime::Handle::try_current()) {
            let pool = Arc::clone(self);
            runtime.spawn(async move { log_out(&pool.http, &connection.tokens()).await });
        }
    }

    /// Ends all sessions on the server.
    pub async fn close(&self) {
        lock(&self.idle).clear();
        let all = std::mem::take(&mut *lock(&self.all));
        futures::future::join_all(all.iter().map(|connection| {
            let tokens = connection.tokens();
            async move { log_out(&self.http, &tokens).await }
        }))
        .await;
    }
}

async fn beat(pool: std::sync::Weak<Pool>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let Some(pool) = pool.upgrade() else { return };
        let all: Vec<Arc<Connection>> = lock(&pool.all).clone();
        for connection in all {
            // A session that has ended is told by the statement that needs it.
            let _ = query::beat(&pool.http, &connection).await;
        }
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
