//! A request whose body goes out in parts, as slowly as a test wants it.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::{
    http::{Connection, Request, Response},
    wire::{self, Headers},
};

/// How the body of a request goes out. Over HTTP/1.1 it is chunked, a chunk for each part; over HTTP/2
/// each part is a frame.
#[derive(Clone, Debug)]
pub struct Upload {
    pub request: Request,
    pub(super) part: usize,
    pub(super) pause: Duration,
    pub(super) trailers: Headers,
    pub(super) stalls_after: usize,
    waits_for_continue: bool,
}

impl Request {
    /// Sends the body in parts. It has one `transfer-encoding` then, and no `content-length`.
    pub fn upload(self) -> Upload {
        Upload {
            request: self,
            part: usize::MAX,
            pause: Duration::ZERO,
            trailers: Headers::new(),
            stalls_after: usize::MAX,
            waits_for_continue: false,
        }
    }
}

impl Upload {
    /// Parts of this many bytes, with a pause after each.
    #[must_use]
    pub const fn parts(mut self, bytes: usize, pause: Duration) -> Self {
        self.part = bytes;
        self.pause = pause;
        self
    }

    /// Trailers after the body.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    /// Sends this much of the body, and neither the rest nor its end.
    #[must_use]
    pub const fn stalling_after(mut self, bytes: usize) -> Self {
        self.stalls_after = bytes;
        self
    }

    /// Sends `Expect: 100-continue`, and the body once the server says so. One that never does gets
    /// none.
    #[must_use]
    pub fn waiting_for_continue(mut self) -> Self {
        self.waits_for_continue = true;
        self.request = self.request.header("expect", "100-continue");
        self
    }

    /// The parts that are sent.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let sent = &self.request.body[..self.stalls_after.min(self.request.body.len())];
        sent.chunks(self.part.min(64 * 1024))
    }

    /// Whether all of it is sent.
    pub(super) const fn ends(&self) -> bool {
        self.stalls_after > self.request.body.len()
    }

    /// Sends it over HTTP/1.1 until there is an answer.
    pub fn send(&self, addr: SocketAddr) -> io::Result<Response> {
        let mut head = self.request.clone().header("transfer-encoding", "chunked");
        head.body.clear();
        let mut connection = Connection::open(addr)?;
        let mut stream = connection.stream_mut().try_clone()?;
        stream.write_all(&head.bytes())?;
        if self.waits_for_continue {
            let answer = connection.next_answer(self.request.method != "HEAD")?;
            if answer.status != 100 {
                return Ok(answer);
            }
        }
        // An answer can come before the end, and ends the upload.
        let (answered, is_answered) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || self.write_body(&mut stream, &is_answered));
            let answer = connection.answer(self.request.method != "HEAD");
            drop(answered);
            answer
        })
    }

    /// Sends it over HTTP/1.1 or HTTP/2, and expects an answer.
    pub fn deliver(&self, addr: SocketAddr, is_h2: bool) -> Response {
        let answer = if is_h2 { self.send_h2(addr) } else { self.send(addr) };
        answer.expect("an answer")
    }

    fn write_body(&self, stream: &mut TcpStream, is_answered: &mpsc::Receiver<()>) {
        let mut out = Vec::new();
        for piece in self.pieces() {
            out.clear();
            out.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            out.extend(piece);
            out.extend(b"\r\n");
            // A server that has answered may read no more.
            let has_ended = is_answered.recv_timeout(self.pause) != Err(RecvTimeoutError::Timeout);
            if has_ended || stream.write_all(&out).is_err() {
                return;
            }
        }
        if self.ends() {
            let trailers = wire::show(&self.trailers).replace('\n', "\r\n");
            let _ = stream.write_all(format!("0\r\n{trailers}\r\n").as_bytes());
        }
    }
}

/// All ways in which a body can come, and which are over HTTP/2.
pub fn ways(request: &Request) -> Vec<(&'static str, Upload, bool)> {
    const PAUSE: Duration = Duration::from_millis(1);
    let bytewise = || request.clone().upload().parts(1, PAUSE);
    vec![
        ("one chunk", request.clone().upload(), false),
        ("bytewise", bytewise(), false),
        ("trailers", bytewise().trailer("x-checksum", "7"), false),
        ("100-continue", bytewise().waiting_for_continue(), false),
        ("HTTP/2", request.clone().upload(), true),
        ("HTTP/2, bytewise", bytewise(), true),
        ("HTTP/2, trailers", bytewise().trailer("x-checksum", "7"), true),
    ]
}
