//! The scan that misses nothing: every token near its expiry, page by page. The host's rate limit is the wall, not
//! our speed, so several pages are on the way at once under the one budget that all callers share.

use super::wire::{RawToken, has_next};
use super::{Client, PER_PAGE, Result, TokenFilter};
use crate::http::Call;
use crate::rotation::token::{LiveToken, Owner};
use futures::{StreamExt, stream};
use jiff::civil::Date;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Pages (or owners) on the way at once.
const IN_FLIGHT: usize = 8;

/// How long a page may wait for its turn: a scan is in no hurry.
const PATIENCE: Duration = Duration::from_secs(600);

/// Which tokens a scan is for. Revoked and expired ones never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InventoryQuery {
    /// Only those that expire before that day.
    pub expires_before: Option<Date>,
}

/// What a scan went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Tokens handed on, each once.
    pub tokens: usize,
    /// Pages that held them.
    pub pages: usize,
}

impl Client {
    /// Every active token of the instance, as an administrator sees it; of the bot alone for anybody else. Hands on
    /// a page at a time and waits while the receiver is busy, so memory stays bounded; ends when it is gone. A token
    /// that slips over a page's edge while others are revoked is seen by the next scan.
    pub async fn inventory(&self, query: InventoryQuery, to: &Sender<Vec<LiveToken>>) -> Result<Scanned> {
        let mut pages = stream::iter(1_u32..).map(|page| self.inventory_page(query, page)).buffered(IN_FLIGHT);
        let (mut seen, mut scanned) = (HashSet::new(), Scanned::default());
        while let Some(page) = pages.next().await {
            let (rows, goes_on) = page?;
            scanned.pages += 1;
            let new: Vec<LiveToken> = rows.into_iter().filter(|raw| seen.insert(raw.id)).map(LiveToken::from).collect();
            scanned.tokens += new.len();
            if (!new.is_empty() && to.send(new).await.is_err()) || !goes_on {
                break;
            }
        }
        Ok(scanned)
    }

    /// The active tokens of each owner, for a bot that is no administrator. The failure of one owner does not stop
    /// the others.
    pub async fn inventory_of(
        &self,
        owners: &[Owner],
        query: InventoryQuery,
        to: &Sender<(Owner, Result<Vec<LiveToken>>)>,
    ) {
        let filter = TokenFilter { active: Some(true), expires_before: query.expires_before, created_after: None };
        let mut lists = stream::iter(owners.to_vec())
            .map(|owner| {
                let filter = &filter;
                async move {
                    let list = self.list(&owner, filter).await;
                    (owner, list)
                }
            })
            .buffer_unordered(IN_FLIGHT);
        while let Some(list) = lists.next().await {
            if to.send(list).await.is_err() {
                break;
            }
        }
    }

    async fn inventory_page(&self, query: InventoryQuery, page: u32) -> Result<(Vec<RawToken>, bool)> {
        let call = Call::get("/personal_access_tokens")
            .query("state", "active")
            .query("sort", "created_asc")
            .query("per_page", PER_PAGE)
            .query("page", page)
            .maybe("expires_before", query.expires_before)
            .patience(PATIENCE);
        let reply = self.read(call).await?;
        Ok((reply.json()?, has_next(&reply)))
    }
}
