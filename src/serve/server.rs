//! A server of one page over HTTP/1.1, on this machine alone. One request per connection; nothing is read from disk.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("`{host}` is not this machine: documentation is served on 127.0.0.1, ::1 or localhost only")]
    NotLoopback { host: String },
    #[error("cannot serve on port {port}: {cause}")]
    Bind {
        port: u16,
        #[source]
        cause: io::Error,
    },
}

/// A bound server.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    pub address: SocketAddr,
}

/// The longest request line and headers that are read.
const MAX_REQUEST: u64 = 16 * 1024;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Server {
    /// Binds `port` of a loopback address; 0 takes a free one.
    ///
    /// # Errors
    /// A host that is another machine, a port that is taken.
    pub fn bind(host: &str, port: u16) -> Result<Self, ServeError> {
        let ip: Option<IpAddr> = match host {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            other => other.parse().ok(),
        };
        let Some(ip) = ip.filter(IpAddr::is_loopback) else {
            return Err(ServeError::NotLoopback { host: host.to_owned() });
        };
        let bound = TcpListener::bind((ip, port)).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        });
        bound.map_err(|cause| ServeError::Bind { port, cause })
    }

    /// Answers requests for the page until the process ends; `most` bounds how many.
    pub fn run(&self, page: &str, most: Option<usize>) {
        let connections = self.listener.incoming().flatten();
        for connection in connections.take(most.unwrap_or(usize::MAX)) {
            // A client that goes away is its own affair.
            let _ = answer(connection, page, self.address.port());
        }
    }
}

fn answer(mut connection: TcpStream, page: &str, port: u16) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let request = head(&mut connection)?;
    let mut lines = request.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    // A page of another site must not read this one through a name that it lets point here.
    let known = ["127.0.0.1", "localhost", "[::1]"].into_iter().any(|name| {
        host.as_deref().is_some_and(|host| host == name || host.strip_prefix(name) == Some(&format!(":{port}")))
    });
    let (status, kind, body) = match (method, path.split('?').next().unwrap_or_default()) {
        _ if !known => ("403 Forbidden", "text/plain", "this server answers for localhost only\n"),
        ("GET" | "HEAD", "/" | "/index.html") => ("200 OK", "text/html; charset=utf-8", page),
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "not found\n"),
        _ => ("405 Method Not Allowed", "text/plain", "only GET is answered\n"),
    };
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\nCache-Control: \
         no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )?;
    if method != "HEAD" {
        connection.write_all(body.as_bytes())?;
    }
    connection.flush()
}

/// The request up to its empty line.
fn head(connection: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 1024];
    let mut limited = connection.take(MAX_REQUEST);
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = limited.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn only_the_page_is_served_and_only_to_this_machine() {
        let server = Server::bind("127.0.0.1", 0).unwrap();
        let address = server.address;
        let requests = [
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK", true),
            ("HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "200 OK", false),
            ("GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", false),
            ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405", false),
            ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403", false),
            ("GET / HTTP/1.1\r\n\r\n", "403", false),
        ];
        let serving = std::thread::spawn(move || server.run("<p>docs</p>", Some(requests.len())));
        for (request, status, has_page) in requests {
            let answer = ask(address, request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
            assert_eq!(answer.ends_with("<p>docs</p>"), has_page, "{request}: {answer}");
        }
        serving.join().unwrap();
    }

    #[test]
    fn another_machine_is_not_served() {
        for host in ["0.0.0.0", "192.168.1.1", "example.org", ""] {
            assert!(matches!(Server::bind(host, 0), Err(ServeError::NotLoopback { .. })), "{host}");
        }
    }
}
