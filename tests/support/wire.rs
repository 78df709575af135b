//! HTTP/1.1 framing that the client and the upstream share.

use std::io::{self, Read};

/// The most that a message's head or body may hold.
const LIMIT: usize = 16 * 1024 * 1024;

/// Header lines as they came, in order, duplicates included.
pub type Headers = Vec<(String, Vec<u8>)>;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Empty,
    Length(usize),
    Chunked,
    ToClose,
}

impl Framing {
    /// What the headers say; `otherwise` where they say nothing.
    pub fn of(headers: &Headers, otherwise: Self) -> Self {
        if find(headers, "transfer-encoding").is_some_and(|value| value.ends_with(b"chunked")) {
            return Self::Chunked;
        }
        find(headers, "content-length")
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok())
            .map_or(otherwise, Self::Length)
    }
}

/// The first header of this name.
pub fn find<'headers>(headers: &'headers Headers, name: &str) -> Option<&'headers [u8]> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

/// The only header of this name; the test fails where there are two.
#[track_caller]
pub fn only<'headers>(headers: &'headers Headers, name: &str) -> Option<&'headers [u8]> {
    let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    let (_, value) = found.next()?;
    assert!(found.next().is_none(), "two headers {name} in {}", show(headers));
    Some(value)
}

/// Every value of this name, in order.
pub fn values(headers: &Headers, name: &str) -> Vec<Vec<u8>> {
    let found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone()).collect()
}

/// Header lines as a person reads them.
pub fn show(headers: &Headers) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {}\n", value.escape_ascii()));
    lines.collect()
}

/// Reads messages from a stream, and keeps what belongs to the next one.
#[derive(Debug)]
pub struct Reader<Stream> {
    stream: Stream,
    buffer: Vec<u8>,
}

impl<Stream: Read> Reader<Stream> {
    pub const fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub const fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The bytes up to and with the empty line; `None` at a clean end of the stream.
    pub fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n\r\n") {
                return Ok(Some(self.take(end + 4)));
            }
            if !self.fill()? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    pub fn body(&mut self, framing: Framing) -> io::Result<Vec<u8>> {
        match framing {
            Framing::Empty => Ok(Vec::new()),
            Framing::Length(length) => self.exactly(length),
            Framing::ToClose => {
                while self.fill()? {}
                Ok(self.take(self.buffer.len()))
            }
            Framing::Chunked => self.chunks(),
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let (_, size) = match httparse::parse_chunk_size(&line) {
                Ok(httparse::Status::Complete(parsed)) => parsed,
                other => return Err(io::Error::other(format!("chunk size {line:?}: {other:?}"))),
            };
            if size == 0 {
                while self.line()? != b"\r\n" {}
                return Ok(body);
            }
            let size = usize::try_from(size).map_err(io::Error::other)?;
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
        }
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n") {
                return Ok(self.take(end + 2));
            }
            self.more()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.more()?;
        }
        Ok(self.take(length))
    }

    fn more(&mut self) -> io::Result<()> {
        if self.fill()? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn fill(&mut self) -> io::Result<bool> {
        if self.buffer.len() > LIMIT {
            return Err(io::Error::other("the message is too long for a test"));
        }
        let mut part = [0; 16 * 1024];
        let count = self.stream.read(&mut part)?;
        self.buffer.extend_from_slice(&part[..count]);
        Ok(count > 0)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }
}

/// Where `needle` first is.
pub fn position(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|part| part == needle)
}
