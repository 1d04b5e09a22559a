//! A client of the example's event stream that sees every byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::http;

/// An open event stream.
pub(crate) struct EventStream {
    connection: TcpStream,
    seen: Vec<u8>,
}

impl EventStream {
    /// Asks for the stream.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut connection = http::connect(address).expect("the example accepts a connection");
        let request = format!("GET /api/v1/stream HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("the example reads");
        Self { connection, seen: Vec::new() }
    }

    /// Reads until `text` has come.
    ///
    /// # Panics
    /// When the stream ends before, or nothing comes for ten seconds.
    #[track_caller]
    pub(crate) fn read_until(&mut self, text: &str) -> &str {
        while !self.shown().contains(text) {
            let mut chunk = [0; 4096];
            let read = self.connection.read(&mut chunk).expect("something comes");
            assert_ne!(read, 0, "ended after {:?}", self.shown());
            self.seen.extend_from_slice(&chunk[..read]);
        }
        self.shown()
    }

    /// Reads to the end.
    ///
    /// # Panics
    /// When the connection is reset, or nothing comes for ten seconds.
    #[track_caller]
    pub(crate) fn read_to_end(mut self) -> String {
        self.connection.read_to_end(&mut self.seen).expect("the stream ends in order");
        self.shown().to_owned()
    }

    fn shown(&self) -> &str {
        str::from_utf8(&self.seen).expect("the example writes UTF-8")
    }
}
