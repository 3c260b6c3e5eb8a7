//! What need a site not remember any more? `DESIGN` section 4, rule 13.
//!
//! Two reasons to remember: **streams** need it (a neighbour may still speak of it), or **people** may ask for it (`history`, `conflicts`,
//! the plot of `status`): that for as long as `history` in `fieldpost.toml` says. What serves both goes when neither needs it.
//!
//! | what grows | who needs it | when it goes |
//! |---|---|---|
//! | journal: an edit | what a neighbour holds is derived from entries after its cursor; `history` | all neighbours are past it, and it is old |
//! | journal: the end of a record, its *tombstone* | deciding about what others still say of that record; `history` | as above, and no neighbour can speak of it |
//! | graves (refused records, shared rows) | deciding, telling the parent | no neighbour can speak of the record |
//! | aliases of absorbed records | deciding; naming them to neighbours | no neighbour can speak of the record; with handed-out numbers never |
//! | causes | the entries that name them; the time of a restored database | no entry is left that names it, and it is old |
//! | packets sent and received | acknowledgements, repeats, `history` | acknowledged and settled, or applied, and old |
//! | conflicts | telling them on; people | told to every neighbour, decided or settled, and old |
//! | records that ended | all of the above | nothing of the above is left; with handed-out numbers never |
//! | numbers that records gave up | nobody is given them again (`renumber`) | never |
//! | values of dropped columns | `history` | never: as many as there were records then |
//! | sites, shapes, invitations, notes | | never: they are few |
//! | pending fields, parked and held changes | | when acknowledged, placed, decided: not here |
//!
//! A **packet of long ago that comes once more** is known by its number alone: whatever is at most what was applied was applied (`plan`).
//! Files: the outbox keeps what is not acknowledged, the inbox what is not applied, the log closes its own; quarantine is for people.
//!
//! **How far a neighbour is past** ([`Past`]): the parent, what its last acknowledged packet told; a child, what the last packet told
//! that it has *settled*, that is after which it kept nothing back. Of several packets of one build only all of them count. A child that
//! never settled anything never heard of what was before its first packet. An office says that it settled a packet of its parent only
//! when its own children settled what came of it: else its parent could forget a record that a child of the office still edits.
//!
//! **No neighbour can speak of a record** ([`Forgetting::is_over`]) when with each of them: it holds what is here, as far as existence and
//! incarnation go; it is past the last entry by which the record began, ended or was renamed; and past the packet that told it
//! anything of that kind which no entry tells of (`Extra::told`): after a child's word of a record that it should not have, say. And nothing
//! at all is held, because what is held may refer to it. That covers the office's revived record: until its revival is sent up, the
//! parent holds another one.
//!
//! **Slices.** Each round looks at [`super::Limits::forget_rows`] of each kind, in their order, from where it was left; once through, it begins anew
//! when a neighbour has moved on. Entries are in the order of their time, so looking ends at the first that is not old. A time in the future
//! comes of a wrong clock, and such an entry waits for the next time through.
//!
//! **States**: looked at up to some place → forgotten in ONE commit of the ledger, with that place. **Crash point**: before it nothing happened,
//! and the next round does it. **Invariant**: of every record the entries that are left are its last ones without a gap, and no number of a
//! journal entry, record or packet is given again.
//!
//! The file does not shrink: SQLite uses the pages that become free for what comes next, so it stays as large as the most that was ever
//! kept. Giving them back would move pages about in every round, or need as much again on the disk for a while.
