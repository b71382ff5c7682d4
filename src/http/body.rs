//! Bytes that may hold a secret: bounded while they arrive, wiped when they are dropped.

use bytes::Bytes;
use reqwest::Response;
use zeroize::Zeroizing;

/// Room for any answer or request that holds a token, so that growing leaves no unwiped copy behind.
const ROOM: usize = 16 << 10;

/// Which bytes of an answer are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keep {
    /// All; more than that many is an error.
    All(usize),
    /// The last so many of an answer of any length.
    Tail(usize),
}

/// Why an answer could not be read to its end.
pub(super) enum Unread {
    TooBig(usize),
    Broken(reqwest::Error),
}

/// Shared bytes that are wiped when the last owner lets go.
pub(super) fn wiped_on_drop(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}

/// `value` as JSON, in bytes that are wiped on drop.
pub(super) fn json(value: &impl serde::Serialize) -> Result<Bytes, String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    match serde_json::to_writer(&mut *bytes, value) {
        Ok(()) => Ok(Bytes::from_owner(bytes)),
        Err(_) => Err("the request cannot be written as JSON".to_owned()),
    }
}

/// Reads what is wanted of an answer.
pub(super) async fn read(mut response: Response, keep: Keep) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let mut body = Zeroizing::new(Vec::with_capacity(room(&response, keep)));
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        body.extend_from_slice(&chunk);
        match keep {
            Keep::All(cap) if body.len() > cap => return Err(Unread::TooBig(cap)),
            Keep::Tail(wanted) if body.len() > wanted => {
                let surplus = body.len() - wanted;
                body.drain(..surplus);
            }
            Keep::All(_) | Keep::Tail(_) => {}
        }
    }
    Ok(body)
}

fn room(response: &Response, keep: Keep) -> usize {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(ROOM);
    let (Keep::All(cap) | Keep::Tail(cap)) = keep;
    announced.min(cap)
}
