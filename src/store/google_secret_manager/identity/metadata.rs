//! The service account that the machine, the function or the pod runs as, by Google's metadata server.

use super::{Identity, Token};
use crate::http::{Call, CallError, Credential};
use crate::store::session::{Granted, NoLogin};

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

pub(super) async fn token(identity: &Identity, address: &str) -> Result<Granted, NoLogin> {
    let (api, _) = identity.endpoint(address, Credential::Nothing)?;
    let call = Call::get(TOKEN).header("metadata-flavor", "Google");
    let answer = api.read(&call).await.and_then(|reply| reply.json());
    match answer.map(Token::granted) {
        Err(error @ (CallError::NotSent { .. } | CallError::Unknown { .. })) => {
            let why =
                format!("{error}; outside Google Cloud there is no metadata server, and it takes credentials_file");
            Err(NoLogin::Passing { why, retry_after: None })
        }
        other => other.map_err(|error| identity.of_call(&error)),
    }
}
