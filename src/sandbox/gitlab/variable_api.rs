//! CI/CD variables over the API. One key may live in several environment scopes; a call that does not say which one
//! it means is refused.

use super::model::Variable;
use super::page::page;
use super::people::{MAINTAINER, OWNER, Place};
use super::reply::{Answer, Refusal, Reply};
use super::request::Ctx;

const TYPES: &[&str] = &["env_var", "file"];

/// GET …/variables
pub(super) fn list(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    let own: Vec<&Variable> = ctx.world.variables.iter().filter(|variable| variable.place == place).collect();
    page(ctx, &own, |variable| variable.json())
}

/// GET …/variables/:key
pub(super) fn get(ctx: &mut Ctx) -> Answer {
    let at = named(ctx)?;
    Ok(Reply::ok(ctx.world.variables[at].json()))
}

/// POST …/variables
pub(super) fn create(ctx: &mut Ctx) -> Answer {
    let place = managed(ctx)?;
    ctx.params.require(&["key", "value"])?;
    let key = ctx.params.text("key").unwrap_or_default();
    let mut variable = Variable::new(place, &key, &ctx.params.text("value").unwrap_or_default());
    apply(ctx, &mut variable)?;
    let both = ctx.params.flag("masked_and_hidden")?.unwrap_or(false);
    variable.hidden = both;
    variable.masked |= both;
    variable.check()?;
    let same = |known: &Variable| {
        known.place == place && known.key == key && known.environment_scope == variable.environment_scope
    };
    if ctx.world.variables.iter().any(same) {
        return Err(Refusal::invalid("key", &format!("({key}) has already been taken")));
    }
    let shown = variable.json();
    ctx.world.variables.push(variable);
    Ok(Reply::created(shown))
}

/// PUT …/variables/:key: what is left out stays as it is.
pub(super) fn update(ctx: &mut Ctx) -> Answer {
    let at = named(ctx)?;
    let mut variable = ctx.world.variables[at].clone();
    if let Some(value) = ctx.params.text("value") {
        variable.value = value;
    }
    apply(ctx, &mut variable)?;
    if variable.hidden && !variable.masked {
        let why = "The visibility setting cannot be changed for masked and hidden variables.";
        return Err(Refusal::invalid("base", why));
    }
    variable.check()?;
    let shown = variable.json();
    ctx.world.variables[at] = variable;
    Ok(Reply::ok(shown))
}

/// DELETE …/variables/:key
pub(super) fn delete(ctx: &mut Ctx) -> Answer {
    let at = named(ctx)?;
    ctx.world.variables.remove(at);
    Ok(Reply::no_content())
}

fn apply(ctx: &Ctx, variable: &mut Variable) -> Result<(), Refusal> {
    let params = &ctx.params;
    let set = |flag: &mut bool, key: &str| params.flag(key).map(|sent| *flag = sent.unwrap_or(*flag));
    set(&mut variable.protected, "protected")?;
    set(&mut variable.masked, "masked")?;
    set(&mut variable.raw, "raw")?;
    if let Some(kind) = params.word("variable_type", TYPES)? {
        variable.variable_type = kind;
    }
    if let Some(scope) = params.text("environment_scope") {
        variable.environment_scope = scope;
    }
    if params.has("description") {
        variable.description = params.text("description");
    }
    Ok(())
}

fn managed(ctx: &Ctx) -> Result<Place, Refusal> {
    match ctx.place()? {
        Place::Project(_) => ctx.place_as(MAINTAINER),
        Place::Group(_) | Place::Instance => ctx.place_as(OWNER),
    }
}

/// Where in the list the variable is that the path and the filter mean.
fn named(ctx: &Ctx) -> Result<usize, Refusal> {
    let place = managed(ctx)?;
    let key = ctx.part("key");
    let scope = ctx.params.text("filter[environment_scope]");
    let meant = |variable: &Variable| {
        variable.place == place
            && variable.key == key
            && scope.as_ref().is_none_or(|scope| *scope == variable.environment_scope)
    };
    let all = ctx.world.variables.iter().enumerate();
    let found: Vec<usize> = all.filter(|(_, variable)| meant(variable)).map(|(at, _)| at).collect();
    match found[..] {
        [] => Err(Refusal::not_found("Variable")),
        [at] => Ok(at),
        _ => Err(Refusal::conflict(
            "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'",
        )),
    }
}
