//! What is to be done with a packet that arrived? Pure: the table of `DESIGN` section 4, "Streams".

use crate::ledger::{Neighbour, NeighbourKind};
use crate::model::PacketNumber;
use crate::packet::{Envelope, PacketId};

/// What to do with a verified packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next one: apply.
    Apply,
    /// Applied before: acknowledge again and remove.
    Duplicate,
    /// Later than the next one: keep, and ask for what is missing between.
    Wait {
        /// The next one, which is missing.
        missing: PacketNumber,
    },
    /// The stream cannot go on by itself.
    Stop(Stop),
}

/// Why a stream stops until a person acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// Another packet under a number that was applied, or one that does not follow what was applied.
    #[error("its packets do not follow the ones that came before: it was restored from a backup or exists twice")]
    Fork,
    /// A stream with another id: the site was set up again.
    #[error("it sends a new stream: it was set up again under its old name")]
    OtherStream,
    /// It acknowledges more than we ever sent.
    #[error("it has packets of ours that we know nothing of: this home was restored from a backup or exists twice")]
    WeWereRestored,
    /// A packet lies for it that we signed, under a number that we have not used or gave to another one.
    #[error("packets of ours lie for it that we know nothing of: this home was restored from a backup or exists twice")]
    UnknownOfOurs,
    /// It acknowledges less than before, or asks for what it acknowledged.
    #[error("it has forgotten packets that it had: it was restored from a backup")]
    NeighbourRestored,
}

impl Stop {
    /// The stop that the ledger has the words of.
    #[must_use]
    pub fn of(words: &str) -> Option<Self> {
        let all = [Self::Fork, Self::OtherStream, Self::WeWereRestored, Self::UnknownOfOurs, Self::NeighbourRestored];
        all.into_iter().find(|stop| stop.to_string() == words)
    }

    /// What can be done here: nobody invites his own parent anew, nor anybody the main office.
    #[must_use]
    pub fn advice(self, with: &Neighbour, at_main_office: bool) -> String {
        let name = &with.card.name;
        match (self, with.kind) {
            (Self::Fork | Self::NeighbourRestored, NeighbourKind::Child) => format!(
                "Put its newest home and database back, then run 'fieldpost recover --neighbour {name}' here; or invite it anew under another name: \
                 edits it has not sent are in its database"
            ),
            (Self::Fork | Self::NeighbourRestored, NeighbourKind::Parent) => format!(
                "Tell whoever looks after it: once its newest home and database are back there, run 'fieldpost recover --neighbour {name}' here. \
                 Where they are gone, this site has to be invited anew, under another name; what it has not sent is in its database"
            ),
            (Self::OtherStream, NeighbourKind::Child) => "Invite it anew under another one".to_owned(),
            (Self::OtherStream, NeighbourKind::Parent) => {
                "This site has to be invited anew, under another name; what it has not sent is in its database".to_owned()
            }
            (Self::WeWereRestored | Self::UnknownOfOurs, NeighbourKind::Child) if at_main_office => {
                "Put the newest home and database back. Where they are gone, or these are the newest, invite every site that is named like this \
                 anew, under another name: what it had sent is in its database"
                    .to_owned()
            }
            (Self::WeWereRestored | Self::UnknownOfOurs, NeighbourKind::Child | NeighbourKind::Parent) => {
                "Put the newest home and database back. Where they are gone, or these are the newest, have this site invited anew under another \
                 name; edits that were not sent, or did not arrive, are in its database"
                    .to_owned()
            }
        }
    }
}

/// What the ledger knows of packets that the envelope speaks of.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Id of the applied packet of the envelope's number; none where that is forgotten.
    pub applied: Option<String>,
    /// Id of our packet that the envelope acknowledges; none where there is none, or it is forgotten.
    pub acknowledged: Option<String>,
}

/// Judges a verified packet of a neighbour.
#[must_use]
pub fn judge(neighbour: &Neighbour, envelope: &Envelope, id: &PacketId, known: &Known) -> Step {
    if neighbour.stream_in.is_some_and(|stream| stream != envelope.stream) {
        return Step::Stop(Stop::OtherStream);
    }
    if envelope.number <= neighbour.received {
        // An id that is forgotten is of long ago. Of a neighbour that began anew under it: it stops at what we acknowledge in answer.
        let same = known.applied.as_deref().is_none_or(|applied| applied == id.to_string());
        return if same { Step::Duplicate } else { Step::Stop(Stop::Fork) };
    }
    if let Some(acknowledged) = &envelope.acknowledges {
        if acknowledged.stream != neighbour.stream_out || acknowledged.number > neighbour.sent {
            return Step::Stop(Stop::WeWereRestored);
        }
        let forgotten = known.acknowledged.is_none() && acknowledged.number < neighbour.acknowledged;
        if !forgotten && known.acknowledged.as_deref() != Some(acknowledged.id.to_string().as_str()) {
            return Step::Stop(Stop::WeWereRestored);
        }
    }
    if envelope.number > neighbour.received.next() {
        return Step::Wait { missing: neighbour.received.next() };
    }
    let follows = envelope.previous.map(|previous| previous.to_string()) == neighbour.received_id;
    if !follows {
        return Step::Stop(Stop::Fork);
    }
    let forgot = envelope.acknowledges.is_some_and(|acknowledged| acknowledged.number < neighbour.acknowledged)
        || envelope.asks.iter().any(|asked| *asked <= neighbour.acknowledged);
    if forgot { Step::Stop(Stop::NeighbourRestored) } else { Step::Apply }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::keys::SigningKey;
    use crate::ledger::Card;
    use crate::model::{JournalNumber, Millis, SiteName, SiteNo, StreamId};
    use crate::packet::{Acknowledgement, ContentHash, FORMAT, KeyIds, PacketKind, PayloadId};
    use crate::world::World;

    fn id(byte: u8) -> PacketId {
        PacketId(ContentHash([byte; 32]))
    }

    /// A child whose packets 1 to 4 are applied and which has acknowledged our 1 to 6 of 8.
    fn neighbour() -> Neighbour {
        let name = SiteName::new("anna").unwrap();
        Neighbour {
            site: SiteNo(1),
            kind: NeighbourKind::Child,
            card: Card { name, role: "remote".into(), signing: String::new(), sealing: String::new() },
            fresh: false,
            stream_out: StreamId(1),
            sent: PacketNumber(8),
            sent_id: None,
            acknowledged: PacketNumber(6),
            cursor: JournalNumber(0),
            told_outcomes: 0,
            told_documents: BTreeMap::new(),
            stream_in: Some(StreamId(2)),
            received: PacketNumber(4),
            received_id: Some(id(4).to_string()),
            confirmed: PacketNumber(0),
            settled_there: PacketNumber(0),
            settled_here: PacketNumber(0),
            owes: false,
            problem: None,
            retired: None,
        }
    }

    fn envelope(number: u64, previous: u8, acknowledges: Option<u64>) -> Envelope {
        let key = SigningKey::generate(&World::real()).verifying_key();
        Envelope {
            format: FORMAT,
            requires: Vec::new(),
            kind: PacketKind::Changes,
            from: SiteName::new("anna").unwrap(),
            to: SiteName::new("head").unwrap(),
            stream: StreamId(2),
            number: PacketNumber(number),
            previous: Some(id(previous)),
            sent: Millis(0),
            keys: KeyIds { signer: key.fingerprint(), recipients: Vec::new() },
            acknowledges: acknowledges.map(|number| Acknowledgement { stream: StreamId(1), number: PacketNumber(number), id: id(100) }),
            settled: None,
            more: false,
            asks: Vec::new(),
            stopped: false,
            payload: PayloadId { bytes: 0, hash: ContentHash([0; 32]) },
            manifest: ContentHash([0; 32]),
            sender: None,
        }
    }

    fn known() -> Known {
        Known { applied: Some(id(4).to_string()), acknowledged: Some(id(100).to_string()) }
    }

    #[test]
    fn advice_is_what_can_be_done_at_this_end() {
        let restored = [Stop::Fork, Stop::NeighbourRestored];
        let (child, parent) = (neighbour(), Neighbour { kind: NeighbourKind::Parent, ..neighbour() });
        for stop in restored.into_iter().chain([Stop::OtherStream, Stop::WeWereRestored, Stop::UnknownOfOurs]) {
            assert_eq!(Stop::of(&stop.to_string()), Some(stop));
            let of_parent = stop.advice(&parent, false);
            assert!(
                of_parent.to_lowercase().contains("this site") && !of_parent.to_lowercase().contains("invite it"),
                "{stop}: {of_parent}"
            );
            assert!(!stop.advice(&child, true).contains("this site"), "nobody invites the main office: {stop}");
        }
        assert!(restored.iter().all(|stop| stop.advice(&parent, false).contains("Tell whoever looks after it")));
        let typed = "'fieldpost recover --neighbour anna'";
        assert!([&child, &parent].iter().all(|with| restored.iter().all(|stop| stop.advice(with, true).contains(typed))));
    }

    #[test]
    fn every_row_of_the_table() {
        let judge = |envelope: &Envelope, id: PacketId| judge(&neighbour(), envelope, &id, &known());
        assert_eq!(judge(&envelope(5, 4, Some(7)), id(5)), Step::Apply);
        assert_eq!(judge(&envelope(4, 3, None), id(4)), Step::Duplicate);
        assert_eq!(judge(&envelope(4, 3, None), id(9)), Step::Stop(Stop::Fork));
        assert_eq!(judge(&envelope(5, 9, None), id(5)), Step::Stop(Stop::Fork));
        assert_eq!(judge(&envelope(7, 6, None), id(7)), Step::Wait { missing: PacketNumber(5) });
        assert_eq!(judge(&envelope(5, 4, Some(9)), id(5)), Step::Stop(Stop::WeWereRestored));
        assert_eq!(judge(&envelope(5, 4, Some(5)), id(5)), Step::Stop(Stop::NeighbourRestored));
        assert_eq!(judge(&Envelope { asks: vec![PacketNumber(6)], ..envelope(5, 4, Some(7)) }, id(5)), Step::Stop(Stop::NeighbourRestored));
        assert_eq!(judge(&Envelope { stream: StreamId(3), ..envelope(1, 4, None) }, id(5)), Step::Stop(Stop::OtherStream));
    }

    #[test]
    fn a_packet_of_long_ago_is_a_duplicate_although_its_id_is_forgotten() {
        let known = Known { applied: None, ..known() };
        assert_eq!(judge(&neighbour(), &envelope(2, 1, Some(1)), &id(2), &known), Step::Duplicate);
    }

    #[test]
    fn a_neighbour_that_goes_back_to_long_ago_was_restored_and_not_we() {
        let known = Known { acknowledged: None, ..known() };
        assert_eq!(judge(&neighbour(), &envelope(5, 4, Some(2)), &id(5), &known), Step::Stop(Stop::NeighbourRestored));
        assert_eq!(judge(&neighbour(), &envelope(5, 4, Some(7)), &id(5), &known), Step::Stop(Stop::WeWereRestored));
    }

    #[test]
    fn an_acknowledgement_of_another_packet_under_our_number_is_noticed() {
        let known = Known { acknowledged: Some(id(1).to_string()), ..known() };
        assert_eq!(judge(&neighbour(), &envelope(5, 4, Some(7)), &id(5), &known), Step::Stop(Stop::WeWereRestored));
    }
}
