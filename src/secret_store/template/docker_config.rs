//! The password of a registry in Docker's `config.json`: the second half of its encoded `auth`.

use super::spelling::Spelling;
use super::{Misfit, Part, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub(super) fn find(text: &str, registry: &str, user: Option<&str>) -> Result<Part, Misfit> {
    let key = ["auths", registry, "auth"].map(str::to_owned);
    json::with_text(text, &key, |found| {
        let present = Zeroizing::new(STANDARD.decode(found.value.as_ref()).unwrap_or_default());
        let present = std::str::from_utf8(&present).ok().and_then(|pair| pair.split_once(':'));
        let user = match (present.map(|(user, _)| user), user) {
            (Some(present), Some(wanted)) if present != wanted => {
                return Err(Misfit::new("it is another user's", "correct the user in the template"));
            }
            (Some(user), _) | (None, Some(user)) => user.to_owned(),
            (None, None) => return Err(Misfit::new("it names no user yet", "name the user in the template")),
        };
        Ok(Part { range: json::inside(found), spelling: Spelling::DockerAuth(user) })
    })
}
