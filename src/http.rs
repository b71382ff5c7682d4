//! The one way out: every call to GitLab, chat and secret stores goes through an [`Api`], so that timeouts, size caps,
//! rate limits, retries, the cap on failed logins and the words of errors are decided once.

mod answer;
mod answered;
mod backoff;
mod body;
mod call;
mod client;
mod dialect;
mod error;
mod front;
mod header;
mod login;
mod proxy;
mod resolver;
mod share;
mod skew;
mod socket;
mod throttle;
mod traffic;

pub use answer::Reply;
pub use answered::BadAnswer;
pub use backoff::Backoff;
pub use call::{Call, segment};
pub use client::{BadClient, TIMEOUT, Tls, client, client_with};
pub use dialect::{About, Dialect, Reading, Refused, Told};
pub use error::CallError;
pub use front::{Front, Shown};
pub use proxy::Proxies;
pub use share::as_work;
pub use skew::{BAD_SKEW, NOTABLE_SKEW};
pub use socket::{Received, Socket, SocketError, Sockets};
pub use throttle::{Budget, Throttle};

use crate::clock::Clock;
use crate::secret::{Secret, SecretFile};
use error::Failure;
use jiff::SignedDuration;
use login::{Login, Logins};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use share::Hurry;
use skew::Skew;
use std::sync::Arc;
use std::time::Duration;

/// How often [`Api::read`] repeats a call that failed for a passing reason.
const READ_RETRIES: u32 = 3;

/// What proves to the host who calls.
pub enum Credential {
    /// GitLab's own header, `PRIVATE-TOKEN`.
    PrivateToken(Secret),
    /// The same, from a file that may be replaced while we run.
    PrivateTokenFile(SecretFile),
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Bot`, as Discord wants it.
    Bot(Secret),
    /// Every call brings its own, by [`Call::credential`], because it is renewed from time to time; a call that brings
    /// none goes without.
    PerCall {
        /// The header that carries it, in lower case.
        header: &'static str,
        /// What stands before it there, such as `Bearer `.
        prefix: &'static str,
    },
    /// Nothing: the path, a header of the call or its body carries what is needed.
    Nothing,
}

/// A base address that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBase {
    /// Not an address of a web server.
    #[error("the base address is not an http(s) address with a host")]
    NotAnAddress,
    /// The credential would travel in clear.
    #[error("the base address of {host} must begin with https:// (http:// is for loopback only)")]
    NotEncrypted {
        /// The host in question.
        host: String,
    },
    /// Credentials, a query or a fragment do not belong there.
    #[error("the base address of {host} must not carry a user, a password, a query or a fragment")]
    TooMuch {
        /// The host in question.
        host: String,
    },
}

/// One remote host, one credential. Cheap to share behind an `Arc`.
pub struct Api {
    client: reqwest::Client,
    base: Url,
    credential: Credential,
    front: Front,
    throttle: Arc<Throttle>,
    logins: Logins,
    backoff: Backoff,
    timeout: Duration,
    patience: Duration,
    body_cap: usize,
    user_agent: Option<HeaderValue>,
    dialect: Option<Dialect>,
    clock: Option<Arc<dyn Clock>>,
    skew: Skew,
}

impl Api {
    /// An API below `base`. Several of them to one host share its `throttle`.
    pub fn new(
        client: reqwest::Client,
        base: &str,
        credential: Credential,
        throttle: Arc<Throttle>,
    ) -> Result<Self, BadBase> {
        let timeout = Duration::from_secs(10);
        Ok(Self {
            client,
            base: checked_base(base)?,
            credential,
            front: Front::default(),
            throttle,
            logins: Logins::default(),
            backoff: Backoff::jittered(Duration::from_millis(250), Duration::from_secs(5)),
            timeout,
            patience: timeout,
            body_cap: 8 << 20,
            user_agent: None,
            dialect: None,
            clock: None,
            skew: Skew::default(),
        })
    }

    /// Another limit for one call, from sending to the last byte of the answer; ten seconds unless told.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long a call may wait for its turn before it gives up unsent; ten seconds unless told.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The largest answer that is read; 8 MiB unless told.
    #[must_use]
    pub fn with_body_cap(self, body_cap: usize) -> Self {
        Self { body_cap, ..self }
    }

    /// Another name than our own, for hosts that prescribe its form.
    #[must_use]
    pub fn with_user_agent(self, user_agent: &'static str) -> Self {
        Self { user_agent: Some(HeaderValue::from_static(user_agent)), ..self }
    }

    /// Refusals are read as that kind of host means them.
    #[must_use]
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect: Some(dialect), ..self }
    }

    /// A proxy before the host wants to see this of every call, whoever makes it.
    #[must_use]
    pub fn with_front(self, front: Front) -> Self {
        Self { front, ..self }
    }

    /// Compares the host's time with this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Another sequence of pauses between the tries of [`Api::read`].
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// How far this machine's clock is ahead of the host's, as far as its last answer tells; negative if it is behind.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.skew.last()
    }

    /// Host and, if it is not the usual one, port.
    pub fn host(&self) -> String {
        authority(&self.base)
    }

    /// An address that an answer of this host names, if it leads to this host or to one of the domains in `family`: only
    /// such a one may be called.
    pub fn answered(&self, address: &str, family: &[&str]) -> Result<String, BadAnswer> {
        answered::checked(address, &self.base, family).map(String::from)
    }

    /// The longest that one [`Api::call`] takes, waiting for its turn included: what a lease must still have left.
    pub fn longest_call(&self) -> Duration {
        self.timeout + self.patience
    }

    /// Makes the call once, never twice.
    pub async fn call(&self, call: &Call<'_>) -> Result<Reply, CallError> {
        let label = call.label();
        let own = self.own_secret();
        let credential = call.credential.or(own.as_deref());
        self.attempt(call, &label, credential).await.map_err(|failure| failure.explain(&label))
    }

    /// Makes a call that changes nothing, and repeats it up to three times while the trouble is a passing one, unless it is
    /// to be asked once.
    pub async fn read(&self, call: &Call<'_>) -> Result<Reply, CallError> {
        let patience = call.patience.unwrap_or(self.patience);
        for retry in 0..if call.once { 0 } else { READ_RETRIES } {
            match self.call(call).await {
                Err(error) if error.is_passing() && error.retry_after() <= patience => {
                    tokio::time::sleep(self.backoff.delay(retry)).await;
                }
                outcome => return outcome,
            }
        }
        self.call(call).await
    }

    async fn attempt(&self, call: &Call<'_>, label: &str, credential: Option<&Secret>) -> Result<Reply, Failure> {
        let caller = credential.map(Secret::digest);
        self.logins.check(caller.as_ref(), self.dialect.is_some())?;
        let answer = match self.exchange(call, label, credential).await {
            Ok(reply) => Ok(reply),
            Err(answer::Refusal::Settled(failure)) => Err(failure),
            Err(answer::Refusal::Unsettled(refusal)) if call.takes_unauthorized() => Err(Failure::Status(refusal)),
            Err(answer::Refusal::Unsettled(refusal)) => {
                let accepted = self.is_accepted(credential).await;
                let told = if accepted { Told::default() } else { refusal.told };
                Err(Failure::Status(error::Status { told, ..refusal }))
            }
        };
        self.logins.record(caller, self.login(call, &answer));
        answer
    }

    /// Sends the request once and reads what comes.
    async fn exchange(
        &self,
        call: &Call<'_>,
        label: &str,
        credential: Option<&Secret>,
    ) -> Result<Reply, answer::Refusal> {
        let request = self.request(call, credential)?;
        let (patience, bucket) = (call.patience.unwrap_or(self.patience), call.bucket.as_deref());
        let turn = self.throttle.admit(patience, bucket, Hurry::now(call.in_background)).await?;
        let sent = self.clock.as_ref().map(|clock| clock.now());
        let response = self.client.execute(request).await.map_err(|error| self.not_answered(error))?;
        self.heard(&response, sent);
        self.throttle.learn(response.status(), response.headers(), call.bucket.as_deref());
        let dialect =
            self.dialect.map(|dialect| answer::Asked { dialect, is_write: call.is_write(), base: self.base.path() });
        let keep = call.keep.unwrap_or(body::Keep::All(self.body_cap));
        let answer = answer::take(response, label, answer::Wanted { keep, also: &call.answers, dialect }).await;
        drop(turn);
        answer
    }

    /// Whether the host accepts the credential at all: seen a moment ago, or asked for once. What brings no answer
    /// speaks for it, since only a plain no counts against it.
    async fn is_accepted(&self, credential: Option<&Secret>) -> bool {
        let Some((dialect, credential)) = self.dialect.zip(credential) else { return false };
        if self.logins.was_accepted(&credential.digest()) {
            return true;
        }
        let call = Call::get(dialect.whoami);
        let refused = |status: &error::Status| status.status == 401;
        match self.exchange(&call, &call.label(), Some(credential)).await {
            Err(answer::Refusal::Unsettled(status) | answer::Refusal::Settled(Failure::Status(status))) => {
                !refused(&status)
            }
            _ => true,
        }
    }

    /// What an answer says about the credential.
    fn login<'a>(&self, call: &Call<'_>, answer: &'a Result<Reply, Failure>) -> Login<'a> {
        match answer {
            Ok(reply) if reply.status() == 401 => Login::Unclear,
            Ok(_) => Login::Accepted,
            Err(Failure::Status(error::Status { status: 401, message, told, .. })) => {
                match (call.takes_unauthorized(), self.dialect.is_none() || told.about == About::Credential) {
                    (true, _) => Login::Unclear,
                    (false, true) => Login::Refused(message),
                    (false, false) => Login::Accepted,
                }
            }
            Err(Failure::Status(_)) => Login::Accepted,
            Err(_) => Login::Unclear,
        }
    }

    fn request(&self, call: &Call<'_>, credential: Option<&Secret>) -> Result<reqwest::Request, Failure> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url(&self.base)?);
        *request.timeout_mut() = Some(self.timeout);
        self.front.furnish(request.headers_mut())?;
        if let (Some(name), Some(secret)) = (self.credential.header(), credential) {
            request.headers_mut().insert(name, self.credential.value(secret)?);
        }
        if let Some(name) = &self.user_agent {
            request.headers_mut().insert(USER_AGENT, name.clone());
        }
        call.furnish(&mut request)?;
        Ok(request)
    }

    fn own_secret(&self) -> Option<Own<'_>> {
        match &self.credential {
            Credential::PrivateToken(secret) | Credential::Bearer(secret) | Credential::Bot(secret) => {
                Some(Own::Given(secret))
            }
            Credential::PrivateTokenFile(file) => Some(Own::Read(file.current())),
            Credential::PerCall { .. } | Credential::Nothing => None,
        }
    }
}

/// The host's own credential as it is now.
enum Own<'a> {
    Given(&'a Secret),
    Read(Arc<Secret>),
}

impl std::ops::Deref for Own<'_> {
    type Target = Secret;

    fn deref(&self) -> &Secret {
        match self {
            Self::Given(secret) => secret,
            Self::Read(secret) => secret,
        }
    }
}

impl Credential {
    fn header(&self) -> Option<HeaderName> {
        match self {
            Self::PrivateToken(_) | Self::PrivateTokenFile(_) => Some(HeaderName::from_static("private-token")),
            Self::Bearer(_) | Self::Bot(_) => Some(AUTHORIZATION),
            Self::PerCall { header, .. } => Some(HeaderName::from_static(header)),
            Self::Nothing => None,
        }
    }

    fn value(&self, secret: &Secret) -> Result<HeaderValue, Failure> {
        let prefix = match self {
            Self::Bearer(_) => "Bearer ",
            Self::Bot(_) => "Bot ",
            Self::PerCall { prefix, .. } => prefix,
            Self::PrivateToken(_) | Self::PrivateTokenFile(_) | Self::Nothing => "",
        };
        header::secret_header(prefix, secret)
    }
}

fn checked_base(base: &str) -> Result<Url, BadBase> {
    let url = Url::parse(base).map_err(|_| BadBase::NotAnAddress)?;
    if !url.has_host() || !matches!(url.scheme(), "http" | "https") {
        return Err(BadBase::NotAnAddress);
    }
    let host = authority(&url);
    if url.scheme() == "http" && !stays_near(&url) {
        return Err(BadBase::NotEncrypted { host });
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(BadBase::TooMuch { host });
    }
    Ok(url)
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether nothing leaves this machine or, for the metadata service of a cloud, its own link.
fn stays_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let near = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        std::net::IpAddr::V6(v6) => v6.is_loopback(),
    };
    host == "localhost" || bare.parse().is_ok_and(near)
}
