//! Login in the browser: a listener on this machine's loopback that waits for the identity provider's redirect.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::Secret;
use crate::engine::EngineError;

/// How long a person has to log in.
const PATIENCE: Duration = Duration::from_secs(180);
/// A redirect's request line and headers; tokens of identity providers are a few thousand characters.
const MOST: usize = 64 * 1024;

const DONE: &str = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>tamis</title></head><body>\
    You are logged in. This window can be closed.</body></html>";

/// Waits for one redirect.
pub struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// [`EngineError::Storage`] when no port can be opened.
    pub async fn listen() -> Result<Self, EngineError> {
        let failed = |error: std::io::Error| EngineError::Storage {
            context: "cannot listen on 127.0.0.1 for the login in the browser".into(),
            message: error.to_string(),
            path: None,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The token that the redirect brings. Other requests (a favicon, another page's script) are turned away.
    ///
    /// # Errors
    /// [`EngineError::Profile`] when nobody logs in within three minutes.
    pub async fn token(self) -> Result<Secret, EngineError> {
        let received = timeout(PATIENCE, async {
            loop {
                // A connection that says nothing must not keep the next one waiting for long.
                if let Ok((stream, _)) = self.listener.accept().await
                    && let Ok(Some(token)) = timeout(Duration::from_secs(10), serve(stream)).await
                {
                    return token;
                }
            }
        });
        received.await.map_err(|_| EngineError::Profile {
            message: format!(
                "nobody logged in with the browser within {} seconds; where there is no browser use a key pair or an \
                 access token",
                PATIENCE.as_secs()
            ),
        })
    }
}

/// Answers one connection.
async fn serve(mut stream: TcpStream) -> Option<Secret> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") && head.len() < MOST {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => head.extend(buffer.iter().take(read)),
        }
    }
    let token = token_of(&String::from_utf8_lossy(&head));
    let (status, page) = if token.is_some() { ("200 OK", DONE) } else { ("404 Not Found", "") };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    token
}

/// `token` of a GET request that a navigation made; a page of another origin that sends requests here is no login.
fn token_of(head: &str) -> Option<Secret> {
    let mut lines = head.lines();
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let foreign = lines.any(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        name.eq_ignore_ascii_case("origin") && !value.trim().eq_ignore_ascii_case("null")
    });
    if foreign {
        return None;
    }
    let (_, query) = target.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    let token = percent_decoded(value)?;
    (!token.is_empty()).then(|| Secret::new(token))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_navigation_with_a_token_is_a_login() {
        for (request, expected) in [
            ("GET /?token=ver%3A1%2Bx HTTP/1.1\r\nHost: localhost\r\n\r\n", Some("ver:1+x")),
            ("GET /?a=b&token=t HTTP/1.1\r\nOrigin: null\r\n\r\n", Some("t")),
            ("GET /favicon.ico HTTP/1.1\r\n\r\n", None),
            ("GET /?token= HTTP/1.1\r\n\r\n", None),
            ("GET /?token=%zz HTTP/1.1\r\n\r\n", None),
            ("GET /?token=t HTTP/1.1\r\nOrigin: https://evil.example\r\n\r\n", None),
            ("POST /?token=t HTTP/1.1\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(token_of(request).as_ref().map(Secret::reveal), expected, "{request}");
        }
    }
}
