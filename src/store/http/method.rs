//! The names of the methods by which a value may be written.

use super::Method;
use std::fmt;

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        })
    }
}
