//! What a vault means when it says 403 or 409: its network, its rights, or the state of the secret.

use crate::http::Reply;
use crate::rotation::ids::StoreId;
use crate::store::error::StoreError;
use serde::Deserialize;

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Words,
}

#[derive(Default, Deserialize)]
struct Words {
    #[serde(default)]
    message: String,
    #[serde(default)]
    innererror: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    code: String,
}

const NETWORK: &str = "let the bot's address, or its network, through the vault's firewall";
const PRIVATE: &str = "run the bot where the vault's private endpoint can be reached";
const ROLE: &str = "give the bot's identity the role Key Vault Secrets Officer on this secret, or the smaller one in the \
                    documentation of this store";
const POLICY: &str = "give the bot's identity the secret permissions get, list and set in the vault's access policies";

/// The answer as the trouble of a store. Nothing was changed.
pub(super) fn explain(store: &StoreId, reply: &Reply) -> StoreError {
    let words = serde_json::from_slice::<Body>(reply.body()).unwrap_or_default().error;
    let inner = words.innererror.as_ref().map_or("", |inner| inner.code.as_str());
    let refused = |why: &str, mend: &str| StoreError::refused(store, why, mend);
    match inner {
        "ForbiddenByFirewall" => refused("the vault's firewall does not let the bot in", NETWORK),
        "ForbiddenByConnection" => refused("the vault takes calls from its private network only", PRIVATE),
        "ForbiddenByRbac" => refused(&format!("the bot's identity may not {}", action(&words.message)), ROLE),
        "ForbiddenByPolicy" | "AccessDenied" => {
            refused(&format!("the bot's identity has no {}", permission(&words.message)), POLICY)
        }
        "SecretDisabled" => refused("its current version is disabled", "enable that version"),
        "ObjectIsDeletedButRecoverable" => refused("it was deleted and can be recovered", "recover it, or purge it"),
        "ObjectIsBeingDeleted" | "ObjectIsBeingRecovered" => {
            StoreError::unavailable(store, "it is just being deleted or recovered")
        }
        _ if words.message.contains("Client address is not authorized") => {
            refused("the vault's firewall does not let the bot in", NETWORK)
        }
        _ if words.message.contains("does not have secrets") => {
            refused(&format!("the bot's identity has no {}", permission(&words.message)), POLICY)
        }
        _ if words.message.contains("not allowed on a disabled secret") => {
            refused("its current version is disabled", "enable that version")
        }
        _ => refused(&reply.refusal().to_string(), ROLE),
    }
}

/// The action that Azure names, `Microsoft.KeyVault/vaults/secrets/setSecret/action`.
fn action(message: &str) -> &str {
    let rest = message.split_once("Action: '").map_or("", |(_, rest)| rest);
    let action = rest.split('\'').next().unwrap_or_default();
    if is_plain(action) { action } else { "do this" }
}

/// The permission that Azure names, `secrets set permission`.
fn permission(message: &str) -> String {
    let rest = message.split_once("does not have secrets ").map_or("", |(_, rest)| rest);
    match rest.split_once(" permission") {
        Some((what, _)) if is_plain(what) => format!("secrets {what} permission"),
        _ => "permission for this".to_owned(),
    }
}

/// Text from outside that is only repeated if it is the word that it should be.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.len() < 100 && word.chars().all(|c| c.is_ascii_alphanumeric() || "./".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_right_is_named_in_azures_own_words() {
        let rbac = "Caller is not authorized.\r\nCaller: appid=1\r\nAction: 'Microsoft.KeyVault/vaults/secrets/setSecret/action'\r\n";
        assert_eq!(action(rbac), "Microsoft.KeyVault/vaults/secrets/setSecret/action");
        let policy =
            "The user, group or application 'appid=1' does not have secrets set permission on key vault 'acme'.";
        assert_eq!(permission(policy), "secrets set permission");
        assert_eq!(action("Action: '<b>x</b>'"), "do this");
        assert_eq!(permission("no"), "permission for this");
    }
}
