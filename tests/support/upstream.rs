//! An upstream that records what reaches it.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::wire::{self, Framing, Headers, Reader};

/// A request as it reached the upstream.
#[derive(Clone)]
pub struct Received {
    /// The first line, without its line end.
    pub request_line: Vec<u8>,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Received {
    pub fn method(&self) -> String {
        let method = self.request_line.split(|byte| *byte == b' ').next();
        String::from_utf8_lossy(method.unwrap_or_default()).into_owned()
    }

    /// All between the method and the version.
    pub fn target(&self) -> &[u8] {
        let line = &self.request_line;
        let start = line.iter().position(|byte| *byte == b' ').map_or(line.len(), |at| at + 1);
        let end = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len());
        line.get(start..end).unwrap_or_default()
    }

    /// The only header of this name; the test fails where there are two.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        wire::only(&self.headers, name)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, body) = (self.request_line.escape_ascii(), self.body.escape_ascii());
        write!(out, "{line}\n{}\n{body}", wire::show(&self.headers))
    }
}

/// What the upstream answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self { status, headers: Vec::new(), body: body.as_ref().to_vec() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    stopping: AtomicBool,
    received: Mutex<Vec<Received>>,
    heard: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    open: Mutex<Vec<TcpStream>>,
    handler: Box<Handler>,
}

/// A server on a free loopback port; it stops on drop.
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Upstream").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Answers everything with 200 and the body `upstream`.
    pub fn start() -> Self {
        Self::start_with(|_| Reply::new(200, "upstream"))
    }

    /// Answers as `handler` says.
    pub fn start_with(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            received: Mutex::default(),
            heard: Mutex::default(),
            open: Mutex::default(),
            handler: Box::new(handler),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { addr, shared, acceptor: Some(acceptor) }
    }

    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Everything that has come so far. A request is in it before its answer goes out.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("no handler panicked").clone()
    }

    /// Every byte that has come so far, connection by connection: of requests too that never came to
    /// their end.
    pub fn heard(&self) -> Vec<u8> {
        let connections = self.shared.heard.lock().expect("no server panicked");
        let bytes = connections.iter().map(|bytes| bytes.lock().expect("as above").clone());
        bytes.collect::<Vec<_>>().concat()
    }

    /// Whether this text has come, whatever became of the request that it was a part of.
    pub fn has_heard(&self, text: &str) -> bool {
        wire::position(&self.heard(), text.as_bytes()).is_some()
    }

    /// The requests that carry this value in the header `x-test-id`.
    pub fn received_with(&self, test_id: &str) -> Vec<Received> {
        let mut all = self.received();
        all.retain(|one| wire::find(&one.headers, "x-test-id") == Some(test_id.as_bytes()));
        all
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees that it has to stop.
        let _ = TcpStream::connect(self.addr);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut servers = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        if let (Ok(handle), Ok(mut open)) = (stream.try_clone(), shared.open.lock()) {
            open.push(handle);
        }
        let shared = Arc::clone(shared);
        servers.push(thread::spawn(move || {
            // A client that goes away is no concern of the upstream's.
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    if let Ok(open) = shared.open.lock() {
        for stream in open.iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    for server in servers {
        let _ = server.join();
    }
}

/// A stream that keeps what it reads.
struct Listening {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Read for Listening {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if let Ok(mut heard) = self.heard.lock() {
            heard.extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }
}

fn serve(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let heard = Arc::default();
    if let Ok(mut connections) = shared.heard.lock() {
        connections.push(Arc::clone(&heard));
    }
    let mut reader = Reader::new(Listening { stream: stream.try_clone()?, heard });
    while let Some(head) = reader.head()? {
        let (request_line, headers) = split(&head);
        if wire::find(&headers, "expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = reader.body(Framing::of(&headers, Framing::Empty))?;
        let closing = wire::find(&headers, "connection") == Some(b"close");
        let received = Received { request_line, headers, body };
        if let Ok(mut all) = shared.received.lock() {
            all.push(received.clone());
        }
        answer(stream, &(shared.handler)(&received), received.method() == "HEAD")?;
        if closing {
            break;
        }
    }
    Ok(())
}

fn answer(mut stream: &TcpStream, reply: &Reply, head_only: bool) -> io::Result<()> {
    let mut out = format!("HTTP/1.1 {} Test\r\n", reply.status).into_bytes();
    for (name, value) in &reply.headers {
        out.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    out.extend(format!("content-length: {}\r\n\r\n", reply.body.len()).into_bytes());
    if !head_only {
        out.extend(&reply.body);
    }
    stream.write_all(&out)
}

/// Takes a head apart without judging it, so that whatever a proxy lets through is recorded.
fn split(head: &[u8]) -> (Vec<u8>, Headers) {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = wire::position(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    let mut lines = lines.into_iter();
    let request_line = lines.next().unwrap_or_default().to_vec();
    let headers = lines.filter(|line| !line.is_empty()).map(|line| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let name = String::from_utf8_lossy(&line[..colon]);
        (name.into_owned(), value.to_vec())
    });
    (request_line, headers.collect())
}
