//! Who may ask: the page that this server has sent, in a browser on this machine, and nobody else.
//!
//! Any page that is open in the same browser can send requests to 127.0.0.1. The `Host` check stops a foreign name that was
//! made to point here (DNS rebinding), the `Origin` and `Sec-Fetch-Site` checks stop requests of foreign pages, the token
//! stops other machines where the server listens to them.

use super::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Name of the cookie that holds the token.
const COOKIE: &str = "napscope_token";

/// What is let through.
pub(super) struct Guard {
    /// The host that the user gave, besides the names of this machine.
    pub(super) host: Option<String>,
    /// Wanted of everybody where other machines can reach the server.
    pub(super) token: Option<String>,
}

/// Checks a request, and puts the policy on the answer.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.allows(&request) {
        Ok(None) => next.run(request).await,
        Ok(Some(cookie)) => {
            let mut response = next.run(request).await;
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in POLICY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Nothing but what the server sends is run, drawn or asked; no other page may frame it, or learn where the user was.
const POLICY: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

impl Guard {
    /// `Ok` holds the cookie to be set, where the address has brought the token.
    fn allows(&self, request: &Request) -> Result<Option<HeaderValue>, Refusal> {
        let no = |message: &str| Refusal::new(StatusCode::FORBIDDEN, message);
        let headers = request.headers();
        let host = text(headers, header::HOST).ok_or_else(|| Refusal::bad("the request names no host"))?;
        if !self.knows(host) {
            return Err(no("this server does not go by that name"));
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let ours = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) == Some(host);
            if !ours {
                return Err(no("another page asks"));
            }
        }
        let site = text(headers, header::HeaderName::from_static("sec-fetch-site"));
        let navigates = text(headers, header::HeaderName::from_static("sec-fetch-mode")) == Some("navigate");
        if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) && !navigates {
            return Err(no("another page asks"));
        }
        let Some(token) = &self.token else { return Ok(None) };
        if cookie(headers).is_some_and(|cookie| same(cookie, token)) {
            return Ok(None);
        }
        let given = request.uri().query().and_then(|query| query.strip_prefix("token="));
        match given {
            Some(given) if same(given, token) => {
                let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/");
                Ok(HeaderValue::from_str(&cookie).ok())
            }
            _ => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "open the address that napscope has printed: it holds a token",
            )),
        }
    }

    /// Is `host` (with or without a port, which a tunnel may change) a name of this server?
    fn knows(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.trim_matches(['[', ']']);
        // Behind a token a name alone opens nothing, and any address of this machine may be meant.
        self.token.is_some()
            || ["127.0.0.1", "localhost", "::1"].contains(&name)
            || self.host.as_deref().is_some_and(|host| host.eq_ignore_ascii_case(name))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = text(headers, header::COOKIE)?.split(';');
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Compares in a time that does not tell how much is right.
fn same(given: &str, token: &str) -> bool {
    let differ = given.bytes().zip(token.bytes()).fold(0, |differ, (x, y)| differ | (x ^ y));
    given.len() == token.len() && differ == 0
}
