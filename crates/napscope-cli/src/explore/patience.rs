//! How long the server waits for a reader: an answer that nobody takes shall not keep its place in memory.

use super::answer::Room;
use axum::serve::Listener;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Interval, interval_at};

/// Who takes nothing of an answer for so long has gone away, or means harm. Systems buffer megabytes, so a slow reader looks
/// as if it took much at once, and seldom.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take nothing while others wait for the room that its answer takes.
const IMPATIENCE: Duration = Duration::from_secs(5);

/// Listens as the listener inside does; its connections break where their reader stands still.
pub(super) struct Patient {
    pub(super) listener: TcpListener,
    pub(super) room: Room,
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Connection { stream, room: self.room.clone(), stalled: None }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    room: Room,
    /// Since when nothing could be written, and when to look whether that is too long.
    stalled: Option<(Instant, Interval)>,
}

impl Connection {
    fn patiently(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let start = || (Instant::now(), interval_at(Instant::now() + IMPATIENCE, IMPATIENCE));
        let (since, looks) = self.stalled.get_or_insert_with(start);
        loop {
            ready!(looks.poll_tick(context));
            if since.elapsed() >= PATIENCE || self.room.is_short() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.patiently(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.patiently(written, context)
    }

    /// As the stream says: hyper would otherwise copy each answer.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, bytes)
    }
}
