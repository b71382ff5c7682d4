//! One call on its way to an endpoint: who calls, about what place, with which parameters.

use super::auth::{Caller, Need, credential};
use super::handle::Handle;
use super::params::Params;
use super::people::Place;
use super::reply::{Answer, Refusal, response};
use super::world::World;
use crate::http::segment;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, Response, Uri, header};
use axum::routing::{MethodFilter, MethodRouter, on};

/// What an endpoint sees.
pub(super) struct Ctx<'a> {
    pub world: &'a mut World,
    pub caller: Caller,
    pub params: Params,
    pub uri: Uri,
    /// Nothing is to be changed.
    read: bool,
    path: Vec<(String, String)>,
}

/// An endpoint: synchronous, on a world that nobody else touches meanwhile.
pub(super) type Endpoint = fn(&mut Ctx) -> Answer;

/// Binds an endpoint to a method and the scope it wants.
pub(super) fn at(method: MethodFilter, need: Need, endpoint: Endpoint) -> MethodRouter<Handle> {
    let read = method == MethodFilter::GET;
    let call = move |State(handle): State<Handle>,
                     path: RawPathParams,
                     Extension(FullUri(uri)): Extension<FullUri>,
                     headers: HeaderMap,
                     Peer(ip): Peer,
                     body: Bytes| async move {
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        perform(&handle, path, uri, &headers, &ip, &body, need, read, endpoint)
    };
    on(method, call)
}

/// The address of the call as it was sent; nested routers see only the rest of it.
#[derive(Clone)]
pub(super) struct FullUri(pub Uri);

/// The address the caller comes from.
pub(super) struct Peer(pub String);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        let line = parts.extensions.get::<axum::extract::ConnectInfo<super::line::Line>>();
        Ok(Self(line.map_or_else(|| "127.0.0.1".to_owned(), |line| line.0.ip())))
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one HTTP request")]
fn perform(
    handle: &Handle,
    path: Vec<(String, String)>,
    uri: Uri,
    headers: &HeaderMap,
    ip: &str,
    body: &[u8],
    need: Need,
    read: bool,
    endpoint: Endpoint,
) -> Response<Body> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (answer, ignored) = handle.with(|world| {
        let caller = match world.authenticate(credential(headers), uri.path(), need, ip) {
            Ok(caller) => caller,
            Err(refusal) => return (Err(refusal), Vec::new()),
        };
        let params = match Params::parse(uri.query().unwrap_or(""), kind, body) {
            Ok(params) => params,
            Err(refusal) => return (Err(refusal), Vec::new()),
        };
        let mut ctx = Ctx { world, caller, params, uri, read, path };
        let answer = endpoint(&mut ctx);
        let ignored = if answer.is_ok() { ctx.params.ignored() } else { Vec::new() };
        (answer, ignored)
    });
    let mut response = response(answer);
    response.extensions_mut().insert(Ignored(ignored));
    response
}

/// Parameters that the endpoint did not read, for the list of calls.
#[derive(Clone)]
pub(super) struct Ignored(pub Vec<String>);

impl Ctx<'_> {
    /// A part of the path by its name in the route.
    pub fn part(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A numeric part of the path; anything else names nothing.
    pub fn number(&self, name: &str, what: &str) -> Result<u64, Refusal> {
        self.part(name).parse().map_err(|_| Refusal::not_found(what))
    }

    /// The group or project that the path names, if the caller may know of it; the instance for `/admin` and others.
    pub fn place(&self) -> Result<Place, Refusal> {
        let (place, what) = match self.uri.path().split('/').nth(3) {
            Some("projects") => (self.world.project_named(self.part("id")).map(Place::Project), "Project"),
            Some("groups") => (self.world.group_named(self.part("id")).map(Place::Group), "Group"),
            _ => (Some(Place::Instance), ""),
        };
        if let (None, "Project", Some(number)) = (place, what, self.world.former.get(self.part("id"))) {
            let former = format!("/projects/{}", segment(self.part("id")));
            let path = self.uri.path_and_query().map_or("", |path| path.as_str());
            let here = path.replacen(&former, &format!("/projects/{number}"), 1);
            return Err(Refusal::moved(self.read, format!("{}{here}", self.world.settings.url)));
        }
        let place = place.ok_or_else(|| Refusal::not_found(what))?;
        if place != Place::Instance && self.world.level(self.caller.user, place) == 0 {
            return Err(Refusal::not_found(what));
        }
        Ok(place)
    }

    /// As [`Ctx::place`], and the caller has at least this level there.
    pub fn place_as(&self, level: u8) -> Result<Place, Refusal> {
        let place = self.place()?;
        let enough = match place {
            Place::Instance => self.caller.admin,
            _ => self.world.level(self.caller.user, place) >= level,
        };
        if enough { Ok(place) } else { Err(Refusal::forbidden()) }
    }

    /// The project that the path names, where the caller has at least this level.
    pub fn project_as(&self, level: u8) -> Result<u64, Refusal> {
        match self.place_as(level)? {
            Place::Project(id) => Ok(id),
            _ => Err(Refusal::not_found("Project")),
        }
    }
}
