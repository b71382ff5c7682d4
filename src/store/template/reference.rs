//! What stands in place of a value and only says where it comes from: names of variables, addresses in other stores,
//! places that some program fills in. Written over, the document would hold a token where people keep none.

use super::Misfit;
use regex::Regex;
use std::sync::LazyLock;

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
          \$\{ | \$\( | \{\{ | <% | ^`           # ${X}, $(command), {{ template }}
        | ^\$[A-Za-z_] | ^%[A-Za-z_][A-Za-z0-9_]*%$  # $X, $env:X, %X%
        | ^[A-Za-z][A-Za-z0-9+.-]*://               # op://vault/item/field, awssm://, file://
        | ^\(\(.+\)\)$ | ^\#\{.+\}\#?$ | ^__[A-Za-z0-9_]+__$ | %\([A-Za-z_]   # ((x)), #{X}#, __X__, %(X)s
        | ^\*[A-Za-z_][A-Za-z0-9_-]*$ | ^![A-Za-z]     # *alias, !secret
        | ^projects/[^/]+/secrets/
        | ^(?:ref\+|vault:|secretref:|secret:|env:|ENC\[|<path:|<[A-Za-z_-]+>$|arn:aws|!vault|@Microsoft\.)
        ",
    )
    .expect("a constant pattern")
});

/// Why such a text is not written over.
pub(super) fn refused(value: &str) -> Option<Misfit> {
    let variable = value.starts_with(['$', '%']) || value.contains("${");
    let mend = "store the value where that comes from";
    REFERENCE.is_match(value).then(|| match variable {
        true => Misfit::new("it holds the name of a variable, not a value", mend),
        false => Misfit::new("it says where the value comes from and holds none", mend),
    })
}
