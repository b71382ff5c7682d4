//! What the bot may do in a channel: what its roles allow, and the channel's exceptions to it, in Discord's order.

use super::client::{Channel, Member, Role};

/// What the bot needs there, and how Discord's settings call it.
const NEEDED: [(u32, &str); 6] = [
    (10, "View Channel"),
    (11, "Send Messages"),
    (14, "Embed Links"),
    (16, "Read Message History"),
    (35, "Create Public Threads"),
    (38, "Send Messages in Threads"),
];

/// What is enough for a reminder in another channel.
const FOR_WORDS: [u32; 3] = [10, 11, 16];

/// Mention @everyone, @here, and All Roles.
const MENTION_ALL: u64 = 1 << 17;

/// Allows everything.
const ADMINISTRATOR: u64 = 1 << 3;

/// The names of what the bot lacks.
pub fn missing(guild: &str, roles: &[Role], me: &Member, channel: &Channel) -> Vec<&'static str> {
    let granted = granted(guild, roles, me, channel);
    NEEDED.iter().filter(|(bit, _)| granted & (1 << bit) == 0).map(|(_, name)| *name).collect()
}

/// The same, where it only says a few words.
pub fn missing_for_words(guild: &str, roles: &[Role], me: &Member, channel: &Channel) -> Vec<&'static str> {
    let granted = granted(guild, roles, me, channel);
    let needed = NEEDED.iter().filter(|(bit, _)| FOR_WORDS.contains(bit));
    needed.filter(|(bit, _)| granted & (1 << bit) == 0).map(|(_, name)| *name).collect()
}

/// Whether a mention of this role notifies those who have it.
pub fn may_mention(role: &Role, guild: &str, roles: &[Role], me: &Member, channel: &Channel) -> bool {
    role.mentionable || granted(guild, roles, me, channel) & MENTION_ALL != 0
}

/// Whether a role allows the bot everything.
pub fn is_administrator(guild: &str, roles: &[Role], me: &Member) -> bool {
    let has = |id: &str| id == guild || me.roles.iter().any(|role| role == id);
    roles.iter().any(|role| has(&role.id) && bits(&role.permissions) & ADMINISTRATOR != 0)
}

fn granted(guild: &str, roles: &[Role], me: &Member, channel: &Channel) -> u64 {
    // Everybody's role has the id of the guild.
    let has = |id: &str| id == guild || me.roles.iter().any(|role| role == id);
    let base = roles.iter().filter(|role| has(&role.id)).fold(0, |all, role| all | bits(&role.permissions));
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let applied = |granted: u64, applies: &dyn Fn(&str) -> bool| {
        let those = || channel.permission_overwrites.iter().filter(|exception| applies(&exception.id));
        let denied = those().fold(0, |all, exception| all | bits(&exception.deny));
        let allowed = those().fold(0, |all, exception| all | bits(&exception.allow));
        granted & !denied | allowed
    };
    let of_everybody = applied(base, &|id| id == guild);
    let of_roles = applied(of_everybody, &|id| id != guild && has(id));
    applied(of_roles, &|id| id == me.user.id)
}

/// A number in text; what is none allows nothing.
fn bits(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::discord::client::{Overwrite, User};

    const GUILD: &str = "1";
    const ALL: u64 = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 35 | 1 << 38;

    fn role(id: &str, permissions: u64) -> Role {
        Role { id: id.into(), name: id.into(), permissions: permissions.to_string(), mentionable: false }
    }

    fn me() -> Member {
        let user = User { id: "9".into(), username: "rekey".into(), bot: true };
        Member { user, roles: vec!["2".into()], ..Member::default() }
    }

    fn exception(id: &str, allow: u64, deny: u64) -> Overwrite {
        Overwrite { id: id.into(), allow: allow.to_string(), deny: deny.to_string() }
    }

    fn channel(exceptions: Vec<Overwrite>) -> Channel {
        Channel { permission_overwrites: exceptions, ..Channel::default() }
    }

    #[test]
    fn exceptions_count_in_the_order_everybody_roles_member() {
        let roles = [role(GUILD, 1 << 10), role("2", ALL), role("3", u64::MAX)];
        let missing = |exceptions| missing(GUILD, &roles, &me(), &channel(exceptions));
        assert!(missing(vec![]).is_empty());
        assert_eq!(missing(vec![exception(GUILD, 0, 1 << 11)]), ["Send Messages"]);
        assert!(missing(vec![exception(GUILD, 0, 1 << 11), exception("2", 1 << 11, 0)]).is_empty());
        assert!(missing(vec![exception("3", 0, ALL)]).is_empty());
        let last = vec![exception("9", 0, 1 << 38), exception("2", 1 << 38, 0)];
        assert_eq!(missing(last), ["Send Messages in Threads"]);
    }

    #[test]
    fn administrators_may_do_everything_and_strangers_nothing() {
        let roles = [role(GUILD, 0), role("2", ADMINISTRATOR)];
        assert!(missing(GUILD, &roles, &me(), &channel(vec![exception("9", 0, ALL)])).is_empty());
        assert_eq!(missing(GUILD, &[], &me(), &channel(vec![])).len(), NEEDED.len());
    }

    #[test]
    fn a_role_is_mentioned_if_it_lets_everybody_or_the_channel_lets_the_bot() {
        let roles = [role(GUILD, ALL), role("2", 0)];
        let may = |role: &Role, exceptions| may_mention(role, GUILD, &roles, &me(), &channel(exceptions));
        assert!(!may(&role("7", 0), vec![]));
        assert!(may(&Role { mentionable: true, ..role("7", 0) }, vec![]));
        assert!(may(&role("7", 0), vec![exception("2", MENTION_ALL, 0)]));
    }

    #[test]
    fn a_reminder_needs_no_threads() {
        let roles = [role(GUILD, 1 << 10 | 1 << 11 | 1 << 16)];
        assert!(missing_for_words(GUILD, &roles, &me(), &channel(vec![])).is_empty());
        assert_eq!(missing_for_words(GUILD, &[role(GUILD, 1 << 10)], &me(), &channel(vec![])).len(), 2);
    }
}
