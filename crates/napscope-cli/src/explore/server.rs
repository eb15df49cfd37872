//! The server: where it listens, and until when.

use super::answer::Room;
use super::guard::Guard;
use super::patience::Patient;
use super::routes;
use super::run::Run;
use crate::interrupt;
use anyhow::Context;
use napscope::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

/// Where the server shall listen.
#[derive(Debug, Clone)]
pub struct Address {
    /// A name or an address; 127.0.0.1 lets nobody in from outside.
    pub host: String,
    /// `None` takes any free port.
    pub port: Option<u16>,
}

/// Listens at `address` and answers until Ctrl-C, or until `done` says so; `ready` is told the address of the page once
/// requests are taken.
///
/// # Errors
/// When the address cannot be listened to.
pub fn serve(
    runs: Vec<Run>,
    address: &Address,
    ready: impl FnOnce(&str),
    done: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let listener = listen(address)?;
    let local = listener.local_addr()?;
    let token = (!local.ip().is_loopback()).then(token).transpose()?;
    let host = match local.ip() {
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    let query = token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
    let url = format!("http://{host}:{}/{query}", local.port());
    let room = Room::new();
    let router = routes::router(runs, Guard { host: Some(address.host.clone()), token }, room.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the server")?.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = Patient { listener: tokio::net::TcpListener::from_std(listener)?, room };
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        ready(&url);
        // Ctrl-C ends it even while a page holds a connection open.
        while !interrupt::requested() && !done() && !serving.is_finished() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    })
}

fn listen(address: &Address) -> anyhow::Result<TcpListener> {
    let Address { host, port } = address;
    let refuse = |message: String, hint: &str| Error::new(ErrorKind::InvalidParameter, message).hint(hint);
    let known: Vec<SocketAddr> = (host.as_str(), port.unwrap_or(0))
        .to_socket_addrs()
        .map_err(|error| {
            refuse(format!("--host {host}: {error}"), "give an address of this machine, such as 127.0.0.1")
        })?
        .collect();
    let hint = "choose another --port, or leave it out to take a free one";
    TcpListener::bind(&known[..])
        .map_err(|error| refuse(format!("cannot listen at {host}, port {}: {error}", port.unwrap_or(0)), hint).into())
}

/// 128 random bits.
fn token() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers for a token: {error}"))?;
    Ok(crate::facts::hex(&bytes))
}
