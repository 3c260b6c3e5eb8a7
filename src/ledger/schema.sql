-- state.db of one home. Every table is written through `statements.rs` only.

-- Single values: pair, commits, next_sequence, how far entries and records were numbered before any were forgotten, and notes of the layers above.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Sites this ledger has heard of; 0 is ourselves. Numbers never leave the home.
CREATE TABLE site (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Tracked tables. `sealed` is the last noted number that was sealed; `rank` orders parents before children;
-- -1 marks a table that is not in the database.
CREATE TABLE shape (number INTEGER PRIMARY KEY, rank INTEGER NOT NULL, sealed INTEGER NOT NULL, shape TEXT NOT NULL);

-- One row per record ever met. The mirror is born + row + stamps with `latest` put over them (row NULL: no such record now), the row as the database has it.
-- `key` says which record it is: its key, or where handed-out numbers are in it what stays when they change. `place` is then
-- its key in the database now, and NULL where it is the same or there is no such record.
-- `version` is the last journal entry of this record, but where `latest` has it; `extra` is what cannot be derived from the journal.
CREATE TABLE record (
  id INTEGER PRIMARY KEY, table_no INTEGER NOT NULL, key BLOB NOT NULL,
  born_site INTEGER, born_sequence INTEGER, row BLOB, stamps BLOB,
  version INTEGER NOT NULL, extra TEXT, place BLOB,
  UNIQUE (table_no, key));
CREATE UNIQUE INDEX record_place ON record (table_no, place) WHERE place IS NOT NULL;
CREATE INDEX record_extra ON record (table_no, key) WHERE extra IS NOT NULL;

-- Fields of a record that changed since `row` was written whole (`latest.rs`); `version` is then the one here.
CREATE TABLE latest (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, fields BLOB NOT NULL);

-- Sealed changes in order, each with what is needed to undo it. `previous` chains the entries of one record.
-- `known_to`: the neighbour it came from and that therefore holds the new state already.
CREATE TABLE journal (
  number INTEGER PRIMARY KEY, record INTEGER NOT NULL, previous INTEGER NOT NULL, kind INTEGER NOT NULL,
  known_to INTEGER, cause INTEGER NOT NULL, time INTEGER, site INTEGER, undo BLOB);

-- Numbers that records gave up: for another number, or with the record (NULL). `told`: the parent said so. Oldest first.
CREATE TABLE former (id INTEGER PRIMARY KEY, table_no INTEGER NOT NULL, number INTEGER NOT NULL, record INTEGER NOT NULL,
  became INTEGER, told INTEGER NOT NULL, time INTEGER NOT NULL);
CREATE INDEX former_number ON former (table_no, number);
CREATE INDEX former_record ON former (record);

-- Rows that hold a number which no record of the table has or had. Whether the row still holds it only the mirror says.
CREATE TABLE nobodys (table_no INTEGER NOT NULL, number INTEGER NOT NULL, record INTEGER NOT NULL,
  PRIMARY KEY (table_no, number, record)) WITHOUT ROWID;
CREATE INDEX nobodys_record ON nobodys (record);

-- Why journal entries came to be: a seal, a packet, a decision about held changes.
CREATE TABLE cause (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, neighbour INTEGER, packet INTEGER, time INTEGER NOT NULL);

-- The parent (at most one) and the children. `retired`: since when it is no neighbour any more.
CREATE TABLE neighbour (
  site INTEGER PRIMARY KEY, kind TEXT NOT NULL, card TEXT NOT NULL, fresh INTEGER NOT NULL,
  stream_out INTEGER NOT NULL, sent INTEGER NOT NULL, sent_id TEXT, acknowledged INTEGER NOT NULL, cursor INTEGER NOT NULL,
  told_outcomes INTEGER NOT NULL, told_documents TEXT NOT NULL,
  stream_in INTEGER, received INTEGER NOT NULL, received_id TEXT, confirmed INTEGER NOT NULL,
  settled_there INTEGER NOT NULL, settled_here INTEGER NOT NULL, owes INTEGER NOT NULL, problem TEXT,
  retired INTEGER);

-- Every packet built or applied. Sent ones stay in the outbox until acknowledged.
CREATE TABLE packet (
  site INTEGER NOT NULL, direction TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
  changes INTEGER NOT NULL, journal INTEGER NOT NULL, time INTEGER NOT NULL, deposited INTEGER, acknowledged INTEGER,
  wants_answer INTEGER NOT NULL,
  PRIMARY KEY (site, direction, number)) WITHOUT ROWID;

-- Fields told to the parent and not acknowledged yet; NULL `fields` is the whole record (insert, delete, replace).
CREATE TABLE pending (record INTEGER NOT NULL, packet INTEGER NOT NULL, whole INTEGER NOT NULL, fields BLOB NOT NULL,
  PRIMARY KEY (record, packet)) WITHOUT ROWID;

-- Former incarnations, as far as the journal does not tell: `last` is a record that was refused and never was here,
-- `shared` the row as the parent and we last shared it (DESIGN section 4, rule 8).
CREATE TABLE grave (record INTEGER NOT NULL, site INTEGER NOT NULL, sequence INTEGER NOT NULL, last BLOB, shared BLOB,
  PRIMARY KEY (record, site, sequence)) WITHOUT ROWID;

-- Incarnations that were absorbed by others (DESIGN section 4, rule 10); `record` is the one they were absorbed under, NULL where nobody noted it.
CREATE TABLE alias (site INTEGER NOT NULL, sequence INTEGER NOT NULL, to_site INTEGER NOT NULL, to_sequence INTEGER NOT NULL,
  record INTEGER, PRIMARY KEY (site, sequence)) WITHOUT ROWID;
CREATE INDEX alias_to ON alias (to_site, to_sequence);
CREATE INDEX alias_record ON alias (record);

-- Every change that did not simply become the record: what lost, to what, by which rule, decided where.
CREATE TABLE conflict (
  number INTEGER PRIMARY KEY, decider INTEGER NOT NULL, decider_number INTEGER NOT NULL,
  loser_site INTEGER, table_name TEXT NOT NULL, key BLOB NOT NULL, state TEXT NOT NULL, time INTEGER NOT NULL, content TEXT NOT NULL,
  UNIQUE (decider, decider_number));

-- Those about a unique value whose change still waits here.
CREATE INDEX conflict_taken ON conflict (decider_number) WHERE state = 'taken';

-- Edits of children that were here already, by which edit: of a field the one of that site and time, of the record (field -1) the delete that is
-- that entry of the journal (site 0). `site` and `time` are of the edit that came, `journal` is where ours ended then.
CREATE TABLE same_edit (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, field INTEGER NOT NULL,
  our_site INTEGER NOT NULL, our_place INTEGER NOT NULL, site INTEGER NOT NULL, time INTEGER,
  journal INTEGER NOT NULL, noted INTEGER NOT NULL, UNIQUE (our_site, our_place, record, field, site));

-- What neighbours sent for a table or a field that is not here (yet): one composed change per neighbour and record.
CREATE TABLE parked (
  site INTEGER NOT NULL, table_no INTEGER NOT NULL, key BLOB NOT NULL, packet INTEGER NOT NULL, since INTEGER NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (site, table_no, key)) WITHOUT ROWID;

-- What fields held when the application dropped them, and what neighbours sent for them later: `value` is a cell each.
CREATE TABLE past_value (record INTEGER NOT NULL, field INTEGER NOT NULL, value BLOB NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY (record, field)) WITHOUT ROWID;

-- Invitations given out: single use.
CREATE TABLE invitation (id TEXT PRIMARY KEY, name TEXT NOT NULL, content TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER) WITHOUT ROWID;
