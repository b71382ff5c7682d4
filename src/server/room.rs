//! Places that are few, and who gets them. Until somebody has proven who they are, a place is only lent: when there is
//! none left, the peer that holds most loses the one that it has held longest. So whoever comes is heard, however many
//! others come and say nothing.

use super::peer::Peer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A number of places, and the bytes that all who hold one may have in memory.
pub(super) struct Room {
    places: usize,
    bytes: usize,
    /// Of those, what people may have who have proven nothing.
    unproven: usize,
    guests: Mutex<Guests>,
    freed: Notify,
}

#[derive(Default)]
struct Guests {
    next: u64,
    /// By age: the lowest number came first.
    held: BTreeMap<u64, Guest>,
}

struct Guest {
    peer: Peer,
    proven: bool,
    bytes: usize,
    sent_away: CancellationToken,
}

/// A place; given back on drop.
pub(super) struct Place {
    room: Arc<Room>,
    number: u64,
    sent_away: CancellationToken,
}

impl Room {
    pub(super) fn new(places: usize, bytes: usize, unproven: usize) -> Arc<Self> {
        Arc::new(Self { places, bytes, unproven, guests: Mutex::default(), freed: Notify::new() })
    }

    /// A place, if need be that of somebody else; `None` if all who are here have proven who they are.
    pub(super) fn enter(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let mut guests = self.guests();
        if guests.held.len() >= self.places {
            let greediest = guests.greediest(peer, 1, |_| 1)?;
            guests.send_away(greediest);
        }
        let (number, sent_away) = (guests.next, CancellationToken::new());
        guests.next += 1;
        guests.held.insert(number, Guest { peer, proven: false, bytes: 0, sent_away: sent_away.clone() });
        Some(Place { room: self.clone(), number, sent_away })
    }

    /// Waits until a place may have become free.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests {
    /// The one to go: of all who have proven nothing, of the peer that holds most (what `newcomer` asks for counted), the
    /// one that came first.
    fn greediest(&self, newcomer: Peer, asks: usize, weight: impl Fn(&Guest) -> usize) -> Option<u64> {
        let mut shares: BTreeMap<Peer, (usize, u64)> = BTreeMap::new();
        for (number, guest) in self.held.iter().filter(|(_, guest)| !guest.proven && weight(guest) > 0) {
            let asked = if guest.peer == newcomer { asks } else { 0 };
            shares.entry(guest.peer).or_insert((asked, *number)).0 += weight(guest);
        }
        let greediest = shares.into_values().max_by_key(|(share, oldest)| (*share, std::cmp::Reverse(*oldest)));
        greediest.map(|(_, oldest)| oldest)
    }

    fn send_away(&mut self, number: u64) {
        if let Some(guest) = self.held.remove(&number) {
            guest.sent_away.cancel();
        }
    }

    fn bytes(&self, counts: impl Fn(&Guest) -> bool) -> usize {
        self.held.values().filter(|guest| counts(guest)).map(|guest| guest.bytes).sum()
    }
}

impl Place {
    /// Waits until the place is somebody else's.
    pub(super) async fn sent_away(&self) {
        self.sent_away.cancelled().await;
    }

    /// From now on nobody else gets this place, or from now on they may.
    pub(super) fn prove(&self, proven: bool) {
        if let Some(guest) = self.room.guests().held.get_mut(&self.number) {
            guest.proven = proven;
        }
        if !proven {
            self.room.freed.notify_one();
        }
    }

    /// It is known now on whose behalf the place is held.
    pub(super) fn is_for(&self, peer: Peer) {
        if let Some(guest) = self.room.guests().held.get_mut(&self.number) {
            guest.peer = peer;
        }
    }

    /// Makes room for so many bytes more; false if there is none, for this peer at least.
    pub(super) fn take(&self, more: usize) -> bool {
        let (room, mut guests) = (&self.room, self.room.guests());
        loop {
            let Some(guest) = guests.held.get(&self.number) else { return false };
            let (peer, proven) = (guest.peer, guest.proven);
            let fits = guests.bytes(|_| true) + more <= room.bytes;
            if fits && (proven || guests.bytes(|guest| !guest.proven) + more <= room.unproven) {
                break;
            }
            match guests.greediest(peer, more, |guest| guest.bytes) {
                Some(greediest) if greediest != self.number => guests.send_away(greediest),
                _ => return false,
            }
        }
        guests.held.get_mut(&self.number).is_some_and(|guest| {
            guest.bytes += more;
            true
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.guests().held.remove(&self.number);
        self.room.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn peer(number: u8) -> Peer {
        IpAddr::from([192, 0, 2, number]).into()
    }

    fn gone(place: &Place) -> bool {
        place.sent_away.is_cancelled()
    }

    #[test]
    fn whoever_comes_gets_the_oldest_place_of_whoever_holds_most() {
        let room = Room::new(4, 0, 0);
        let modest = room.enter(peer(1)).unwrap();
        let greedy = [2, 2, 2].map(|number| room.enter(peer(number)).unwrap());
        let newcomer = room.enter(peer(3)).unwrap();
        assert_eq!(greedy.each_ref().map(gone), [true, false, false]);
        let again = room.enter(peer(2)).unwrap();
        assert_eq!(greedy.each_ref().map(gone), [true, true, false], "the greedy make room for themselves");
        assert!(![&modest, &newcomer, &again].into_iter().any(gone));
    }

    #[test]
    fn who_has_proven_who_they_are_stays_and_a_room_full_of_them_is_full() {
        let room = Room::new(2, 0, 0);
        let proven = [1, 1].map(|number| room.enter(peer(number)).unwrap());
        proven.iter().for_each(|place| place.prove(true));
        assert!(room.enter(peer(2)).is_none());
        proven[1].prove(false);
        assert!(room.enter(peer(2)).is_some());
        assert_eq!(proven.each_ref().map(gone), [false, true]);
    }

    #[test]
    fn bytes_of_the_unproven_are_few_and_the_biggest_heap_goes_first() {
        let room = Room::new(10, 100, 40);
        let [small, big, other] = [1, 2, 3].map(|number| room.enter(peer(number)).unwrap());
        assert!(small.take(10) && big.take(30));
        assert!(other.take(10));
        assert_eq!([&small, &big, &other].map(gone), [false, true, false]);
        assert!(!big.take(1), "who was sent away gets nothing");
        assert!(!other.take(40), "the biggest heap would be one's own");
        other.prove(true);
        assert!(other.take(80));
        assert!(other.take(10), "what is left is taken from the unproven");
        assert_eq!([&small, &other].map(gone), [true, false]);
        assert!(!other.take(1));
        drop(other);
        assert!(room.enter(peer(1)).unwrap().take(40));
    }
}
