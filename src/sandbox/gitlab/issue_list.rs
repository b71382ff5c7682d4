//! Finding issues. The search is full text over what a reader sees: nothing inside an HTML comment or tag is found.

use super::model::Issue;
use super::people::REPORTER;
use super::reply::Refusal;
use super::request::Ctx;
use jiff::Timestamp;

/// The issues of a project that pass the query's filters, newest first unless told otherwise.
pub(super) fn found(ctx: &Ctx, project: u64) -> Result<Vec<Issue>, Refusal> {
    let params = &ctx.params;
    let state = params.word("state", &["opened", "closed", "all"])?;
    let labels = params.list("labels").unwrap_or_default();
    let (author, author_name) = (params.parsed::<u64>("author_id")?, params.text("author_username"));
    let (after, before) = (params.parsed::<Timestamp>("created_after")?, params.parsed("created_before")?);
    let updated_after = params.parsed::<Timestamp>("updated_after")?;
    let iids = params.list("iids");
    let confidential = params.flag("confidential")?;
    let search = params.text("search");
    params.word("in", &["title", "description", "title,description"])?;
    params.word("scope", &["all", "created_by_me", "assigned_to_me"])?;
    params.word("order_by", &["created_at", "updated_at", "due_date"])?;
    let oldest_first = params.word("sort", &["asc", "desc"])?.as_deref() == Some("asc");
    let name = |id: u64| ctx.world.users.get(&id).map(|user| user.username.clone());
    let passes = |issue: &&Issue| {
        issue.project == project
            && visible(ctx, issue)
            && state.as_deref().is_none_or(|state| state == "all" || (state == "opened") == issue.open)
            && labels.iter().all(|label| issue.labels.contains(label))
            && author.is_none_or(|author| issue.author == author)
            && (author_name.is_none() || author_name == name(issue.author))
            && after.is_none_or(|after| issue.created_at >= after)
            && before.is_none_or(|before| issue.created_at <= before)
            && updated_after.is_none_or(|after| issue.updated_at >= after)
            && iids.as_ref().is_none_or(|iids| iids.contains(&issue.iid.to_string()))
            && confidential.is_none_or(|confidential| issue.confidential == confidential)
            && search.as_deref().is_none_or(|search| has_words(issue, search))
    };
    let mut found: Vec<Issue> = ctx.world.issues.values().filter(passes).cloned().collect();
    if !oldest_first {
        found.reverse();
    }
    Ok(found)
}

fn has_words(issue: &Issue, search: &str) -> bool {
    let seen = without_markup(&format!("{}\n{}", issue.title, issue.description)).to_lowercase();
    let words: Vec<&str> = seen.split(|c: char| !c.is_alphanumeric()).collect();
    search.to_lowercase().split(|c: char| !c.is_alphanumeric()).all(|word| word.is_empty() || words.contains(&word))
}

fn without_markup(text: &str) -> String {
    let mut seen = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        seen.push_str(before);
        seen.push(' ');
        let end = if after.starts_with("!--") { "-->" } else { ">" };
        rest = after.split_once(end).map_or("", |(_, after)| after);
    }
    seen + rest
}

/// Whether the caller may know of it.
pub(super) fn visible(ctx: &Ctx, issue: &Issue) -> bool {
    let level = ctx.world.level(ctx.caller.user, super::people::Place::Project(issue.project));
    !issue.confidential || issue.author == ctx.caller.user || level >= REPORTER
}
