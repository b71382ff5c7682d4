//! The filters and orders that every list of tokens shares.

use super::model::Token;
use super::page::page;
use super::reply::{Answer, Refusal};
use super::request::Ctx;
use super::tokens::Showing;
use jiff::{Timestamp, civil::Date};

const SORTS: &[&str] = &[
    "created_asc",
    "created_desc",
    "created_at_asc",
    "created_at_desc",
    "expires_asc",
    "expires_desc",
    "last_used_asc",
    "last_used_desc",
    "name_asc",
    "name_desc",
];

/// A page of the tokens that are `among` and pass the filters of the query.
pub(super) fn list(ctx: &Ctx, showing: Showing, among: impl Fn(&Token) -> bool) -> Answer {
    let keep = Filter::read(ctx)?;
    let today = ctx.world.today();
    let mut tokens: Vec<&Token> =
        ctx.world.tokens.values().filter(|token| among(token) && keep.passes(token, today)).collect();
    sort(&mut tokens, ctx.params.word("sort", SORTS)?.as_deref());
    page(ctx, &tokens, |token| token.json(ctx.world, showing))
}

fn sort(tokens: &mut [&Token], by: Option<&str>) {
    match by {
        None => {}
        Some(by) if by.starts_with("created") => tokens.sort_by_key(|token| (token.created_at, token.id)),
        // Tokens that never expire come last, as NULL does.
        Some(by) if by.starts_with("expires") => tokens.sort_by_key(|token| token.expires_at.unwrap_or(Date::MAX)),
        Some(by) if by.starts_with("last_used") => tokens.sort_by_key(|token| token.last_used_at),
        Some(_) => tokens.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    if by.is_some_and(|by| by.ends_with("desc")) {
        tokens.reverse();
    }
}

struct Filter {
    revoked: Option<bool>,
    active: Option<bool>,
    search: Option<String>,
    created: (Option<Timestamp>, Option<Timestamp>),
    used: (Option<Timestamp>, Option<Timestamp>),
    expires: (Option<Date>, Option<Date>),
}

impl Filter {
    fn read(ctx: &Ctx) -> Result<Self, Refusal> {
        let params = &ctx.params;
        Ok(Self {
            revoked: params.flag("revoked")?,
            active: params.word("state", &["active", "inactive"])?.map(|state| state == "active"),
            search: params.text("search").map(|text| text.to_lowercase()),
            created: (params.parsed("created_after")?, params.parsed("created_before")?),
            used: (params.parsed("last_used_after")?, params.parsed("last_used_before")?),
            expires: (params.parsed("expires_after")?, params.parsed("expires_before")?),
        })
    }

    fn passes(&self, token: &Token, today: Date) -> bool {
        self.revoked.is_none_or(|revoked| token.revoked == revoked)
            && self.active.is_none_or(|active| token.is_active(today) == active)
            && self.search.as_ref().is_none_or(|text| token.name.to_lowercase().contains(text))
            && within(self.created, Some(token.created_at), true)
            && within(self.used, token.last_used_at, true)
            && within(self.expires, token.expires_at, false)
    }
}

/// From the first bound on, and up to the second; `to_included` says whether the second itself belongs.
fn within<T: Ord + Copy>((from, to): (Option<T>, Option<T>), at: Option<T>, to_included: bool) -> bool {
    from.is_none_or(|from| at.is_some_and(|at| at >= from))
        && to.is_none_or(|to| at.is_some_and(|at| at < to || (to_included && at == to)))
}
