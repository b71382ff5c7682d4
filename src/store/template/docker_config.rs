//! The password of a registry in Docker's `config.json`: the second half of its encoded `auth`, and once more beside it
//! where `kubectl` or a person wrote it.

use super::spelling::Spelling;
use super::{Misfit, Part, json};
use crate::store::caution::Caution;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonc_parser::ast::{StringLit, Value};
use zeroize::Zeroizing;

pub(super) fn find(text: &str, registry: &str, user: Option<&str>) -> Result<Vec<Part>, Misfit> {
    let key = ["auths", registry].map(str::to_owned);
    let found = json::at(text, &key, |entry| {
        let (auth, password) = (json::text_of(entry, "auth")?, json::text_of(entry, "password")?);
        let beside = json::text_of(entry, "username")?.map(|name| name.value.as_ref()).filter(|name| !name.is_empty());
        let mut parts = Vec::new();
        if let Some(auth) = auth {
            parts.push(in_auth(auth, user, beside)?);
        }
        if let Some(password) = password {
            parts.push(Part { range: json::inside(password), spelling: Spelling::Json });
        }
        if parts.is_empty() { Err(Misfit::missing("key auth")) } else { Ok(parts) }
    });
    found.map_err(|misfit| match helper(text, registry) {
        Some(helper) if misfit.why.starts_with("there is no key") => Misfit::new(
            format!("the credential helper {helper} keeps the password, and the entry is empty"),
            "store the value where that helper keeps it, or take the helper out of the configuration",
        ),
        _ => misfit,
    })
}

/// An entry that is still empty names its user beside it, or the template does.
fn in_auth(found: &StringLit<'_>, user: Option<&str>, beside: Option<&str>) -> Result<Part, Misfit> {
    let present = Zeroizing::new(STANDARD.decode(found.value.as_ref()).unwrap_or_default());
    let present = std::str::from_utf8(&present).ok().and_then(|pair| pair.split_once(':'));
    let user = match (present.map(|(user, _)| user).or(beside), user) {
        (Some(present), Some(wanted)) if present != wanted => {
            return Err(Misfit::new("it is another user's", "correct the user in the template"));
        }
        (Some(user), _) | (None, Some(user)) => user.to_owned(),
        (None, None) => return Err(Misfit::new("it names no user yet", "name the user in the template")),
    };
    Ok(Part { range: json::inside(found), spelling: Spelling::DockerAuth(user) })
}

/// Why Docker does not read the password that stands here.
pub(super) fn unread(text: &str, registry: &str) -> Vec<Caution> {
    let mut found = Vec::new();
    if let Some(helper) = helper(text, registry) {
        found.push(Caution::new(
            format!("may be read by nobody: for {registry}, Docker asks the credential helper {helper} instead"),
            "store the value where that helper keeps it, or take the helper out of credHelpers or credsStore",
        ));
    }
    for name in ["identitytoken", "registrytoken"] {
        let key = ["auths", registry].map(str::to_owned);
        let held = json::at(text, &key, |entry| {
            json::text_of(entry, name).map(|held| held.is_some_and(|text| !text.value.is_empty()))
        });
        if held == Ok(true) {
            found.push(Caution::new(
                format!("may be read by nobody: for {registry}, Docker uses the {name} beside the password"),
                format!("remove {name} from the entry, or log in anew"),
            ));
        }
    }
    found
}

/// The program that Docker asks for the registry's password; one for this registry alone goes first.
fn helper(text: &str, registry: &str) -> Option<String> {
    let name = |value: &Value<'_>| match value {
        Value::StringLit(name) if !name.value.is_empty() => Ok(name.value.to_string()),
        _ => Err(Misfit::missing("helper")),
    };
    let own = json::at(text, &["credHelpers", registry].map(str::to_owned), name);
    own.or_else(|_| json::at(text, &["credsStore".to_owned()], name)).ok()
}
