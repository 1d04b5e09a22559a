//! A connection to Redis that needs no driver: enough to ask a server how it is.

use std::fmt;
use std::io;

use http::Uri;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::{RedisError, RedisProbe};
use crate::error::InvalidValue;
use crate::percent;
use crate::redact::{Secret, scrub_url};

/// A connection of a check's own, for a server that the service has no connection to. It is opened when it is first asked
/// for, kept, and opened again after it broke or an answer was not waited for.
///
/// Speaks RESP2 over TCP. A server that wants TLS needs a driver.
pub struct RedisConnection {
    host: String,
    port: u16,
    credentials: Option<Credentials>,
    open: Mutex<Option<BufReader<TcpStream>>>,
}

struct Credentials {
    user: Option<String>,
    password: Secret<String>,
}

impl RedisConnection {
    /// A connection to where `redis://user:password@host:6379` points. What follows the port, such as a database number,
    /// makes no difference to what is asked.
    ///
    /// # Errors
    /// When `url` is no such URL. The error shows its scheme and host.
    pub fn from_url(url: &str) -> Result<Self, InvalidValue> {
        Self::read(url).ok_or_else(|| {
            InvalidValue::new(
                "Redis URL",
                scrub_url(url),
                "redis://user:password@host:6379, user and password optional",
            )
        })
    }

    fn read(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("redis"))?;
        let (credentials, place) = match authority.as_str().rsplit_once('@') {
            Some((userinfo, place)) => (Credentials::read(userinfo)?, place),
            None => (None, authority.as_str()),
        };
        let host = authority.host();
        // `Authority::port` takes a port that is no number for none.
        let port = match place.strip_prefix(host)? {
            "" => USUAL_PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, credentials, open: Mutex::default() })
    }

    async fn connect(&self) -> Result<BufReader<TcpStream>, RedisError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let mut stream = BufReader::new(stream.map_err(unreachable)?);
        if let Some(credentials) = &self.credentials {
            let answer = match &credentials.user {
                Some(user) => ask(&mut stream, &["AUTH", user, credentials.password.expose()]).await?,
                None => ask(&mut stream, &["AUTH", credentials.password.expose()]).await?,
            };
            answer.map_err(|text| RedisError::Unauthenticated(text.into()))?;
        }
        Ok(stream)
    }
}

impl Credentials {
    /// `None` inside: there are none.
    fn read(userinfo: &str) -> Option<Option<Self>> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let (user, password) = (percent::decoded(user)?, percent::decoded(password)?);
        let user = Some(user).filter(|user| !user.is_empty());
        Some((!password.is_empty()).then(|| Self { user, password: Secret::new(password) }))
    }
}

const USUAL_PORT: u16 = 6379;

/// Shows where it leads, and neither user nor password.
impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl RedisProbe for RedisConnection {
    async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
        let mut open = self.open.lock().await;
        // Taken, so that one whose answer is not waited for is closed.
        let kept = match open.take() {
            Some(mut stream) => ask(&mut stream, command).await.ok().map(|answer| (stream, answer)),
            None => None,
        };
        let (stream, answer) = match kept {
            Some(answered) => answered,
            // Servers close connections that are idle, and when they are started again.
            None => {
                let mut stream = self.connect().await?;
                let answer = ask(&mut stream, command).await?;
                (stream, answer)
            }
        };
        *open = Some(stream);
        answer.map_err(|text| RedisError::of_server_text(&text))
    }
}

/// The answer in text, or the server's error.
type Answer = Result<String, String>;

async fn ask(stream: &mut BufReader<TcpStream>, command: &[&str]) -> Result<Answer, RedisError> {
    let mut request = format!("*{}\r\n", command.len());
    for part in command {
        request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
    }
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    read_answer(stream).await
}

/// Chosen: `INFO` of a large cluster has a hundredth of it.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
const LONGEST_LINE: u64 = 64 * 1024;

/// Reads one value; the elements of an array, and of those in it, become lines.
async fn read_answer(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Answer, RedisError> {
    let mut lines = Vec::new();
    let mut left = LONGEST_ANSWER;
    let mut values = 1_usize;
    while let Some(others) = values.checked_sub(1) {
        values = others;
        let head = read_line(stream).await?;
        left = left.checked_sub(head.len()).ok_or_else(nonsense)?;
        let Some((kind, rest)) = head.split_at_checked(1) else { return Err(nonsense()) };
        match (kind, rest.parse::<i64>()) {
            ("+", _) => lines.push(rest.to_owned()),
            (":", Ok(number)) => lines.push(number.to_string()),
            ("-", _) if lines.is_empty() && values == 0 => return Ok(Err(rest.to_owned())),
            ("-", _) => lines.push(rest.to_owned()),
            ("$" | "*", Ok(-1)) => lines.push(String::new()),
            ("$", Ok(length)) => {
                let length = usize::try_from(length).map_err(|_| nonsense())?;
                left = left.checked_sub(length).ok_or_else(nonsense)?;
                lines.push(read_bulk(stream, length).await?);
            }
            ("*", Ok(count)) => {
                let count = usize::try_from(count).ok().filter(|count| *count <= left);
                values = count.and_then(|count| values.checked_add(count)).ok_or_else(nonsense)?;
            }
            _ => return Err(nonsense()),
        }
    }
    Ok(Ok(lines.join("\n")))
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<String, RedisError> {
    let mut line = String::new();
    stream.take(LONGEST_LINE).read_line(&mut line).await.map_err(unreachable)?;
    match line.strip_suffix("\r\n") {
        Some(text) => Ok(text.to_owned()),
        None if line.is_empty() => Err(unreachable(io::ErrorKind::UnexpectedEof.into())),
        None => Err(nonsense()),
    }
}

async fn read_bulk(stream: &mut (impl AsyncBufReadExt + Unpin), length: usize) -> Result<String, RedisError> {
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes).await.map_err(unreachable)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unreachable(error: io::Error) -> RedisError {
    RedisError::Unreachable(error.into())
}

fn nonsense() -> RedisError {
    RedisError::Other("no answer of Redis".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn heard(bytes: &[u8]) -> Result<Answer, RedisError> {
        read_answer(&mut &bytes[..]).await
    }

    #[tokio::test]
    async fn answers_of_each_kind_become_text() {
        for (bytes, expected) in [
            (&b"+PONG\r\n"[..], Ok("PONG")),
            (b":42\r\n", Ok("42")),
            (b"$5\r\nr\xc3\xb4le\r\n", Ok("rôle")),
            (b"$-1\r\n", Ok("")),
            (b"*0\r\n", Ok("")),
            (b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n+b\r\n", Ok("a\n1\nb")),
            (b"-LOADING Redis is loading\r\n", Err("LOADING Redis is loading")),
        ] {
            let answer = heard(bytes).await.unwrap();
            assert_eq!(answer.as_deref().map_err(String::as_str), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[tokio::test]
    async fn nonsense_is_no_answer_and_takes_no_memory() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\r\n",
            b"$nan\r\n",
            b"$-2\r\n",
            b"$9999999999\r\n",
            b"*9999999999\r\n",
            b"*-2\r\n",
            b"+no end",
            b"",
            b"$5\r\nab",
        ] {
            assert!(heard(bytes).await.is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn urls_are_read_whole_or_refused_without_their_secret() {
        for (url, host, port, user, password) in [
            ("redis://localhost", "localhost", 6379, None, None),
            ("redis://localhost:7000/1", "localhost", 7000, None, None),
            ("redis://:pw@cache:7000", "cache", 7000, None, Some("pw")),
            ("redis://app:p%40w@[::1]:7000/0", "::1", 7000, Some("app"), Some("p@w")),
            ("redis://app@cache", "cache", 6379, None, None),
        ] {
            let connection = RedisConnection::from_url(url).unwrap();
            assert_eq!((connection.host.as_str(), connection.port), (host, port), "{url}");
            let credentials = connection.credentials.as_ref();
            assert_eq!(credentials.and_then(|known| known.user.as_deref()), user, "{url}");
            assert_eq!(credentials.map(|known| known.password.expose().as_str()), password, "{url}");
            assert!(!format!("{connection:?}").contains("pw"), "{connection:?}");
        }
        for url in
            ["", "localhost", "http://u:hidden@h", "rediss://u:hidden@h", "redis://u:hidden@h:x", "redis://u:hidden%@h"]
        {
            let refused = RedisConnection::from_url(url).unwrap_err();
            assert!(!refused.to_string().contains("hidden"), "{refused}");
        }
    }
}
