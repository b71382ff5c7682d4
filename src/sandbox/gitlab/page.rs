//! Offset pagination with GitLab's headers.

use super::reply::{Answer, Reply};
use super::request::Ctx;
use serde_json::Value;

const MOST_COUNTED: usize = 10_000;

/// One page of the items, shown by `show`; only that page is rendered.
pub(super) fn page<T>(ctx: &Ctx, items: &[T], show: impl Fn(&T) -> Value) -> Answer {
    // Clients send it with offset lists too, where it changes nothing.
    ctx.params.has("pagination");
    let page = ctx.params.parsed::<u64>("page")?.unwrap_or(1).max(1) as usize;
    let per_page = ctx.params.parsed::<u64>("per_page")?.unwrap_or(20).clamp(1, 100) as usize;
    let pages = items.len().div_ceil(per_page).max(1);
    let shown: Vec<Value> = items.iter().skip((page - 1).saturating_mul(per_page)).take(per_page).map(show).collect();
    let next = (page < pages).then_some(page + 1);
    let previous = (page > 1).then_some(page - 1);
    let number = |page: Option<usize>| page.map(|page| page.to_string()).unwrap_or_default();
    let mut reply = Reply::ok(Value::Array(shown));
    reply.headers = vec![
        ("x-page", page.to_string()),
        ("x-per-page", per_page.to_string()),
        ("x-next-page", number(next)),
        ("x-prev-page", number(previous)),
    ];
    let mut links = vec![("prev", previous), ("next", next), ("first", Some(1))];
    if items.len() <= MOST_COUNTED {
        reply.headers.push(("x-total", items.len().to_string()));
        reply.headers.push(("x-total-pages", pages.to_string()));
        links.push(("last", Some(pages)));
    }
    let links = links.into_iter().filter_map(|(rel, page)| Some(link(ctx, rel, page?, per_page)));
    reply.headers.push(("link", links.collect::<Vec<_>>().join(", ")));
    Ok(reply)
}

fn link(ctx: &Ctx, rel: &str, page: usize, per_page: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let sent = form_urlencoded::parse(ctx.uri.query().unwrap_or("").as_bytes());
    query.extend_pairs(sent.filter(|(key, _)| key != "page" && key != "per_page"));
    query.append_pair("page", &page.to_string()).append_pair("per_page", &per_page.to_string());
    format!("<{}{}?{}>; rel=\"{rel}\"", ctx.world.settings.url, ctx.uri.path(), query.finish())
}
