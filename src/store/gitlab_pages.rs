//! A list of GitLab's, page by page.

use crate::http::{Api, Call, CallError};
use serde::de::DeserializeOwned;

const PER_PAGE: usize = 100;

/// How reading a list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Somebody had seen enough.
    Enough,
    /// There are no more rows.
    Whole,
    /// There are, and that many are not read: nobody can say what is not among them.
    TooLong,
}

/// Shows every row to `is_enough` until it says so, on at most so many pages of a hundred.
pub(super) async fn each<T: DeserializeOwned>(
    api: &Api,
    list: &str,
    pages: u32,
    mut is_enough: impl FnMut(T) -> bool,
) -> Result<End, CallError> {
    for page in 1..=pages {
        let call = Call::get(list).query("per_page", PER_PAGE).query("page", page);
        let rows: Vec<T> = api.read(&call).await?.json()?;
        let is_last = rows.len() < PER_PAGE;
        if rows.into_iter().any(&mut is_enough) {
            return Ok(End::Enough);
        }
        if is_last {
            return Ok(End::Whole);
        }
    }
    Ok(End::TooLong)
}
