//! The protocol of the socket, as far as a probe speaks it: framed text, never protobuf.
//!
//! A frame is a length in four bytes, big-endian, and that many bytes; a text is fields that end in NUL.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The versions that are offered. Newer servers take the newest of them, and speak text up to 200.
const OFFER: &str = "v100..200";
const OFFERED: std::ops::RangeInclusive<u32> = 100..=200;

/// From this version on an error message has no version of its own before its fields.
const ERRORS_WITHOUT_VERSION: u32 = 194;

/// A version and a time.
const LONGEST_GREETING: u32 = 256;

/// Chosen: far more than the accounts of any adviser, far less than memory.
const LONGEST_MESSAGE: u32 = 64 * 1024;

// What we say.
const START_API: &str = "71";
const REQUEST_CURRENT_TIME: &str = "49";

/// A connection on which both sides have agreed on a version.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    server_version: u32,
}

/// What a gateway says in a session; what is of no use to a probe is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The login's accounts are known, and there is one. Which they are is nobody's business.
    Accounts,
    /// Orders can be numbered.
    NextOrderId,
    CurrentTime,
    Notice {
        code: i32,
        text: String,
    },
    Other,
}

/// Why a gateway was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("the connection is closed")]
    Closed(#[from] io::Error),
    #[error("a message of {0} bytes is announced")]
    TooLong(u32),
    #[error("the greeting names no version that was offered")]
    NoVersion,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Agrees on a version.
    pub(super) async fn open(mut stream: S) -> Result<Self, WireError> {
        let hello = [b"API\0".as_slice(), &framed(OFFER)].concat();
        stream.write_all(&hello).await?;
        let greeting = read_frame(&mut stream, LONGEST_GREETING).await?;
        let mut fields = greeting.split('\0');
        let version = fields.next().and_then(|version| version.parse().ok());
        let server_version = version.filter(|version| OFFERED.contains(version)).ok_or(WireError::NoVersion)?;
        Ok(Self { stream, server_version })
    }

    /// One that has agreed already.
    #[cfg(test)]
    pub(super) fn greeted(stream: S, server_version: u32) -> Self {
        Self { stream, server_version }
    }

    pub(super) fn server_version(&self) -> u32 {
        self.server_version
    }

    /// Asks for a session.
    pub(super) async fn start_api(&mut self, client_id: u32) -> Result<(), WireError> {
        self.send(&[START_API, "2", &client_id.to_string(), ""]).await
    }

    pub(super) async fn request_current_time(&mut self) -> Result<(), WireError> {
        self.send(&[REQUEST_CURRENT_TIME, "1"]).await
    }

    pub(super) async fn receive(&mut self) -> Result<Message, WireError> {
        let text = read_frame(&mut self.stream, LONGEST_MESSAGE).await?;
        Ok(Message::read(&text, self.server_version))
    }

    async fn send(&mut self, fields: &[&str]) -> Result<(), WireError> {
        let text: String = fields.iter().flat_map(|field| [*field, "\0"]).collect();
        Ok(self.stream.write_all(&framed(&text)).await?)
    }
}

impl Message {
    fn read(text: &str, server_version: u32) -> Self {
        let mut fields = text.split('\0');
        match fields.next() {
            Some("4") => {
                let before_code = if server_version < ERRORS_WITHOUT_VERSION { 2 } else { 1 };
                let mut rest = fields.skip(before_code);
                match rest.next().and_then(|code| code.parse().ok()) {
                    Some(code) => Self::Notice { code, text: rest.next().unwrap_or_default().to_owned() },
                    None => Self::Other,
                }
            }
            Some("9") => Self::NextOrderId,
            Some("15") if fields.nth(1).is_some_and(|accounts| !accounts.is_empty()) => Self::Accounts,
            Some("49") => Self::CurrentTime,
            _ => Self::Other,
        }
    }
}

pub(super) fn framed(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("OK because our own messages have a few bytes");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// The next frame. Bytes that are no UTF-8 are replaced: the fields that matter are ASCII.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin), longest: u32) -> Result<String, WireError> {
    let length = stream.read_u32().await?;
    if length > longest {
        return Err(WireError::TooLong(length));
    }
    // A widening cast: the length is below a constant of 64 KiB.
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    Ok(String::from_utf8_lossy(&payload).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_their_version_writes_them() {
        let notice = |code, text: &str| Message::Notice { code, text: text.to_owned() };
        for (text, version, expected) in [
            ("15\x001\0DU1,DU2\0", 178, Message::Accounts),
            ("15\x001\0\0", 178, Message::Other),
            ("15\x001\0", 178, Message::Other),
            ("9\x001\x0042\0", 178, Message::NextOrderId),
            ("49\x001\x001700000000\0", 178, Message::CurrentTime),
            (
                "4\x002\0-1\x002104\0Market data farm connection is OK:usfarm\0\0",
                193,
                notice(2104, "Market data farm connection is OK:usfarm"),
            ),
            ("4\0-1\x00326\0in use\0\x001700000000000\0", 194, notice(326, "in use")),
            ("4\0-1\x00326", 200, notice(326, "")),
            ("4\x002\0-1\0many\0", 178, Message::Other),
            ("4\x002\0-1\x0099999999999\0", 178, Message::Other),
            ("4", 178, Message::Other),
            ("", 178, Message::Other),
            ("\0\0\0", 178, Message::Other),
        ] {
            assert_eq!(Message::read(text, version), expected, "{text:?} of {version}");
        }
    }
}
