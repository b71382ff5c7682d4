//! A CI/CD variable of a project, a group or the instance. Only its value is ever sent, so its flags survive; its
//! environment scope is always named, so no other variable of the same key can be meant.

pub(super) mod config;

use super::adapter::Adapter;
use super::ci_variable::{CiVariable, Create, VariableScope};
use super::gitlab_holder::{Found, Holder};
use super::gitlab_pages::{self, End};
use super::gitlab_rights::Rights;
use super::{Base, Seen, StoreError, Written};
use crate::http::{Api, Call, CallError, segment};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag};
use crate::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// GitLab's limit on a value, in characters; ours is in bytes, which tokens make the same.
const LONGEST: usize = 10_000;

/// GitLab allows 8,000 variables in a project, 30,000 in a group.
const PAGES: u32 = 300;

/// The state of a variable that is not there.
const MISSING: &str = "missing";

/// One variable.
pub(super) struct GitlabVariable {
    id: StoreId,
    api: Arc<Api>,
    spec: CiVariable,
    /// The project or group; the instance has none.
    holder: Option<Holder>,
    /// Seen to be hidden: it can be written and never read.
    hidden: AtomicBool,
    /// Seen not to be there yet: what is not there cannot be put back.
    missing: AtomicBool,
    /// What is found afterwards is probably ours: the answer was lost.
    tried_to_make: AtomicBool,
}

#[derive(Default, Deserialize)]
struct Variable {
    #[serde(default, deserialize_with = "secret")]
    value: Option<Secret>,
    #[serde(default)]
    masked: bool,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    raw: bool,
    #[serde(default = "everywhere")]
    environment_scope: String,
}

/// A variable in a list, without what it holds.
#[derive(Deserialize)]
struct Listed {
    key: String,
    #[serde(default = "everywhere")]
    environment_scope: String,
}

#[derive(Serialize)]
struct NewValue<'a> {
    value: &'a str,
}

/// Not expanded, so that a `$` in the value stays one.
#[derive(Serialize)]
struct NewVariable<'a> {
    key: &'a str,
    value: &'a str,
    masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_and_hidden: Option<bool>,
    protected: bool,
    raw: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_scope: Option<&'a str>,
}

impl VariableScope {
    /// `group acme`, for people.
    pub fn in_words(&self) -> String {
        match self {
            Self::Project(path) => path.clone(),
            Self::Group(path) => format!("group {path}"),
            Self::Instance => "the instance".to_owned(),
        }
    }
}

#[async_trait::async_trait]
impl Adapter for GitlabVariable {
    fn ci_variable(&self) -> Option<&CiVariable> {
        Some(&self.spec)
    }

    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        let plain = Capabilities { max_bytes: Some(LONGEST as u64), ..Capabilities::plain() };
        match (self.hidden.load(Ordering::Relaxed), self.missing.load(Ordering::Relaxed)) {
            (true, _) => plain.blind(),
            (false, true) => Capabilities { rollback: Rollback::None, ..plain },
            (false, false) => plain,
        }
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        let at = self.at().await?;
        self.variable(&at).await?;
        let mend = |status| self.mend(status);
        let rights = Rights { api: &self.api, id: &self.id, mend: &mend };
        rights.credential_may_write().await?;
        match &self.spec.scope {
            VariableScope::Project(_) => rights.role_may_write(&at.route, 40).await,
            VariableScope::Group(_) => rights.role_may_write(&at.route, 50).await,
            // Only administrators are shown instance variables at all, and they may write them.
            VariableScope::Instance => Ok(()),
        }
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let at = self.at().await?;
        let seen = match self.variable(&at).await? {
            None => Seen::new(None, Base::version(MISSING), None),
            Some(variable) => {
                let value = variable.value.filter(|_| !variable.hidden);
                let base = value.as_ref().map(Base::of).unwrap_or_default();
                Seen::new(value, base, None)
            }
        };
        Ok(Seen { note: at.renamed, ..seen.at(at.identity) })
    }

    fn held_to(&self, identity: &Identity) -> Option<Arc<dyn Adapter>> {
        let holder = self.holder.as_ref()?.held_to(identity)?;
        Some(Arc::new(Self::of(self.id.clone(), self.api.clone(), self.spec.clone(), Some(holder))))
    }

    async fn write(&self, value: &Secret, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        let at = self.at().await?;
        let Some(variable) = self.variable(&at).await? else {
            // Somebody took away what was there; they had a reason.
            let was_missing = *base == Base::version(MISSING);
            let gone = || StoreError::conflict(&self.id, "the variable was removed");
            return if was_missing { self.create(&at, value).await } else { Err(gone()) };
        };
        if variable.hidden && *base == Base::version(MISSING) && !self.tried_to_make.load(Ordering::Relaxed) {
            return Err(StoreError::conflict(&self.id, "somebody made the variable meanwhile"));
        }
        if let Some(held) = variable.value.as_ref().filter(|_| !variable.hidden) {
            if held.digest() == value.digest() {
                return Ok(Written::Done);
            }
            if Base::of(held) != *base {
                return Err(StoreError::conflict(&self.id, "the variable holds another value than before"));
            }
        }
        if let Some(why) = unfit(value.expose(), &variable) {
            return Err(StoreError::refused(&self.id, why, "remove the variable's mask, or store the value elsewhere"));
        }
        let call = self.on_it(Call::put(self.path(&at))).json(&NewValue { value: value.expose() });
        let outcome = self.api.call(&call).await;
        outcome
            .map(|_| Written::Done)
            .map_err(|error| StoreError::of_write(&self.id, &error, |status| self.mend(status)))
    }
}

impl GitlabVariable {
    pub(super) fn new(id: StoreId, api: Arc<Api>, spec: &CiVariable) -> Self {
        let holder = match &spec.scope {
            VariableScope::Project(path) => Some(Holder::project(path)),
            VariableScope::Group(path) => Some(Holder::group(path)),
            VariableScope::Instance => None,
        };
        Self::of(id, api, spec.clone(), holder)
    }

    fn of(id: StoreId, api: Arc<Api>, spec: CiVariable, holder: Option<Holder>) -> Self {
        let no = || AtomicBool::new(false);
        let (hidden, missing, tried_to_make) = (no(), no(), no());
        Self { id, api, spec, holder, hidden, missing, tried_to_make }
    }

    /// Where the variable is defined, as it stands now.
    async fn at(&self) -> Result<Found, StoreError> {
        match &self.holder {
            Some(holder) => holder.find(&self.api, &self.id, &|status| self.mend(status)).await,
            None => {
                let identity = Identity(format!("{}/admin", self.api.host()));
                Ok(Found { route: "/admin/ci".to_owned(), identity, renamed: None })
            }
        }
    }

    /// The variable as it is, once it is certain that it is the one that is meant. `None`: it is to be made.
    async fn variable(&self, at: &Found) -> Result<Option<Variable>, StoreError> {
        let call = self.on_it(Call::get(self.path(at)));
        let call = if self.spec.create.is_some() { call.answers(&[404]) } else { call };
        let answer = self.api.read(&call).await;
        let answer = answer.map_err(|error| StoreError::of_read(&self.id, &error, |status| self.mend(status)))?;
        self.missing.store(answer.status() == 404, Ordering::Relaxed);
        if let (404, Some(create)) = (answer.status(), self.spec.create) {
            self.hidden.store(create.hidden, Ordering::Relaxed);
            self.is_unlisted(at).await?;
            return Ok(None);
        }
        let variable: Variable = answer.json().map_err(|error| StoreError::unavailable(&self.id, error))?;
        if variable.environment_scope != self.spec.environment_scope {
            let why = format!("the variable there has the environment scope {}", variable.environment_scope);
            return Err(StoreError::refused(&self.id, why, "name that scope in the configuration"));
        }
        self.hidden.store(variable.hidden, Ordering::Relaxed);
        Ok(Some(variable))
    }

    /// A fine-grained token is told of what it may not see that it is not there: only who reads the whole list without it
    /// has seen that.
    async fn is_unlisted(&self, at: &Found) -> Result<(), StoreError> {
        const MEND: &str = "let the bot's token read variables there, or make the variable and remove create";
        let end = gitlab_pages::each(&self.api, &all(at), PAGES, |listed: Listed| self.is_this(&listed)).await;
        let why = match end.map_err(|error| StoreError::of_read(&self.id, &error, |_| MEND.to_owned()))? {
            End::Whole => return Ok(()),
            End::Enough => "it is there, and the bot may not read it",
            End::TooLong => "there are too many variables to see that it is not among them",
        };
        Err(StoreError::refused(&self.id, why, MEND))
    }

    fn is_this(&self, listed: &Listed) -> bool {
        let scoped = self.spec.scope != VariableScope::Instance;
        listed.key == self.spec.key && (!scoped || listed.environment_scope == self.spec.environment_scope)
    }

    /// Makes the variable. Somebody who made it in the same instant is not overwritten.
    async fn create(&self, at: &Found, value: &Secret) -> Result<Written, StoreError> {
        let create = self.spec.create.unwrap_or(Create { masked: true, hidden: false, protected: false });
        let made = Variable { masked: create.masked || create.hidden, raw: true, ..Variable::default() };
        if let Some(why) = unfit(value.expose(), &made) {
            return Err(StoreError::refused(&self.id, why, "remove `masked`, or store the value elsewhere"));
        }
        let scope = (self.spec.scope != VariableScope::Instance).then_some(self.spec.environment_scope.as_str());
        let body = NewVariable {
            key: &self.spec.key,
            value: value.expose(),
            masked: create.masked || create.hidden,
            masked_and_hidden: create.hidden.then_some(true),
            protected: create.protected,
            raw: true,
            environment_scope: scope,
        };
        self.tried_to_make.store(true, Ordering::Relaxed);
        match self.api.call(&Call::post(all(at)).json(&body)).await {
            Ok(_) => Ok(Written::Done),
            Err(CallError::Status { status: 400, message, .. }) if message.contains("taken") => {
                Err(StoreError::conflict(&self.id, "somebody made the variable in the same instant"))
            }
            Err(error) => Err(StoreError::of_write(&self.id, &error, |status| self.mend(status))),
        }
    }

    fn path(&self, at: &Found) -> String {
        format!("{}/{}", all(at), segment(&self.spec.key))
    }

    /// Names the environment scope wherever there is such a thing.
    fn on_it<'a>(&self, call: Call<'a>) -> Call<'a> {
        match self.spec.scope {
            VariableScope::Instance => call,
            _ => call.query("filter[environment_scope]", &self.spec.environment_scope),
        }
    }

    fn mend(&self, status: u16) -> String {
        let role = match self.spec.scope {
            VariableScope::Project(_) => "give the bot the role Maintainer in the project",
            VariableScope::Group(_) => "give the bot the role Owner in the group",
            VariableScope::Instance => "make the bot an administrator",
        };
        match status {
            401 => "give the bot a token that GitLab accepts".to_owned(),
            403 => role.to_owned(),
            404 => format!(
                "create the variable with exactly that scope (or say create = true), correct its name, or {role}"
            ),
            409 => "leave one variable with that key and environment scope".to_owned(),
            _ => "set the variable once by hand to see what GitLab objects to".to_owned(),
        }
    }
}

/// All variables of the place.
fn all(at: &Found) -> String {
    format!("{}/variables", at.route)
}

/// Why GitLab would not take the value: its rules for masked variables, which it checks only with the whole record.
fn unfit(value: &str, variable: &Variable) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_:@-+.~=/".contains(c);
    if value.is_empty() || value.len() > LONGEST {
        Some("the value is empty or longer than 10,000 bytes")
    } else if !variable.masked {
        None
    } else if value.chars().count() < 8 || value.chars().any(char::is_whitespace) {
        Some("the variable is masked, and a masked value has at least 8 characters and no blanks")
    } else if !variable.raw && !value.chars().all(plain) {
        Some("the variable is masked and expanded, and the value has characters that GitLab then refuses")
    } else {
        None
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

fn everywhere() -> String {
    "*".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_for_masked_values_are_gitlabs() {
        let variable =
            |masked, raw| Variable { value: None, masked, hidden: false, raw, environment_scope: everywhere() };
        let token = "glpat-AbCdEfGh_0123.01.120abcdef";
        for (value, masked, raw, fits) in [
            (token, true, false, true),
            ("short", true, true, false),
            ("two words here", true, true, false),
            ("dollar$dollar", true, false, false),
            ("dollar$dollar", true, true, true),
            ("dollar$ dollar", false, false, true),
            ("", false, false, false),
        ] {
            assert_eq!(unfit(value, &variable(masked, raw)).is_none(), fits, "{value} masked={masked} raw={raw}");
        }
    }
}
