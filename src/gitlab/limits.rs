//! How long a token may live. The instance's own limit is told only to administrators, so for others it is GitLab's
//! default until a refusal names the date.

use super::{Client, Result, none_if};
use crate::http::Call;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

/// GitLab's own limit, in days, where the instance sets none.
const DEFAULT_DAYS: u16 = 365;

/// The longest life that an instance grants a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Days from today.
    pub days: u16,
    /// Whether the instance said so itself; else it is GitLab's default.
    pub stated: bool,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    max_personal_access_token_lifetime: Option<u16>,
}

impl Limit {
    /// The last day on which a token made today may expire.
    pub fn latest(&self, today: Date) -> Date {
        today.saturating_add(i64::from(self.days).days())
    }
}

impl Client {
    /// The limit, as far as we are told.
    pub async fn expiry_limit(&self) -> Result<Limit> {
        let settings = self.get::<Settings>(Call::get("/application/settings").unauthorized_is_an_answer()).await;
        let stated =
            none_if(&[401, 403, 404], settings)?.and_then(|settings| settings.max_personal_access_token_lifetime);
        Ok(Limit { days: stated.unwrap_or(DEFAULT_DAYS), stated: stated.is_some() })
    }
}

/// The last day that GitLab would accept, from the words of its refusal ("must be before 2027-11-22").
pub fn limit_in_refusal(message: &str) -> Option<Date> {
    let (_, after) = message.split_once("must be before ")?;
    let date: Date = after.get(..10)?.parse().ok()?;
    date.yesterday().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_refusal_tells_the_last_day_that_is_accepted() {
        let refusal = "400 Bad request - Expiration date must be before 2027-11-22";
        assert_eq!(limit_in_refusal(refusal), Some(date(2027, 11, 21)));
        assert_eq!(limit_in_refusal("expires_at must be before 2024-03-01."), Some(date(2024, 2, 29)));
        assert_eq!(limit_in_refusal("scopes are not valid"), None);
        assert_eq!(limit_in_refusal("must be before then"), None);
    }

    #[test]
    fn days_are_counted_from_today() {
        assert_eq!(Limit { days: 365, stated: false }.latest(date(2026, 11, 21)), date(2027, 11, 21));
    }
}
