//! A raw client: the target and the header bytes go out as the test wrote them.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    str,
    time::Duration,
};

use serde_json::Value;

use super::wire::{self, Framing, Headers, Reader};

const TIME_OUT: Duration = Duration::from_secs(10);

/// A request that nothing checks or encodes on its way out.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: Vec<u8>,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            headers: Headers::new(),
            body: Vec::new(),
        }
    }

    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// Adds one more header line, also where one of that name is there already.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The bytes sent. `host`, `content-length` and `connection: close` come by themselves, unless
    /// the test wrote a header of that name (or a `transfer-encoding`).
    pub fn bytes(&self) -> Vec<u8> {
        let has = |name: &str| wire::find(&self.headers, name).is_some();
        let mut out = Vec::new();
        let mut line = |parts: [&[u8]; 4]| {
            out.extend(parts.concat());
            out.extend(b"\r\n");
        };
        line([self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1"]);
        if !has("host") {
            line([b"host", b": ", b"api.example.com", b""]);
        }
        for (name, value) in &self.headers {
            line([name.as_bytes(), b": ", value, b""]);
        }
        if !self.body.is_empty() && !has("content-length") && !has("transfer-encoding") {
            let length = self.body.len().to_string();
            line([b"content-length", b": ", length.as_bytes(), b""]);
        }
        if !has("connection") {
            line([b"connection", b": ", b"close", b""]);
        }
        line([b"", b"", b"", b""]);
        out.extend(&self.body);
        out
    }
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    /// The only header of this name; the test fails where there are two, or where it isn't text.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = wire::only(&self.headers, name)?;
        Some(str::from_utf8(value).unwrap_or_else(|_| panic!("{name} is not UTF-8 in {self:?}")))
    }

    /// All headers of this name, a line each; `None` where there is none.
    pub fn lines(&self, name: &str) -> Option<String> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let lines: Vec<_> = named.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is not JSON ({error}): {}", self.text()))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, body) = (self.status, self.body.escape_ascii());
        write!(out, "{status}\n{}\n{body}", wire::show(&self.headers))
    }
}

/// Sends a request and reads its answer; the test fails where there is none.
#[track_caller]
pub fn send(addr: SocketAddr, request: &Request) -> Response {
    try_send(addr, request).unwrap_or_else(|error| {
        let target = String::from_utf8_lossy(&request.target);
        panic!("{} {target} to {addr}: {error}", request.method)
    })
}

/// Sends a request and reads its answer.
pub fn try_send(addr: SocketAddr, request: &Request) -> io::Result<Response> {
    exchange(addr, &request.bytes(), request.method != "HEAD")
}

/// Sends any bytes at all and reads one answer.
pub fn exchange(addr: SocketAddr, bytes: &[u8], body_follows: bool) -> io::Result<Response> {
    Connection::open(addr)?.exchange(bytes, body_follows)
}

/// A connection for one request after another. They need `connection: keep-alive`.
#[derive(Debug)]
pub struct Connection<Stream> {
    reader: Reader<Stream>,
}

impl Connection<TcpStream> {
    pub fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, TIME_OUT)?;
        stream.set_read_timeout(Some(TIME_OUT))?;
        stream.set_write_timeout(Some(TIME_OUT))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<Stream: Read + Write> Connection<Stream> {
    pub const fn over(stream: Stream) -> Self {
        Self { reader: Reader::new(stream) }
    }

    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        self.exchange(&request.bytes(), request.method != "HEAD")
    }

    fn exchange(&mut self, bytes: &[u8], body_follows: bool) -> io::Result<Response> {
        // A server may answer and close before it has read all, so what counts is the answer.
        let written = self.reader.stream_mut().write_all(bytes);
        let answer = self.answer(body_follows);
        match (&answer, written) {
            (Err(error), Err(not_written)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(not_written)
            }
            _ => answer,
        }
    }

    /// Reads the answer; those that come before it, such as `100 Continue`, are skipped.
    pub(super) fn answer(&mut self, body_follows: bool) -> io::Result<Response> {
        loop {
            let answer = self.next_answer(body_follows)?;
            if answer.status >= 200 {
                return Ok(answer);
            }
        }
    }

    /// Reads whatever answer is the next.
    pub(super) fn next_answer(&mut self, body_follows: bool) -> io::Result<Response> {
        let Some(head) = self.reader.head()? else {
            let reason = "closed without an answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        };
        let (status, headers) = parse(&head)?;
        let framing = if body_follows && status >= 200 && status != 204 && status != 304 {
            Framing::of(&headers, Framing::ToClose)
        } else {
            Framing::Empty
        };
        let body = self.reader.body(framing)?;
        Ok(Response { status, headers, body })
    }

    pub(super) const fn stream_mut(&mut self) -> &mut Stream {
        self.reader.stream_mut()
    }
}

fn parse(head: &[u8]) -> io::Result<(u16, Headers)> {
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut lines);
    response.parse(head).map_err(io::Error::other)?;
    let headers =
        response.headers.iter().map(|line| (line.name.to_owned(), line.value.to_vec())).collect();
    let status = response.code.ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, headers))
}
