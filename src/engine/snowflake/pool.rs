//! Logged-in connections: taken by a node, given back for the next one. A refused login is remembered, so that no other
//! thread tries the same wrong password.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use uuid::Uuid;

use super::{
    config::SnowflakeConfig,
    http::Http,
    login::{Tokens, heartbeat, log_in, log_out},
    query,
};
use crate::engine::EngineError;

/// The server ends a session that was idle for hours; this is well below.
const HEARTBEAT: Duration = Duration::from_secs(15 * 60);

/// One session on the server.
pub struct Connection {
    tokens: Mutex<Tokens>,
    sequence: AtomicU64,
    /// The request of the statement that runs now.
    pub running: Mutex<Option<Uuid>>,
}

impl Connection {
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
    /// Held while the first login is on its way; then what it was refused with.
    refused: tokio::sync::Mutex<Option<String>>,
    beats: AtomicBool,
}

impl Pool {
    pub fn new(config: Arc<SnowflakeConfig>, http: Arc<Http>) -> Self {
        Self {
            http,
            config,
            idle: Mutex::default(),
            all: Mutex::default(),
            refused: tokio::sync::Mutex::new(None),
            beats: AtomicBool::new(false),
        }
    }

    /// An idle connection, or a new one.
    ///
    /// # Errors
    /// A login that is refused, now or before.
    pub async fn take(self: &Arc<Self>) -> Result<Arc<Connection>, EngineError> {
        if let Some(connection) = lock(&self.idle).pop() {
            return Ok(connection);
        }
        let mut refused = self.refused.lock().await;
        if let Some(message) = refused.as_ref() {
            return Err(EngineError::Profile { message: message.clone() });
        }
        let tokens = match log_in(&self.http, &self.config).await {
            Ok(tokens) => tokens,
            Err(EngineError::Profile { message }) => {
                *refused = Some(message.clone());
                return Err(EngineError::Profile { message });
            }
            Err(error) => return Err(error),
        };
        drop(refused);
        let connection =
            Arc::new(Connection { tokens: Mutex::new(tokens), sequence: AtomicU64::new(0), running: Mutex::new(None) });
        lock(&self.all).push(Arc::clone(&connection));
        if self.config.keep_alive && !self.beats.swap(true, Ordering::Relaxed) {
            tokio::spawn(beat(Arc::downgrade(self)));
        }
        if let Some(roles) = &self.config.secondary_roles {
            let roles = if roles.eq_ignore_ascii_case("none") { "none" } else { "all" };
            let sql = format!("use secondary roles {roles}");
            query::run(&self.http, &connection, &sql).await.map_err(|failure| failure.error)?;
        }
        Ok(connection)
    }

    /// Gives a connection back for the next node, or ends it.
    pub fn give_back(&self, connection: Arc<Connection>) {
        if self.config.reuse_connections {
            lock(&self.idle).push(connection);
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
        let all: Vec<Tokens> = lock(&pool.all).iter().map(|connection| connection.tokens()).collect();
        for tokens in all {
            heartbeat(&pool.http, &tokens).await;
        }
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
