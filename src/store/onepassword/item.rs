//! An item as Connect shows it, and changes to it. Whatever a field has besides its value goes back as it came.

use crate::secret::Secret;
use crate::store::caution::Caution;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What Connect computes itself and does not take back.
const COMPUTED: [&str; 4] = ["entropy", "generate", "recipe", "totp"];

/// An item, as far as we need it.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    /// Grows by one with every change, whoever makes it.
    pub(super) version: u64,
    /// Whether people put it away; unset while it is in use.
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    sections: Vec<Section>,
    #[serde(default)]
    pub(super) fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Section {
    id: String,
    #[serde(default)]
    label: String,
}

/// One field of an item.
#[derive(Deserialize)]
pub(super) struct Field {
    id: String,
    #[serde(default)]
    pub(super) label: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    section: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "secret")]
    value: Option<Secret>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Item {
    /// What an item says that people put away.
    pub(super) fn put_away(&self) -> Option<Caution> {
        let state = self.state.as_deref().filter(|state| !state.eq_ignore_ascii_case("active"))?;
        let what = match state {
            "ARCHIVED" => "lies in the archive: people put the item away, and nobody may read it any more".to_owned(),
            other => format!("is an item in the state {}, so nobody may read it any more", other.to_lowercase()),
        };
        Some(Caution::new(what, "restore the item in 1Password, or name the one that is in use"))
    }

    /// The fields of that id or exact label, in the section of that id or exact label if one is named.
    pub(super) fn fields(&self, section: Option<&str>, name: &str) -> Vec<&Field> {
        let named = self.fields.iter().filter(|field| field.id == name || field.label == name);
        named.filter(|field| section.is_none_or(|section| self.is_in(field, section))).collect()
    }

    fn is_in(&self, field: &Field, name: &str) -> bool {
        let Some(id) = field.section_id() else { return false };
        id == name || self.sections.iter().any(|section| section.id == id && section.label == name)
    }
}

impl Field {
    /// Its value; a field without one is empty.
    pub(super) fn held(&self) -> Secret {
        self.value.as_ref().map_or_else(|| Secret::new(String::new()), Secret::duplicate)
    }

    fn section_id(&self) -> Option<&str> {
        self.section.as_ref()?.get("id")?.as_str()
    }

    fn path(&self) -> String {
        format!("/fields/{}", self.id.replace('~', "~0").replace('/', "~1"))
    }

    fn with(&self, label: &str, value: &Secret) -> NewField {
        let mut rest = self.rest.clone();
        rest.retain(|key, _| !COMPUTED.contains(&key.as_str()));
        NewField {
            id: Some(self.id.clone()),
            label: label.to_owned(),
            kind: self.kind.clone(),
            section: self.section.clone(),
            value: value.duplicate(),
            rest,
        }
    }
}

/// One operation of the JSON Patch that Connect understands: fields are addressed by their ids, values are whole fields.
#[derive(Serialize)]
pub(super) struct Change {
    op: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<NewField>,
}

impl Change {
    pub(super) fn replace(field: &Field, value: &Secret) -> Self {
        Self::relabel(field, &field.label, value)
    }

    pub(super) fn relabel(field: &Field, label: &str, value: &Secret) -> Self {
        Self { op: "replace", path: field.path(), value: Some(field.with(label, value)) }
    }

    /// A new concealed field in the same section.
    pub(super) fn add_beside(field: &Field, label: &str, value: &Secret) -> Self {
        let (label, section) = (label.to_owned(), field.section.clone());
        let kind = "CONCEALED".to_owned();
        let new = NewField { id: None, label, kind, section, value: value.duplicate(), rest: Map::new() };
        Self { op: "add", path: "/fields".to_owned(), value: Some(new) }
    }

    pub(super) fn remove(field: &Field) -> Self {
        Self { op: "remove", path: field.path(), value: None }
    }
}

struct NewField {
    id: Option<String>,
    label: String,
    kind: String,
    section: Option<Map<String, Value>>,
    value: Secret,
    rest: Map<String, Value>,
}

impl Serialize for NewField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.rest {
            map.serialize_entry(key, value)?;
        }
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(section) = &self.section {
            map.serialize_entry("section", section)?;
        }
        map.serialize_entry("label", &self.label)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("value", self.value.expose())?;
        map.end()
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Item {
        let field = |id: &str, label: &str, section: Option<&str>| {
            let section = section.map(|id| json!({ "id": id }));
            json!({ "id": id, "label": label, "type": "CONCEALED", "section": section, "value": "v", "entropy": 5.5,
                "purpose": "", "unheard": [1] })
        };
        let fields = [field("f1", "token", None), field("f2", "token", Some("s1")), field("f3", "f1", Some("s1"))];
        let sections = json!([{ "id": "s1", "label": "Spare" }]);
        serde_json::from_value(json!({ "id": "i", "version": 3, "sections": sections, "fields": fields })).unwrap()
    }

    #[test]
    fn a_field_is_found_by_id_or_exact_label_and_more_than_one_is_told() {
        let item = item();
        let found = |section, name| item.fields(section, name).iter().map(|field| field.id.clone()).collect::<Vec<_>>();
        assert_eq!(found(None, "f2"), ["f2"]);
        assert_eq!(found(None, "token"), ["f1", "f2"]);
        assert_eq!(found(Some("s1"), "token"), ["f2"]);
        assert_eq!(found(Some("Spare"), "token"), ["f2"]);
        assert_eq!(found(None, "f1"), ["f1", "f3"], "an id of one is the label of another");
        assert!(found(Some("spare"), "token").is_empty() && found(None, "TOKEN").is_empty());
    }

    #[test]
    fn all_that_a_field_has_besides_its_value_goes_back() {
        let item = item();
        let change = Change::replace(&item.fields[1], &Secret::new("new".into()));
        assert_eq!(
            serde_json::to_value(&change).unwrap(),
            json!({ "op": "replace", "path": "/fields/f2", "value": {
                "id": "f2", "label": "token", "type": "CONCEALED", "section": { "id": "s1" }, "value": "new",
                "purpose": "", "unheard": [1] } })
        );
    }
}
