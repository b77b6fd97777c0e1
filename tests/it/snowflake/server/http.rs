//! HTTP/1.1 in as many lines as a test needs: requests with a length, answers with a length, one connection for many.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

/// A request.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: HashMap<String, String>,
    /// By names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The id that all attempts of one request share.
    pub fn id(&self) -> String {
        let id = self.query.get("requestId").or_else(|| self.query.get("request_id"));
        id.cloned().unwrap_or_else(|| self.path.clone())
    }

    /// The session token.
    pub fn token(&self) -> &str {
        let value = self.header("authorization");
        value.strip_prefix("Snowflake Token=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or("")
    }
}

/// What is sent back.
#[derive(Debug)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
        cut: bool,
    },
    /// The connection is closed without a word.
    Nothing,
}

impl Reply {
    pub fn json(value: Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer { status: 200, headers, body: value.to_string().into_bytes(), cut: false }
    }

    pub fn status(status: u16) -> Self {
        let headers = vec![("retry-after", "0".to_owned())];
        Self::Answer { status, headers, body: b"<html>".to_vec(), cut: false }
    }

    /// Compressed bytes.
    pub fn packed(body: &[u8]) -> Self {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(body).unwrap();
        let headers = vec![("content-encoding", "gzip".to_owned())];
        Self::Answer { status: 200, headers, body: packer.finish().unwrap(), cut: false }
    }

    /// The same, of which half arrives.
    pub fn truncated(self) -> Self {
        match self {
            Self::Answer { status, headers, body, .. } => Self::Answer { status, headers, body, cut: true },
            Self::Nothing => Self::Nothing,
        }
    }
}

/// Answers the requests of one connection until one side closes it.
pub fn serve(stream: TcpStream, answer: impl Fn(Request) -> Reply) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        let Reply::Answer { status, headers, body, cut } = answer(request) else { return };
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let sent = if cut { &body[..body.len() / 2] } else { &body };
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(sent)).is_err() || cut {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut parts = line.split(' ');
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    // A proxied request names the server as well.
    let target = target
        .strip_prefix("http://")
        .and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()))
        .unwrap_or(target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), decoded(value)))
        .collect();
    Some(Request { method, path: path.to_owned(), query, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Text of a query or a form.
pub fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(plain).unwrap()
}
