//! Whom we believe: which GitLab instances exist, who sends for them, who may forward, and what proves a sender.

use super::address::Address;

/// What a mail must satisfy. Empty lists mean nobody.
#[derive(Clone, Debug)]
pub struct MailPolicy {
    /// The instances whose mails are read.
    pub instances: Vec<Instance>,
    /// Addresses or domains of people who may pass a mail on.
    pub forwarders: Vec<String>,
    /// Our own addresses; mail from them is a loop.
    pub own: Vec<String>,
    /// Hosts of mail gateways that rewrite links, beside those that everybody knows.
    pub link_gateways: Vec<String>,
    /// What shows that the sender is genuine.
    pub proof: Proof,
    /// Mails above this are refused unread.
    pub max_bytes: usize,
    /// Mails with more MIME parts are refused.
    pub max_parts: usize,
}

/// What shows that `From` is genuine.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The mailbox or relay that hands mail over has checked it; nothing in the mail itself is asked.
    Pickup,
    /// The topmost `Authentication-Results` of one of these servers says so. They must remove foreign headers with
    /// their own name, as RFC 8601 demands.
    Results {
        /// Names by which our servers sign such headers (`authserv-id`). The empty name stands for a server that leaves
        /// it out, as Microsoft 365 does: then the header's place must show who wrote it.
        servers: Vec<String>,
    },
}

/// One GitLab.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Host, with the port unless it is the scheme's own, as its mails write it.
    pub host: String,
    /// The host by which notices name it: the API's, where mails use another name.
    pub known_as: String,
    /// Path below which GitLab is installed: empty, or such as `/gitlab`.
    pub root: String,
    /// Addresses or domains that its mails come from. A domain does not include its subdomains.
    pub senders: Vec<String>,
}

impl MailPolicy {
    /// A policy with nobody to forward and sizes that fit GitLab's mails with room to spare.
    pub fn new(instances: Vec<Instance>, proof: Proof) -> Self {
        Self {
            instances,
            forwarders: Vec::new(),
            own: Vec::new(),
            link_gateways: Vec::new(),
            proof,
            max_bytes: 1 << 20,
            max_parts: 40,
        }
    }

    /// Whether this address belongs to somebody who may pass mails on.
    pub fn may_forward(&self, address: &str) -> bool {
        names(&self.forwarders, address)
    }

    /// Whether this address is ours.
    pub fn is_own(&self, address: &str) -> bool {
        names(&self.own, address)
    }

    /// The instance with exactly this host.
    pub fn instance(&self, host: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.host == host)
    }
}

impl Instance {
    /// An instance by its URL, such as `https://git.example.org:8443/gitlab`; `None` if that is not a plain one.
    pub fn at(url: &str, senders: &[&str]) -> Option<Self> {
        let address = Address::read(url)?;
        let root = address.path.trim_end_matches('/').to_owned();
        let host = address.host()?;
        let senders = senders.iter().map(|sender| sender.to_string()).collect();
        Some(Self { known_as: host.clone(), host, root, senders })
    }

    /// Whether this address sends for the instance.
    pub fn is_sender(&self, address: &str) -> bool {
        names(&self.senders, address)
    }
}

/// Entries with an `@` are whole addresses, others are domains.
fn names(list: &[String], address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    list.iter().any(|entry| {
        let against = if entry.contains('@') { address } else { domain };
        !entry.is_empty() && entry.eq_ignore_ascii_case(against)
    })
}
