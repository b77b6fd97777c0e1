//! Downloads: bounded in size and time, tried again where the network failed, never over an unprotected connection when a
//! protected one was asked for.

#[cfg(feature = "download")]
pub(super) use client::Http;
#[cfg(not(feature = "download"))]
pub(super) use without::Http;

/// The address without a password and without its query, which may hold a key.
pub(super) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    super::git::shown(plain)
}

#[cfg(feature = "download")]
mod client {
    use std::time::Duration;

    use reqwest::{Client, StatusCode, redirect::Policy};

    use super::{super::error::Problem, shown};

    const ATTEMPTS: u32 = 4;
    const MAX_REDIRECTS: usize = 5;

    pub struct Http {
        client: Client,
    }

    /// Why one attempt failed, and whether another may do better.
    struct Failed {
        why: String,
        temporary: bool,
        missing: bool,
    }

    impl Http {
        /// # Errors
        /// When the certificates of this machine cannot be read.
        pub fn new(package: &str) -> Result<Self, Problem> {
            let redirects = Policy::custom(|attempt| {
                let was_safe = attempt.previous().iter().any(|url| url.scheme() == "https");
                if attempt.previous().len() > MAX_REDIRECTS {
                    attempt.error("it redirects too often")
                } else if was_safe && attempt.url().scheme() != "https" {
                    attempt.error("it redirects from https to http")
                } else {
                    attempt.follow()
                }
            });
            let client = Client::builder()
                .user_agent(concat!("tamis/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_secs(30))
                .timeout(Duration::from_secs(600))
                .redirect(redirects)
                .build();
            match client {
                Ok(client) => Ok(Self { client }),
                Err(error) => Err(Problem::Download { url: package.to_owned(), why: causes(&error) }),
            }
        }

        /// The body of `url`, of at most `limit` bytes; `None` when there is no such page.
        pub async fn get(&self, url: &str, limit: u64) -> Result<Option<Vec<u8>>, Problem> {
            let mut attempt = 1;
            loop {
                let failed = match self.once(url, limit).await {
                    Ok(body) => return Ok(Some(body)),
                    Err(failed) if failed.missing => return Ok(None),
                    Err(failed) => failed,
                };
                if !failed.temporary || attempt == ATTEMPTS {
                    return Err(Problem::Download { url: shown(url), why: failed.why });
                }
                tokio::time::sleep(Duration::from_millis(200 * 3_u64.pow(attempt - 1))).await;
                attempt += 1;
            }
        }

        async fn once(&self, url: &str, limit: u64) -> Result<Vec<u8>, Failed> {
            let failed = |error: reqwest::Error| Failed {
                temporary: error.is_connect() || error.is_timeout() || error.is_body(),
                why: causes(&error),
                missing: false,
            };
            let mut response = self.client.get(url).send().await.map_err(failed)?;
            let status = response.status();
            if !status.is_success() {
                let temporary = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                let missing = status == StatusCode::NOT_FOUND;
                return Err(Failed { why: format!("the server answered {status}"), temporary, missing });
            }
            let too_large = || Failed {
                why: format!("it is larger than {} MB", limit / (1024 * 1024)),
                temporary: false,
                missing: false,
            };
            if response.content_length().is_some_and(|length| length > limit) {
                return Err(too_large());
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                body.extend_from_slice(&chunk);
                if u64::try_from(body.len()).unwrap_or(u64::MAX) > limit {
                    return Err(too_large());
                }
            }
            Ok(body)
        }
    }

    /// An error with its causes, without the address that the message has already.
    fn causes(error: &reqwest::Error) -> String {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        if causes.is_empty() { error.to_string() } else { causes.join(": ") }
    }
}

#[cfg(not(feature = "download"))]
mod without {
    use super::super::error::Problem;

    /// A build without a client refuses every download.
    pub struct Http;

    impl Http {
        pub fn new(package: &str) -> Result<Self, Problem> {
            Err(Problem::NoClient { package: package.to_owned() })
        }

        pub async fn get(&self, url: &str, _limit: u64) -> Result<Option<Vec<u8>>, Problem> {
            Err(Problem::NoClient { package: url.to_owned() })
        }
    }
}
