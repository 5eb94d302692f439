//! The little HTTP that we speak: GET, one request a connection.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

/// Asks the server at `addr` for `path`.
pub fn get(addr: SocketAddr, path: &str) -> Result<Response> {
    let mut stream = connected(TcpStream::connect_timeout(&addr, TIMEOUT)?)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(malformed)?;
    Ok(Response {
        status: second_word(head)?.parse().map_err(|_| malformed())?,
        body: body.to_owned(),
    })
}

/// Answers every request with what `handler` makes of its path, for as long as the socket lives.
pub fn serve(listener: &TcpListener, handler: impl Fn(&str) -> Response + Sync) -> Result<()> {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let (stream, handler) = (stream?, &handler);
            scope.spawn(move || {
                if let Err(error) = answer(stream, handler) {
                    eprintln!("request failed: {error}");
                }
            });
        }
        Ok(())
    })
}

fn answer(stream: TcpStream, handler: &impl Fn(&str) -> Response) -> Result<()> {
    let mut reader = BufReader::new(connected(stream)?.take(8192));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let response = handler(second_word(&request)?);
    // A socket that is closed with input unread is reset, and the answer with it.
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let Response { status, body } = response;
    let length = body.len();
    write!(
        reader.into_inner().into_inner(),
        "HTTP/1.0 {status} \r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn connected(stream: TcpStream) -> Result<TcpStream> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn second_word(line: &str) -> Result<&str> {
    line.split_whitespace().nth(1).ok_or_else(malformed)
}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidData, "this is not HTTP")
}
