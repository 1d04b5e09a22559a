//! A Client Portal gateway.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What its answers carry that nobody may see.
pub(crate) const SECRETS: [&str; 8] =
    ["9fe1c0ffee", "132329622", "F4:03:43:DC:90:80", "hw-0451", "JifZ34060", "trader007", "203.0.113.77", "U7654321"];

/// Serves until the test's runtime ends. Cloning shares it.
#[derive(Clone)]
pub(crate) struct PortalGateway {
    address: SocketAddr,
    state: Arc<Mutex<Answers>>,
}

struct Answers {
    mode: Mode,
    login_type: Value,
    login_left_ms: Value,
    retry_after: Option<&'static str>,
    requests: Vec<String>,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Good,
    Competing,
    /// The login stands, the brokerage session does not.
    NotAuthenticated,
    BackendDisconnected,
    /// Nobody is logged in, said with a status.
    Unauthorized,
    /// Nobody is logged in, said with a text.
    NoSession,
    /// The login is over, and with it the brokerage session.
    LoginEnded,
    /// The login is over, and the gateway says only that there is no session.
    LoginEndedNoSession,
    Restarting,
    RateLimited,
    /// Only for who asks whose login it is.
    ValidateRateLimited,
    /// It never says whose login it is.
    ValidateHangs,
    Forbidden,
}

impl Mode {
    pub(crate) const ALL: [Self; 13] = [
        Self::Good,
        Self::Competing,
        Self::NotAuthenticated,
        Self::BackendDisconnected,
        Self::Unauthorized,
        Self::NoSession,
        Self::LoginEnded,
        Self::LoginEndedNoSession,
        Self::Restarting,
        Self::RateLimited,
        Self::ValidateRateLimited,
        Self::ValidateHangs,
        Self::Forbidden,
    ];
}

impl PortalGateway {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let answers = Answers {
            mode: Mode::Good,
            login_type: json!(2),
            login_left_ms: json!(444_936),
            retry_after: None,
            requests: Vec::new(),
        };
        let gateway = Self { address, state: Arc::new(Mutex::new(answers)) };
        let app = Router::new().fallback(answer).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        gateway
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/api", self.address)
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.state().mode = mode;
    }

    /// As the field has it: 1 live, 2 paper.
    pub(crate) fn set_login_type(&self, login_type: Value) {
        self.state().login_type = login_type;
    }

    pub(crate) fn set_login_left_ms(&self, left: Value) {
        self.state().login_left_ms = left;
    }

    /// The header of answers that refuse more requests.
    pub(crate) fn set_retry_after(&self, seconds: &'static str) {
        self.state().retry_after = Some(seconds);
    }

    /// Method and path of each request since this was asked last.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    fn record(&self, request: String) -> Mode {
        let mut state = self.state();
        state.requests.push(request);
        state.mode
    }

    fn state(&self) -> MutexGuard<'_, Answers> {
        self.state.lock().expect("no panic while locked")
    }
}

async fn answer(State(gateway): State<PortalGateway>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mode = gateway.record(format!("{} {path}", request.method()));
    let path = path.strip_prefix("/v1/api").unwrap_or_default();
    if mode == Mode::ValidateHangs && path == "/sso/validate" {
        return std::future::pending().await;
    }
    let state = gateway.state();
    match mode {
        Mode::Restarting => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mode::Forbidden => (StatusCode::FORBIDDEN, "<h1>Access Denied</h1>").into_response(),
        Mode::RateLimited => state.refusal(),
        Mode::ValidateRateLimited if path == "/sso/validate" => state.refusal(),
        _ => state.answer(path),
    }
}

impl Answers {
    fn refusal(&self) -> Response {
        match self.retry_after {
            Some(seconds) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds)]).into_response(),
            None => StatusCode::TOO_MANY_REQUESTS.into_response(),
        }
    }

    fn answer(&self, path: &str) -> Response {
        match (path, self.mode) {
            ("/sso/validate", Mode::Unauthorized | Mode::NoSession) => StatusCode::UNAUTHORIZED.into_response(),
            ("/sso/validate", _) => Json(self.login()).into_response(),
            ("/tickle" | "/iserver/auth/status", Mode::Unauthorized) => StatusCode::UNAUTHORIZED.into_response(),
            ("/tickle" | "/iserver/auth/status", Mode::NoSession | Mode::LoginEndedNoSession) => {
                Json(json!({"error": "no session"})).into_response()
            }
            ("/tickle", _) => Json(self.tickle()).into_response(),
            ("/iserver/auth/status", _) => {
                let mut status = self.session();
                status["fail"] = json!("");
                Json(status).into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn tickle(&self) -> Value {
        json!({
            "session": "9fe1c0ffee9fe1c0ffee9fe1c0ffee00",
            "ssoExpires": self.login_left_ms,
            "collission": self.mode == Mode::Competing, // the gateway's spelling
            "userId": 132_329_622,
            "hmds": {"error": "no bridge"},
            "iserver": {"authStatus": self.session()},
        })
    }

    fn session(&self) -> Value {
        let lost = [Mode::NotAuthenticated, Mode::BackendDisconnected, Mode::LoginEnded];
        json!({
            "authenticated": !lost.contains(&self.mode),
            "competing": self.mode == Mode::Competing,
            "connected": self.mode != Mode::BackendDisconnected,
            "message": "U7654321",
            "MAC": "F4:03:43:DC:90:80",
            "serverInfo": {"serverName": "JifZ34060", "serverVersion": "Build 10.33.1f, Feb 5, 2025 10:21:09 AM"},
            "hardware_info": "hw-0451|F4:03:43:DC:90:80",
        })
    }

    fn login(&self) -> Value {
        json!({
            "USER_ID": 132_329_622,
            "USER_NAME": "trader007",
            "RESULT": !matches!(self.mode, Mode::LoginEnded | Mode::LoginEndedNoSession),
            "AUTH_TIME": 1_702_580_846_836_u64,
            "EXPIRES": self.login_left_ms,
            "IP": "203.0.113.77",
            "LOGIN_TYPE": self.login_type,
            "lastAccessed": 1_702_581_069_652_u64,
            "region": "NJ",
        })
    }
}
