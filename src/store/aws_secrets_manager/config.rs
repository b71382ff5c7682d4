//! `[aws_secrets_manager.<name>]` and `kind = "aws_secrets_manager"`: a secret of an account of AWS.

use super::{Format, Settings, Spec};
use crate::settings::address;
use crate::settings::authority::ca_file;
use crate::settings::section::Section;
use crate::store::Named;
use crate::store::keys::{self};

const NAME: &str = "aws_secrets_manager";

/// The keys of a place.
pub(in crate::store) const KEYS: &[&str] = &["at", "secret", "format"];

/// The keys of a connection.
pub(in crate::store) const CONNECTION_KEYS: &[&str] =
    &["region", "profile", "config_file", "role", "external_id", "url", "ca_file", "timeout"];

const FORMATS: &[(&str, Format)] = &[("plain", Format::Plain), ("GitLabAccessToken", Format::GitlabAccessToken)];

pub(in crate::store) fn read(section: &Section<'_>, connections: &Named<Settings>) -> Option<Spec> {
    let at = keys::at(section, NAME, connections);
    let secret = section.required("secret", "write the secret's name or its ARN, \"deploy/token\"")?;
    let format = match section.has("format") {
        true => section.choice("format", FORMATS)?,
        false => Format::Plain,
    };
    if format == Format::GitlabAccessToken && section.has("template") {
        section.complain("template", "template has no meaning with format = \"GitLabAccessToken\"; remove one");
    }
    let (at, settings) = at?;
    let arn = Arn::of(&secret);
    if let Some(arn) = arn.as_ref().filter(|arn| arn.region != settings.region) {
        let (region, of_it) = (&settings.region, arn.region);
        section.complain("secret", &format!("secret is in {of_it}, and [{NAME}.{at}] is for {region}"));
        return None;
    }
    let (region, account) = (settings.region.clone(), account(settings, arn.as_ref()));
    Some(Spec { at, region, account, secret, format })
}

/// Whose secret it is, as far as can be told without asking.
fn account(settings: &Settings, arn: Option<&Arn<'_>>) -> String {
    let of_role = settings.role.as_deref().and_then(Arn::of);
    match (arn.or(of_role.as_ref()), &settings.profile) {
        (Some(arn), _) => arn.account.to_owned(),
        (None, Some(profile)) => profile.clone(),
        (None, None) => "default".to_owned(),
    }
}

pub(in crate::store) fn connection(section: &Section<'_>, name: &str, connections: &mut Named<Settings>) {
    let variable = |name| section.source.surroundings.variable(name).filter(|value| !value.is_empty());
    let region = section.text("region").or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    if region.is_none() {
        section.complain("region", "region is missing; write it, \"eu-central-1\", or set AWS_REGION");
    }
    let role = section.text("role");
    if role.as_deref().is_some_and(|role| Arn::of(role).is_none()) {
        section.complain("role", "role must be an ARN, \"arn:aws:iam::123456789012:role/rekey\"");
    }
    if section.has("external_id") && role.is_none() {
        section.complain("external_id", "external_id has no meaning without role; remove it");
    }
    let url = section.has("url").then(|| address::base(section, "url"));
    let settings = Settings {
        region: region.clone().unwrap_or_default(),
        profile: section.text("profile"),
        config_file: section.text("config_file").map(|path| section.source.folder.join(path)),
        role,
        external_id: section.text("external_id"),
        ca_file: ca_file(section),
        timeout: keys::timeout(section),
        url: url.clone().flatten(),
    };
    if region.is_some() && url != Some(None) {
        connections.insert(name.to_owned(), settings);
    }
}

/// `arn:partition:service:region:account:…`
struct Arn<'a> {
    region: &'a str,
    account: &'a str,
}

impl<'a> Arn<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, _, region, account, _] => Some(Self { region, account }),
            _ => None,
        }
    }
}
