//! The cheapest server for `ext_authz` that there can be: it allows everything without reading it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts the server on a free port. It ends with the bench.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

fn serve(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 16 * 1024];
    let mut seen = 0;
    // Requests without a body come one at a time, each within one read or few.
    while let Ok(length) = stream.read(&mut buffer[seen..]) {
        seen += length;
        if length == 0 || seen == buffer.len() {
            return;
        }
        if buffer[..seen].ends_with(b"\r\n\r\n") {
            seen = 0;
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    }
}
