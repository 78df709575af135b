//! A client that speaks HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3).

use std::{future::poll_fn, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use h2::{SendStream, client};
use tokio::{net::TcpStream, runtime, time};

use super::{
    http::{Request, Response},
    upload::Upload,
    wire,
};

const TIME_OUT: Duration = Duration::from_secs(10);

impl Request {
    /// Sends it over HTTP/2, and reads its answer.
    pub fn send_h2(&self, addr: SocketAddr) -> io::Result<Response> {
        self.clone().upload().send_h2(addr)
    }
}

impl Upload {
    /// Sends it over HTTP/2 until there is an answer. A request without a body ends with its headers.
    pub fn send_h2(&self, addr: SocketAddr) -> io::Result<Response> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            let answer = time::timeout(TIME_OUT, self.exchange(stream)).await;
            answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)
        })
    }

    async fn exchange(&self, stream: TcpStream) -> Result<Response, h2::Error> {
        let (client, connection) = client::handshake(stream).await?;
        let connection = tokio::spawn(connection);
        let mut client = client.ready().await?;
        let has_body = !self.request.body.is_empty() || !self.trailers.is_empty();
        let (answer, to_server) = client.send_request(self.head(), !has_body)?;
        let upload = self.clone();
        let sending = tokio::spawn(async move {
            let mut to_server = to_server;
            if has_body {
                // A server that has answered may take no more.
                let _ = upload.send_body(&mut to_server).await;
            }
            // What is dropped before its end is reset.
            std::future::pending::<()>().await;
        });
        let (head, mut from_server) = answer.await?.into_parts();
        let mut body = Vec::new();
        while let Some(part) = from_server.data().await {
            let part = part?;
            from_server.flow_control().release_capacity(part.len())?;
            body.extend(part);
        }
        sending.abort();
        connection.abort();
        let named = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_vec())
        };
        let headers = head.headers.iter().map(named).collect();
        Ok(Response { status: head.status.as_u16(), headers, body })
    }

    fn head(&self) -> http::Request<()> {
        let Request { method, target, headers, .. } = &self.request;
        let host = wire::find(headers, "host").unwrap_or(b"api.example.com");
        let authority = String::from_utf8_lossy(host);
        let target = String::from_utf8_lossy(target);
        let mut head = http::Request::builder()
            .method(method.as_str())
            .uri(format!("http://{authority}{target}"));
        for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            head = head.header(name, value.as_slice());
        }
        head.body(()).expect("a request that HTTP/2 can carry")
    }

    async fn send_body(&self, body: &mut SendStream<Bytes>) -> Result<(), h2::Error> {
        for piece in self.pieces() {
            if !self.pause.is_zero() {
                time::sleep(self.pause).await;
            }
            let mut left = piece;
            while !left.is_empty() {
                body.reserve_capacity(left.len());
                let Some(capacity) = poll_fn(|context| body.poll_capacity(context)).await else {
                    return Ok(());
                };
                let (part, rest) = left.split_at(capacity?.min(left.len()));
                body.send_data(Bytes::copy_from_slice(part), false)?;
                left = rest;
            }
        }
        match (self.ends(), self.trailers.is_empty()) {
            (false, _) => Ok(()),
            (true, true) => body.send_data(Bytes::new(), true),
            (true, false) => {
                let named = self.trailers.iter().map(|(name, value)| {
                    let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
                    (name, http::HeaderValue::from_bytes(value).expect("a value"))
                });
                body.send_trailers(named.collect())
            }
        }
    }
}
