//! What the server answers when it does not do what it was asked: a status and a sentence, as JSON.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt;

/// A request that is not fulfilled, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Refusal { status, message: message.into() }
    }

    /// The request itself is wrong.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is no such thing.
    pub(super) fn missing(what: &str) -> Self {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The run folder is not what it should be.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}"))
    }
}

impl From<napscope::Error> for Refusal {
    fn from(error: napscope::Error) -> Self {
        anyhow::Error::from(error).into()
    }
}
