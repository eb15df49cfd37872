//! What an answer is while it is made and until its reader has taken it: bytes, which count against a bound.

use super::refusal::Refusal;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers that wait for their readers take no more bytes; a larger one waits until it is alone.
const WAITING: usize = 128 << 20;

/// The memory for answers that wait for their readers.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Room(Arc::new(Semaphore::new(WAITING)))
    }

    /// Waits until there is room for so many bytes.
    pub(super) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        permits(&self.0, bytes.min(WAITING)).await
    }

    /// Does anybody wait for room? What is given back goes to them, so nothing is left then.
    pub(super) fn is_short(&self) -> bool {
        self.0.available_permits() == 0
    }
}

/// An answer as it is made: its media type, and its bytes.
pub(super) struct Made {
    pub(super) media: &'static str,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<Made, Refusal> {
    match serde_json::to_vec(value) {
        Ok(bytes) => Ok(Made { media: "application/json", bytes }),
        Err(error) => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

pub(super) fn binary(bytes: Vec<u8>) -> Made {
    Made { media: "application/octet-stream", bytes }
}

pub(super) fn png(bytes: Vec<u8>) -> Made {
    Made { media: "image/png", bytes }
}

impl Made {
    /// The answer on its way. `room` is given back when its last byte is written, or when its reader has gone.
    pub(super) fn sent(self, room: OwnedSemaphorePermit) -> Response {
        // With the bytes and not with the body: a body is done once hyper has its bytes, which may then wait for long.
        let bytes = Bytes::from_owner(Held { bytes: self.bytes, _room: room });
        ([(header::CONTENT_TYPE, self.media)], bytes).into_response()
    }
}

struct Held {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Waits for `count` permits.
pub(super) async fn permits(of: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, Refusal> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let stopped = |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops");
    Arc::clone(of).acquire_many_owned(count).await.map_err(stopped)
}
