//! Tokens of interactive logins, kept between runs in the file that Snowflake's own clients keep them in, readable by
//! its owner only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Secret;

const FILE: &str = "credential_cache_v1.json";
const LOCK: &str = "credential_cache_v1.json.lck";

/// What a cached token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Stands for a login in the browser.
    Id,
    /// Stands for a second factor.
    Mfa,
}

impl TokenKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Id => "ID_TOKEN",
            Self::Mfa => "MFA_TOKEN",
        }
    }
}

/// The file, and whose tokens.
#[derive(Debug, Clone)]
pub struct TokenCache {
    folder: PathBuf,
    host: String,
    user: String,
}

impl TokenCache {
    pub fn new(folder: &Path, host: &str, user: &str) -> Self {
        Self { folder: folder.to_owned(), host: host.to_uppercase(), user: user.to_uppercase() }
    }

    /// The token, if there is one. A file that others can read is not trusted.
    pub fn get(&self, kind: TokenKind) -> Option<Secret> {
        let tokens = self.read().ok()?;
        tokens.get(&self.key(kind))?.as_str().filter(|token| !token.is_empty()).map(Secret::new)
    }

    /// Keeps a token, or forgets it. A cache that cannot be written costs a login more, nothing else.
    pub fn set(&self, kind: TokenKind, token: Option<&Secret>) {
        if let Err(error) = self.write(kind, token) {
            tracing::warn!(folder = %self.folder.display(), %error, "the token of this login could not be kept");
        }
    }

    fn key(&self, kind: TokenKind) -> String {
        let digest = Sha256::digest(format!("{}:{}:{}", self.host, self.user, kind.as_str()));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(&self) -> io::Result<Map<String, Value>> {
        let path = self.folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
            text => text?,
        };
        if !is_private(&path)? {
            return Err(io::Error::other("others can read the file; `chmod 600` it"));
        }
        let mut content: Value = serde_json::from_str(&text).unwrap_or_default();
        match content.get_mut("tokens").map(Value::take) {
            Some(Value::Object(tokens)) => Ok(tokens),
            _ => Ok(Map::new()),
        }
    }

    fn write(&self, kind: TokenKind, token: Option<&Secret>) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let _lock = Lock::take(&self.folder.join(LOCK))?;
        let mut tokens = self.read()?;
        let before = tokens.clone();
        match token {
            Some(token) => tokens.insert(self.key(kind), token.reveal().into()),
            None => tokens.remove(&self.key(kind)),
        };
        if tokens == before {
            return Ok(());
        }
        let path = self.folder.join(FILE);
        let beside = self.folder.join(format!("{FILE}.{}", std::process::id()));
        write_private(&beside, &json!({"tokens": tokens}).to_string())?;
        fs::rename(&beside, &path)
    }
}

/// A folder that exists while somebody writes.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> io::Result<Self> {
        for _ in 0..20 {
            match fs::create_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sleep(Duration::from_millis(100)),
                other => return other.map(|()| Self(path.to_owned())),
            }
        }
        // Two seconds old: whoever made it has died.
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[cfg(unix)]
fn is_private(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> io::Result<bool> {
    Ok(true)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_for_its_host_and_user_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::new(folder.path(), "acme.snowflakecomputing.com", "ann");
        assert_eq!(cache.get(TokenKind::Id), None);
        cache.set(TokenKind::Id, Some(&Secret::new("id-1")));
        cache.set(TokenKind::Mfa, Some(&Secret::new("mfa-1")));
        assert_eq!(cache.get(TokenKind::Id), Some(Secret::new("id-1")));
        let other = TokenCache::new(folder.path(), "acme.snowflakecomputing.com", "bob");
        assert_eq!(other.get(TokenKind::Id), None);
        cache.set(TokenKind::Id, None);
        assert_eq!((cache.get(TokenKind::Id), cache.get(TokenKind::Mfa)), (None, Some(Secret::new("mfa-1"))));
        assert!(is_private(&folder.path().join(FILE)).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_neither_trusted_nor_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let cache = TokenCache::new(folder.path(), "h", "u");
        cache.set(TokenKind::Id, Some(&Secret::new("one")));
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(cache.get(TokenKind::Id), None);
        cache.set(TokenKind::Id, Some(&Secret::new("two")));
        assert!(fs::read_to_string(&path).unwrap().contains("one"));
    }
}
