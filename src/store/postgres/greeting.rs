//! The first words of the PostgreSQL protocol: enough to hear why a server lets nobody in.
//!
//! Pools hide that behind their timeout. A server that refuses (starting up, too many connections) says so before it
//! asks who we are, so no password is needed and none is sent.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::{PostgresAddress, PostgresServer};

/// What a server says first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// It goes on to authenticate, or asks for TLS first: it works.
    Welcome,
    /// It refuses.
    Refused {
        /// The SQLSTATE.
        sqlstate: String,
        /// Its text.
        message: String,
    },
}

/// Connects, hears the first message and leaves.
///
/// # Errors
/// When nobody answers, or somebody who is no PostgreSQL server.
pub(crate) async fn greet(server: &PostgresServer) -> io::Result<Greeting> {
    converse(connect(&server.address).await?, server).await
}

/// Asks whether TLS is to be had, hears the answer and leaves.
///
/// A pooler answers that by itself, while it may hold back the answer to a login until the server behind it has let it in.
///
/// # Errors
/// When nobody answers, or somebody who speaks no PostgreSQL.
pub(crate) async fn knock(server: &PostgresServer) -> io::Result<()> {
    ask_for_tls(connect(&server.address).await?).await
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn connect(address: &PostgresAddress) -> io::Result<Box<dyn Stream>> {
    match address {
        PostgresAddress::Tcp(host, port) => Ok(Box::new(TcpStream::connect((host.as_str(), *port)).await?)),
        #[cfg(unix)]
        PostgresAddress::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        PostgresAddress::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

async fn ask_for_tls(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(&TLS_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' | b'N' => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no answer of PostgreSQL")),
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, server: &PostgresServer) -> io::Result<Greeting> {
    stream.write_all(&startup_message(server)).await?;
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let body_length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    let Some(body_length) = body_length.filter(|length| *length <= LONGEST_MESSAGE) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no message of PostgreSQL"));
    };
    let mut body = vec![0; body_length];
    stream.read_exact(&mut body).await?;
    match kind {
        b'E' => Ok(refusal(&body)),
        b'R' => {
            // The peer may be gone already; it has said what we wanted to hear.
            let _ = stream.write_all(&TERMINATE).await;
            Ok(Greeting::Welcome)
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no first message of PostgreSQL")),
    }
}

/// Chosen: errors and authentication requests are far shorter.
const LONGEST_MESSAGE: usize = 8 * 1024;
/// Protocol 3.0.
const PROTOCOL: u32 = 3 << 16;
/// A message of eight bytes with the number 1234 5679 in place of a protocol.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

fn startup_message(server: &PostgresServer) -> Vec<u8> {
    let database = server.database.as_deref().unwrap_or(&server.user);
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for part in ["user", &server.user, "database", database] {
        body.extend_from_slice(part.as_bytes());
        body.push(0);
    }
    body.push(0);
    // OK because names that do not fit into four gigabytes are in no configuration; a wrong length is refused.
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// Reads the fields of an error: a letter and a text that ends in NUL, each.
fn refusal(body: &[u8]) -> Greeting {
    let field = |letter: u8| {
        let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&letter));
        found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    Greeting::Refused { sqlstate: field(b'C'), message: field(b'M') }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    fn server() -> PostgresServer {
        PostgresServer { address: PostgresAddress::of_host("db", 5432), user: "app".to_owned(), database: None }
    }

    async fn hear(answer: &[u8]) -> io::Result<Greeting> {
        let (ours, _theirs) = saying(answer).await;
        converse(ours, &server()).await
    }

    /// Our end of a connection on which the peer says this, or hangs up if it has nothing to say.
    async fn saying(answer: &[u8]) -> (DuplexStream, DuplexStream) {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(answer).await.unwrap();
        if answer.is_empty() {
            theirs.shutdown().await.unwrap();
        }
        (ours, theirs)
    }

    #[tokio::test]
    async fn first_message_says_whether_the_server_works() {
        assert_eq!(hear(b"R\0\0\0\x08\0\0\0\x0a").await.unwrap(), Greeting::Welcome);
        let fields = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0";
        let mut error = vec![b'E'];
        error.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        error.extend(fields);
        let refused = Greeting::Refused {
            sqlstate: "57P03".to_owned(),
            message: "the database system is starting up".to_owned(),
        };
        assert_eq!(hear(&error).await.unwrap(), refused);
        for nonsense in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n", b"E\xff\xff\xff\xff", b"E\0\0\0\0", b"Z\0\0\0\x04"]
        {
            assert!(hear(nonsense).await.is_err(), "{nonsense:?}");
        }
    }

    #[tokio::test]
    async fn knock_is_answered_by_whoever_speaks_the_protocol() {
        for (answer, speaks) in [(&b"N"[..], true), (b"S", true), (b"", false), (b"H", false)] {
            let (ours, _theirs) = saying(answer).await;
            assert_eq!(ask_for_tls(ours).await.is_ok(), speaks, "{answer:?}");
        }
    }

    #[test]
    fn startup_message_is_that_of_protocol_3() {
        assert_eq!(startup_message(&server()), b"\0\0\0\x1f\0\x03\0\0user\0app\0database\0app\0\0");
    }
}
