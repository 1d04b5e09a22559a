//! What a `Monitoring` gives an axum service: routes, a listener, the two servers; and what its builder is told of them.

use std::fmt;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::error::{BuildError, ServeError};
use super::stop::listen_for_signals;
use super::variables::Variables;
use super::{Monitoring, MonitoringBuilder};
use crate::clock::Clock;
use crate::drain::Phase;
use crate::endpoint::{self, Authoriser, HealthPaths, Scrapes};
use crate::error::InvalidValue;
use crate::http::{ConnectionInstruments, MeasuredListener, Served, ServerOptions, measured, serve};
use crate::metrics::{Meter, Registry};

/// What routes and servers share.
pub(super) struct Axum {
    paths: HealthPaths,
    health_details: Authoriser,
    /// `None` if the numbers are not here.
    scrapes: Option<Scrapes>,
    connections: ConnectionInstruments,
    /// From [`ADMIN_ADDR`].
    admin_address: Option<SocketAddr>,
    #[cfg(feature = "log")]
    log_control: Option<endpoint::LogControl>,
}

pub(super) const ADMIN_ADDR: &str = "AISTM7_ADMIN_ADDR";

impl Axum {
    pub(super) fn register(
        registry: &Registry,
        clock: &Clock,
        variables: &Variables,
        paths: HealthPaths,
        health_details: Authoriser,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            paths,
            health_details,
            scrapes: registry.keeps_numbers().then(|| Scrapes::register(registry, clock)).transpose()?,
            connections: ConnectionInstruments::register(&Meter::new(registry), clock.clone())?,
            admin_address: variables
                .get(ADMIN_ADDR)
                .map(|text| parse_address(&text).map_err(|refused| refused.of(ADMIN_ADDR)))
                .transpose()?,
            #[cfg(feature = "log")]
            log_control: None,
        })
    }

    /// Lets those who carry the token change the log.
    #[cfg(feature = "log")]
    pub(super) fn controlling(
        mut self,
        log: &crate::log::Log,
        token: Option<crate::redact::Secret<String>>,
    ) -> Result<Self, InvalidValue> {
        let bearer = token.map(endpoint::Bearer::new).transpose()?;
        self.log_control = bearer.map(|bearer| endpoint::LogControl::new(log, bearer));
        Ok(self)
    }

    /// The templates of the health routes.
    pub(super) fn templates(&self) -> Vec<String> {
        let templates = self.paths.templates();
        #[cfg(feature = "grpc-health")]
        let templates = [templates, vec![endpoint::GRPC_HEALTH_TEMPLATE.to_owned()]].concat();
        templates
    }
}

impl MonitoringBuilder {
    /// Where the health routes are. Default: `/health`.
    pub fn health_paths(mut self, paths: HealthPaths) -> Self {
        self.paths = paths;
        self
    }

    /// Who may see reasons, messages and times on the public health routes: those requests for which the closure says
    /// so, such as with a token that it compares in constant time. Default: nobody; the admin routes show them anyway.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let monitoring = Monitoring::builder("orders")
    ///     .health_details_for(|request| request.extensions.get::<Operator>().is_some()) // set by a layer of yours
    ///     .build()?;
    /// # #[derive(Clone)] struct Operator;
    /// # Ok(())
    /// # }
    /// ```
    pub fn health_details_for(
        mut self,
        may_see_details: impl Fn(&http::request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.health_details = Authoriser::new(may_see_details);
        self
    }

    /// Adds routes to the admin routes that show and change what the log writes, for requests that carry this token as
    /// `authorization: Bearer …`. It has at least 16 visible ASCII characters. Default: no such routes.
    ///
    /// | route | |
    /// |---|---|
    /// | `GET /log/levels` | what is written, and for how long: `{"directives":"sqlx=debug,info","permanent":"info","reverts_in_seconds":598}` |
    /// | `PUT /log/levels` | changes it: `{"directives":"info,sqlx=debug","seconds":600}`, or `"permanent":true` in place of `seconds` |
    /// | `GET /log/summary` | what was logged in the last day, see [`Summary`](crate::log::Summary) |
    ///
    /// A change for a time is taken back by itself; see [`Levels`](crate::log::Levels).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::redact::Secret;
    ///
    /// # let token = "0123456789abcdef".to_owned(); // std::env::var("LOG_TOKEN")?;
    /// let monitoring = Monitoring::builder("orders").log_control(Secret::new(token)).build()?;
    /// monitoring.serve_admin("127.0.0.1:0").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "log")]
    pub fn log_control(mut self, token: crate::redact::Secret<String>) -> Self {
        self.log_control = Some(token);
        self
    }
}

impl Monitoring {
    /// `/health`, `/health/live`, `/health/ready`, `/health/startup`, `/health/{check}`: statuses only, for the public
    /// router, unless [`MonitoringBuilder::health_details_for`](super::MonitoringBuilder::health_details_for) lets the
    /// asker see more.
    ///
    /// They answer from memory and are not measured.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let axum = &self.0.axum;
        endpoint::health_routes(&self.0.health, &axum.paths, &axum.health_details)
    }

    /// `/metrics` and the health routes with reasons and times, for a router that strangers do not reach; `/alerts` once
    /// [`Monitoring::evaluate`] evaluates rules.
    ///
    /// Without `/metrics` if the numbers go to a recorder of the host's, which shows them. With `/log/levels` if
    /// [`MonitoringBuilder::log_control`](super::MonitoringBuilder::log_control) says so.
    pub fn admin_routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let axum = &self.0.axum;
        let routes = endpoint::health_routes(&self.0.health, &axum.paths, &Authoriser::everybody());
        #[cfg(feature = "log")]
        let routes = match &axum.log_control {
            Some(control) => routes.merge(control.routes()),
            None => routes,
        };
        #[cfg(feature = "alert")]
        let routes = routes.merge(endpoint::alert_routes(&self.0.evaluating));
        match &axum.scrapes {
            Some(scrapes) => scrapes.routes().merge(routes),
            None => routes,
        }
    }

    /// Counts the connections of a listener, for a host that calls `axum::serve` itself. `ConnectInfo` keeps working.
    pub fn listener<L: Listener>(&self, listener: L) -> MeasuredListener<L> {
        measured(listener, &self.0.axum.connections)
    }

    /// Serves [`Monitoring::admin_routes`] on an address of their own, in a task that ends with the last user clone.
    ///
    /// `AISTM7_ADMIN_ADDR` overrides `address`. Nobody but this opens a port.
    ///
    /// # Errors
    /// When the address is none, or cannot be listened on.
    pub async fn serve_admin(&self, address: impl AsRef<str>) -> Result<AdminServer, ServeError> {
        let address = match self.0.axum.admin_address {
            Some(overriding) => overriding,
            None => parse_address(address.as_ref())?,
        };
        let bind_error = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind_error)?;
        let local = listener.local_addr().map_err(bind_error)?;
        let app: Router = self.admin_routes();
        let task = tokio::spawn(async move {
            // It only returns if it is asked to, and nobody asks.
            let _ = axum::serve(listener, app).await;
        });
        self.0.keep_until_dropped(task.abort_handle());
        Ok(AdminServer { address: local, task })
    }

    /// Serves an application until SIGTERM or SIGINT (or [`Monitoring::stop`]) and the end of its way out.
    ///
    /// Connections are measured. At the first signal readiness turns to 503 and requests are served for the drain
    /// delay; then no new connection is accepted, event streams end, WebSockets are closed with 1001, and open
    /// requests have the rest of the termination grace. A second signal cuts every wait short.
    ///
    /// # Errors
    /// When the process cannot listen for signals.
    pub async fn serve<L>(&self, listener: L, app: Router) -> Result<Served, ServeError>
    where
        L: Listener<Addr = SocketAddr>,
    {
        listen_for_signals(&self.0.stop).map_err(ServeError::Signals)?;
        let times = self.0.stop_times;
        let options =
            ServerOptions::new(self.0.axum.connections.clone(), self.0.drain.clone()).grace(times.request_grace);
        let walk = async {
            self.0.stop.walk(&self.0.drain, times.drain_delay).await;
            self.0.stop.asked(2).await;
            self.0.drain.enter(Phase::Closed);
            std::future::pending().await
        };
        tokio::select! {
            served = serve(listener, app, options) => Ok(served),
            never = walk => never,
        }
    }
}

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, InvalidValue> {
    text.parse().map_err(|_| InvalidValue::new("address", text, "an IP address and a port, such as 127.0.0.1:9464"))
}

/// The running server of the admin routes.
///
/// It ends with the last user clone of its `Monitoring`, not with this value.
pub struct AdminServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Where it listens; the port is the one the system chose if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it now.
    pub fn stop(self) {
        self.task.abort();
    }
}

impl fmt::Debug for AdminServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminServer").field("address", &self.address).finish_non_exhaustive()
    }
}
