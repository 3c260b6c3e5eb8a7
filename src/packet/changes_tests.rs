//! Whether changes survive their blocks, and what blocks cost.

use std::collections::BTreeMap;
use std::io::Write as _;

use proptest::prelude::*;

use super::changes::{BLOCK_RECORDS, BlockWriter, OPEN_BLOCKS, Vocabulary};
use super::decode::{Block, BlockReader, Decoded};
use super::error::CodecError;
use super::limits::{Limit, Limits};
use crate::model::*;

/// A home that knows some tables and numbers sites as they come.
struct Home {
    shapes: Vec<Shape>,
    sites: Vec<SiteName>,
}

impl Vocabulary for Home {
    fn shape(&self, table: TableNo) -> &Shape {
        &self.shapes[table.0 as usize]
    }
    fn table(&self, name: &str, told: Option<TableNo>) -> Option<TableNo> {
        let is_it = |shape: &&Shape| match (told, &shape.past.told) {
            (Some(number), Some(told)) => told.table == number,
            (Some(_) | None, None) | (None, Some(_)) => shape.name == name,
        };
        self.shapes.iter().find(is_it).map(|shape| shape.number)
    }
    fn field(&self, table: TableNo, name: &str, told: Option<FieldNo>) -> Option<FieldNo> {
        self.shape(table).spoken_field(name, told)
    }
    fn says_numbers(&self) -> bool {
        true
    }
    fn site_name(&self, site: SiteNo) -> SiteName {
        self.sites[site.0 as usize].clone()
    }
    fn site_number(&mut self, name: &SiteName) -> SiteNo {
        let place = self.sites.iter().position(|site| site == name).unwrap_or_else(|| {
            self.sites.push(name.clone());
            self.sites.len() - 1
        });
        SiteNo(u32::try_from(place).unwrap())
    }
}

fn shape(number: u32, name: &str, fields: &[&str], key: &[u16]) -> Shape {
    let reference = |field: u16, table: &str| ForeignKey {
        fields: vec![FieldNo(field)],
        table: table.into(),
        columns: Vec::new(),
        on_delete: OnDelete::Refuse,
    };
    Shape {
        number: TableNo(number),
        name: name.into(),
        fields: fields.iter().map(|name| Field { name: (*name).into(), dropped: false }).collect(),
        key: key.iter().map(|field| FieldNo(*field)).collect(),
        key_kind: KeyKind::Natural,
        references: vec![reference(1, "city"), reference(2, "city")],
        uniques: Vec::new(),
        without_rowid: false,
        numbers: Vec::new(),
        identity_fields: Vec::new(),
        past: Past::default(),
    }
}

fn home(sites: &[&str]) -> Home {
    let shapes = vec![
        shape(0, "customers", &["id", "name", "city", "zip", "note"], &[0]),
        shape(1, "order lines", &["order", "line", "what"], &[1, 0]),
    ];
    Home { shapes, sites: sites.iter().map(|site| SiteName::new(site).unwrap()).collect() }
}

fn write(home: &Home, changes: &[Change]) -> Vec<u8> {
    let mut writer = BlockWriter::new(Vec::new());
    for change in changes {
        writer.push(home, change.clone()).unwrap();
    }
    writer.finish(home).unwrap()
}

fn blocks(bytes: &[u8]) -> Vec<Block> {
    BlockReader::new(bytes, &Limits::STANDARD).collect::<Result<_, _>>().unwrap()
}

fn read(home: &mut Home, bytes: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    for block in blocks(bytes) {
        let Decoded { changes: some, unknown_table, unknown_fields } = block.changes(home).unwrap();
        assert_eq!((unknown_table, unknown_fields), (None, vec![]));
        changes.extend(some);
    }
    changes
}

/// What says nothing at the end of rows, stamps and references is not kept.
fn trimmed(mut change: Change) -> Change {
    fn trim<T>(list: &mut Vec<T>, empty: impl Fn(&T) -> bool) {
        while list.last().is_some_and(&empty) {
            list.pop();
        }
    }
    for image in [&mut change.before, &mut change.after].into_iter().flatten() {
        trim(&mut image.row.0, |value| !value.is_stated());
        trim(&mut image.stamps, Option::is_none);
    }
    if let Some(shared) = &mut change.shared {
        trim(&mut shared.0, |value| !value.is_stated());
    }
    change
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Absent),
        1 => Just(Value::Null),
        2 => (0i64..3).prop_map(Value::Integer),
        1 => any::<i64>().prop_map(Value::Integer),
        1 => any::<f64>().prop_filter("SQLite stores NaN as NULL", |n| !n.is_nan()).prop_map(Value::Real),
        2 => "[ab]{0,2}".prop_map(|text| Value::text(&text)),
        1 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Value::Text(bytes.into())),
        1 => proptest::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Value::Blob(bytes.into())),
    ]
}

fn born() -> impl Strategy<Value = Born> {
    (0u32..3, prop_oneof![0u64..9, 0..1u64 << 63]).prop_map(|(site, sequence)| Born { site: SiteNo(site), sequence })
}

fn stamp() -> impl Strategy<Value = Option<Stamp>> {
    let stamp = (prop_oneof![Just(5i64), any::<i64>()], 0u32..3).prop_map(|(time, site)| Stamp { time: Millis(time), site: SiteNo(site) });
    proptest::option::of(stamp)
}

fn image(fields: usize) -> impl Strategy<Value = Image> {
    let row = proptest::collection::vec(value(), 0..=fields);
    let stamps = proptest::collection::vec(stamp(), 0..=fields);
    (born(), row, stamps).prop_map(|(born, row, stamps)| Image { born, row: Row(row), stamps })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Key), Just(Side::Old), Just(Side::New), Just(Side::Shared)]
}

fn key_value() -> impl Strategy<Value = Value> {
    value().prop_filter("no key", |value| !matches!(value, Value::Absent | Value::Null))
}

fn change() -> impl Strategy<Value = Change> {
    (0u32..2).prop_flat_map(|table| {
        let (fields, parts) = if table == 0 { (5usize, 1usize) } else { (3, 2) };
        let stated = proptest::collection::btree_set(0..u16::try_from(fields).unwrap(), 0..=fields);
        let shared = proptest::option::weighted(0.2, proptest::collection::vec(value(), 0..=fields).prop_map(Row));
        (
            proptest::collection::vec(key_value(), parts),
            proptest::option::of(image(fields)),
            proptest::option::of(image(fields)),
            any::<bool>(),
            (stated, any::<bool>(), shared),
            proptest::collection::vec(born(), 0..2),
            proptest::collection::btree_map((side(), 0..u16::try_from(fields).unwrap(), 0u16..2), born(), 0..3),
        )
            .prop_filter("says nothing", |(_, before, after, ..)| before.is_some() || after.is_some())
            .prop_map(move |(key, before, mut after, same, (fields, whole, shared), aliases, meant)| {
                if let (Some(before), Some(after), true) = (&before, &mut after, same) {
                    after.born = before.born;
                }
                let fields = fields.into_iter().map(FieldNo).collect();
                let key = Key::new(&key).unwrap();
                let meant = meant.into_iter().map(|((side, field, at), born)| Meant { side, field: FieldNo(field), at, born }).collect();
                Change { table: TableNo(table), key, before, after, fields, whole, shared, aliases, meant }
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn changes_come_back_exactly(changes in proptest::collection::vec(change(), 0..12)) {
        let mut home = home(&["head", "north", "anna"]);
        let mut distinct: BTreeMap<(TableNo, Key), Change> = BTreeMap::new();
        for change in changes {
            distinct.insert((change.table, change.key.clone()), change);
        }
        let sent: Vec<Change> = distinct.into_values().collect();
        let bytes = write(&home, &sent);
        let mut received = read(&mut home, &bytes);
        received.sort_by(|a, b| (a.table, &a.key).cmp(&(b.table, &b.key)));
        prop_assert_eq!(received.into_iter().map(trimmed).collect::<Vec<_>>(), sent.into_iter().map(trimmed).collect::<Vec<_>>());
    }

    #[test]
    fn damaged_lines_are_errors_and_never_a_panic(changes in proptest::collection::vec(change(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut home = home(&["head", "north", "anna"]);
        let mut bytes = write(&home, &changes);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for block in BlockReader::new(bytes.as_slice(), &Limits::STANDARD).flatten() {
            let _ = block.changes(&mut home);
            (0..block.count()).for_each(|record| drop((block.key_values(record), block.values(record, "name"))));
        }
    }
}

fn update(key: i64, field: u16, old: &str, new: &str, time: i64) -> Change {
    let image = |text: &str, stamp: Option<Stamp>| {
        let mut image = Image { born: Born { site: SiteNo(0), sequence: (1 << 62) + key.unsigned_abs() }, ..Image::default() };
        image.row.set(FieldNo(field), Value::text(text));
        image.set_stamp(FieldNo(field), stamp);
        image
    };
    Change {
        table: TableNo(0),
        key: Key::new([&Value::Integer(key)]).unwrap(),
        before: Some(image(old, None)),
        after: Some(image(new, Some(Stamp { time: Millis(time), site: SiteNo(1) }))),
        fields: vec![FieldNo(field)],
        whole: false,
        shared: None,
        aliases: Vec::new(),
        meant: Vec::new(),
    }
}

fn insert(key: i64) -> Change {
    let texts = ["Smith & Sons", "Berlin", "10115", ""];
    let values = texts.iter().map(|text| Value::text(text));
    let row = Row(std::iter::once(Value::Integer(key)).chain(values).collect());
    Change {
        before: None,
        after: Some(Image { born: Born { site: SiteNo(0), sequence: key.unsigned_abs() }, row, stamps: Vec::new() }),
        fields: (0..5).map(FieldNo).collect(),
        ..update(key, 1, "", "", 0)
    }
}

#[test]
fn a_block_reads_like_this() {
    let home = home(&["head", "anna"]);
    let changes = [update(8, 1, "Smith", "Smyth", 1005), update(7, 1, "Jones", "Joness", 1000), insert(1), insert(2), insert(4)];
    let text = String::from_utf8(write(&home, &changes)).unwrap();
    let expected = [
        r#"{"table":"customers","kind":"insert","key":["id"],"fields":["id","name","city","zip","note"],"count":3,"#,
        r#""keys":[{"steps":[1,1,2]}],"born":{"site":"head","sequence":[1,1,2]},"#,
        r#""new":["key",{"all":"Smith & Sons"},{"all":"Berlin"},{"all":"10115"},{"all":""}]}"#,
        "\n",
        r#"{"table":"customers","kind":"update","key":["id"],"fields":["name"],"count":2,"keys":[[7,8]],"#,
        r#""born":{"site":"head","sequence":[4611686018427387911,1]},"old":[["Jones","Smith"]],"new":[["Joness","Smyth"]],"#,
        r#""stamps":[{"time":[1000,5],"by":"anna"}]}"#,
        "\n",
    ];
    assert_eq!(text, expected.concat());
}

#[test]
fn a_block_is_written_at_the_cap_of_records() {
    let home = home(&["head", "anna"]);
    let most = i64::try_from(BLOCK_RECORDS).unwrap();
    let counts =
        |records: i64| blocks(&write(&home, &(0..records).map(insert).collect::<Vec<_>>())).iter().map(Block::count).collect::<Vec<_>>();
    assert_eq!(counts(most), [BLOCK_RECORDS]);
    assert_eq!(counts(most + 1), [BLOCK_RECORDS, 1]);
}

#[test]
fn a_block_is_written_at_the_cap_of_bytes() {
    let home = home(&["head", "anna"]);
    let large = "x".repeat(super::changes::BLOCK_BYTES / 2);
    let changes: Vec<_> = (0..4).map(|key| update(key, 1, "", &large, 0)).collect();
    assert_eq!(blocks(&write(&home, &changes)).iter().map(Block::count).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn no_more_blocks_than_the_cap_are_open_and_nothing_is_lost() {
    let mut home = home(&["head", "anna"]);
    home.shapes[0].fields = (0..200).map(|number| Field { name: format!("f{number}"), dropped: false }).collect();
    let fields = u16::try_from(OPEN_BLOCKS).unwrap() + 1;
    let mut writer = BlockWriter::new(Vec::new());
    for field in 1..=fields {
        writer.push(&home, update(i64::from(field), field, "a", "b", 0)).unwrap();
    }
    let bytes = writer.finish(&home).unwrap();
    assert_eq!(read(&mut home, &bytes).len(), usize::from(fields));
}

#[test]
fn large_values_stand_in_their_places_among_small_ones() {
    let mut home = home(&["head", "anna"]);
    let bytes = |length: usize| -> Vec<u8> { (0..length).map(|place| (place % 251).to_le_bytes()[0]).collect() };
    let mut changes = Vec::new();
    for key in 1..=4 {
        let mut change = insert(key);
        let length = (200 << 10) + usize::try_from(key).unwrap();
        let row = &mut change.after.as_mut().unwrap().row;
        row.set(FieldNo(1), Value::Blob(bytes(length).into()));
        row.set(FieldNo(2), if key == 2 { Value::text("small") } else { Value::text(&"\"ä\n\u{1f600}".repeat(length / 8)) });
        row.set(FieldNo(3), if key == 3 { Value::Null } else { Value::Text(bytes(length).into()) });
        changes.push(trimmed(change));
    }
    let written = write(&home, &changes);
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), blocks(&written).len());
    let mut back: Vec<Change> = read(&mut home, &written).into_iter().map(trimmed).collect();
    back.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(back.iter().map(|change| &change.after).collect::<Vec<_>>(), changes.iter().map(|change| &change.after).collect::<Vec<_>>());
}

#[test]
fn the_open_bytes_are_bounded() {
    let home = home(&["head", "anna"]);
    let mut writer = BlockWriter::new(Vec::new());
    let text = "x".repeat(super::changes::BLOCK_BYTES * 9 / 10);
    // Different sets of stated fields, so that no block fills.
    for (key, stated) in (1..=31u16).map(|bits| (0..5).filter(move |bit| bits >> bit & 1 == 1)).enumerate() {
        let mut change = update(i64::try_from(key).unwrap(), 1, "", &text, 0);
        change.fields = stated.map(FieldNo).collect();
        writer.push(&home, change).unwrap();
        assert!(writer.open_bytes_for_test() <= super::changes::OPEN_BYTES);
    }
}

#[test]
fn tables_stay_in_the_order_in_which_they_were_pushed() {
    let home = home(&["head", "anna"]);
    let mut line = insert(1);
    line.table = TableNo(1);
    line.key = Key::new([&Value::Integer(1), &Value::Integer(2)]).unwrap();
    line.after.as_mut().unwrap().row.0.truncate(3);
    line.fields.truncate(3);
    let bytes = write(&home, &[line.clone(), insert(1), insert(2), line]);
    let names: Vec<_> = blocks(&bytes).iter().map(|block| block.table().to_string()).collect();
    assert_eq!(names, ["order lines", "customers", "order lines"]);
}

#[test]
fn what_the_receiver_does_not_know_is_told_and_can_be_read() {
    let sender = home(&["head", "anna"]);
    let mut with_reference = update(7, 4, "old", "new", 0);
    let born = Born { site: SiteNo(1), sequence: 4 };
    with_reference.meant = vec![Meant { side: Side::New, field: FieldNo(4), at: 0, born }];
    let bytes = write(&sender, &[with_reference]);
    let block = &blocks(&bytes)[0];

    let mut fewer = home(&[]);
    fewer.shapes[0].fields[4].name = "remark".into();
    let decoded = block.changes(&mut fewer).unwrap();
    assert_eq!(decoded.unknown_fields, ["note"]);
    assert_eq!(decoded.changes.len(), 1);
    assert_eq!(decoded.changes[0].fields, []);
    assert_eq!(block.values(0, "note"), (Value::text("old"), Value::text("new")));
    assert_eq!(block.key_values(0), [Value::Integer(7)]);

    let mut other_key = home(&[]);
    other_key.shapes[0].key = vec![FieldNo(1)];
    assert_eq!(block.changes(&mut other_key).unwrap().unknown_table.as_deref(), Some("customers"));
    let mut none = home(&[]);
    none.shapes.clear();
    assert_eq!(block.changes(&mut none).unwrap().unknown_table.as_deref(), Some("customers"));
}

#[test]
fn another_order_of_fields_does_not_matter() {
    let sender = home(&["head", "anna"]);
    let mut change = insert(3);
    let mean = |side, field, sequence| Meant { side, field: FieldNo(field), at: 0, born: Born { site: SiteNo(0), sequence } };
    change.meant = vec![mean(Side::Key, 0, 1), mean(Side::New, 2, 2)];
    let bytes = write(&sender, &[change]);
    let mut turned = home(&["x"]);
    turned.shapes[0].fields.reverse();
    turned.shapes[0].key = vec![FieldNo(4)];
    let changes = read(&mut turned, &bytes);
    assert_eq!(changes[0].after.as_ref().unwrap().row.get(FieldNo(4)), &Value::Integer(3));
    let meant: Vec<_> = changes[0].meant.iter().map(|meant| (meant.side, meant.field.0, meant.born.sequence)).collect();
    assert_eq!(meant, [(Side::Key, 4, 1), (Side::New, 2, 2)]);
}

#[test]
fn the_statement_that_a_record_is_absent_travels() {
    let mut home = home(&["head", "anna"]);
    let absent = Change { before: None, after: None, fields: Vec::new(), ..insert(1) };
    let bytes = write(&home, &[absent]);
    let changes = read(&mut home, &bytes);
    assert_eq!((changes[0].kind(), changes[0].key.as_integer()), (crate::model::ChangeKind::Absent, Some(1)));
}

#[test]
fn a_key_of_another_table_is_an_error() {
    let home = home(&["head", "anna"]);
    let mut writer = BlockWriter::new(Vec::new());
    let two = Change { key: Key::new([&Value::Integer(1), &Value::Integer(1)]).unwrap(), ..insert(1) };
    writer.push(&home, two).unwrap();
    assert!(matches!(writer.finish(&home), Err(CodecError::Key { .. })));
}

#[test]
fn a_line_over_a_limit_is_refused_and_one_at_it_is_read() {
    let home = home(&["head", "anna"]);
    let bytes = write(&home, &[insert(1), insert(2)]);
    let read = |limits: Limits| BlockReader::new(bytes.as_slice(), &limits).next().unwrap();
    let length = bytes.len() as u64;
    assert!(read(Limits { block_bytes: length, block_records: 2, ..Limits::STANDARD }).is_ok());
    let error = read(Limits { block_bytes: length - 1, ..Limits::STANDARD }).unwrap_err();
    assert!(matches!(error, CodecError::Limit { limit: Limit::BlockBytes, .. }));
    let error = read(Limits { block_records: 1, ..Limits::STANDARD }).unwrap_err();
    assert!(matches!(error, CodecError::Limit { limit: Limit::BlockRecords, most: 1, found: 2 }));
}

#[test]
fn blocks_that_do_not_fit_together_are_refused() {
    let home = home(&["head", "anna"]);
    let good = String::from_utf8(write(&home, &[update(8, 1, "Smith", "Smyth", 5)])).unwrap();
    let wrong = [
        ("\"update\"", "\"upsert\""),
        ("[[8]]", "[[8,9]]"),
        ("[[8]]", "[null]"),
        ("[[8]]", "[[8],[9]]"),
        ("\"count\":1", "\"count\":-1"),
        ("\"count\":1", "\"count\":2"),
        ("[[\"Smyth\"]]", "[\"key\"]"),
        ("[[\"Smith\"]]", "[\"old\"]"),
        ("[[\"Smith\"]]", "[[18446744073709551616]]"),
        ("\"head\"", "\"HEAD\""),
        ("\"head\"", "{\"of\":[\"head\"],\"at\":[1]}"),
        ("\"fields\":[\"name\"]", "\"fields\":[\"name\",\"name\"]"),
        ("\"time\":5", "\"time\":5,\"time\":6"),
        ("\"time\":5", "\"records\":[1],\"time\":5"),
        ("\n", ""),
    ];
    for (from, to) in wrong {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good);
        let error = BlockReader::new(text.as_bytes(), &Limits::STANDARD).next().unwrap();
        assert!(matches!(error, Err(CodecError::Block { line: 1, .. })), "{to}");
    }
    let extra = good.replace("\"count\"", "\"later\":{\"a\":[1]},\"count\"");
    assert!(BlockReader::new(extra.as_bytes(), &Limits::STANDARD).next().unwrap().is_ok());
}

fn deflated(bytes: &[u8]) -> usize {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

/// The same content as somebody would write it row by row.
fn row_wise(home: &Home, changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in changes {
        let shape = home.shape(change.table);
        let born = change.after.as_ref().or(change.before.as_ref()).unwrap().born;
        let mut fields = serde_json::Map::new();
        for &field in &change.fields {
            let cell = |image: &Option<Image>| {
                let image = image.as_ref()?;
                let mut text = Vec::new();
                super::json_value::write_value(&mut text, image.row.get(field)).unwrap();
                serde_json::from_slice::<serde_json::Value>(&text).ok()
            };
            let stamp = change.after.as_ref().and_then(|image| image.stamp(field));
            let mut value = serde_json::Map::new();
            value.extend(cell(&change.before).map(|old| ("old".to_string(), old)));
            value.extend(cell(&change.after).map(|new| ("new".to_string(), new)));
            value.extend(stamp.map(|stamp| ("time".to_string(), stamp.time.0.into())));
            value.extend(stamp.map(|stamp| ("by".to_string(), home.site_name(stamp.site).as_str().into())));
            fields.insert(shape.name_of(field).into(), value.into());
        }
        let kind = super::changes::kind_name(change.kind());
        let row = serde_json::json!({
            "table": shape.name, "kind": kind, "key": change.key.to_string(),
            "born": {"site": home.site_name(born.site).as_str(), "sequence": born.sequence}, "fields": fields,
        });
        out.extend_from_slice(row.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

#[test]
fn blocks_deflate_to_less_than_four_fifths_of_row_wise_json() {
    let home = home(&["head", "anna"]);
    let mut dice = blake3::Hasher::new().update(b"dice").finalize_xof();
    let mut roll = |sides: u64| {
        let mut bytes = [0; 8];
        dice.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    };
    let names = ["Smith", "Jones", "Miller", "Brown", "Garcia", "Schmidt", "Rossi", "Novak"];
    let mut name = || format!("{} {}", names[usize::try_from(roll(8)).unwrap()], roll(10_000));
    let mut rolled: Vec<_> = (0..3000).map(|_| (name(), name())).collect();
    let updates: Vec<_> = rolled
        .drain(..1500)
        .zip(0i64..)
        .map(|((old, new), place)| update(place * 7 % 10_000, 1, &old, &new, 1_790_000_000_000 + place * 977))
        .collect();
    let inserts = rolled.into_iter().zip(20_000..).map(|((name, city), key)| {
        let mut change = insert(key);
        let row = &mut change.after.as_mut().unwrap().row;
        row.set(FieldNo(1), Value::text(&name));
        row.set(FieldNo(2), Value::text(&city));
        change
    });
    let inserts: Vec<_> = inserts.collect();
    for changes in [updates, inserts] {
        let (blocks, rows) = (deflated(&write(&home, &changes)), deflated(&row_wise(&home, &changes)));
        println!("{blocks} against {rows} bytes");
        assert!(blocks * 10 <= rows * 8, "{blocks} against {rows} bytes");
    }
}

#[test]
fn numbers_tell_what_names_no_longer_do() {
    let told = |home: &mut Home| {
        let fields = (0..5).map(|number| (FieldNo(number + 10), FieldNo(number))).collect();
        home.shapes[0].past.told = Some(Told { table: TableNo(7), fields });
    };
    let mut sender = home(&["head", "anna"]);
    told(&mut sender);
    let bytes = write(&sender, &[update(7, 4, "old", "new", 0)]);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(r#""numbers":{"table":7,"key":[10],"fields":["#), "{text}");

    // Since then the table and the column have other names, and others have theirs.
    let mut later = home(&["head", "anna"]);
    told(&mut later);
    later.shapes[0].name = "clients".into();
    later.shapes[0].fields[4].name = "remark".into();
    later.shapes[0].fields.push(Field { name: "note".into(), dropped: false });
    later.shapes[1].name = "customers".into();
    let change = &read(&mut later, &bytes)[0];
    assert_eq!((change.table, change.fields.as_slice()), (TableNo(0), &[FieldNo(4)][..]));
    assert_eq!(change.after.as_ref().unwrap().row.get(FieldNo(4)), &Value::text("new"));
    later.shapes[0].fields[4].dropped = true;
    assert_eq!(blocks(&bytes)[0].changes(&mut later).unwrap().unknown_fields, ["note"], "not the one that has the name now");

    // Who knows no numbers goes by names, and a block without them is read by names.
    let mut plain = home(&["head", "anna"]);
    assert_eq!(read(&mut plain, &bytes)[0].fields, [FieldNo(4)]);
    let without = write(&plain, &[update(7, 4, "old", "new", 0)]);
    assert_eq!(read(&mut sender, &without)[0].fields, [FieldNo(4)]);
    for wrong in [r#""key":[10,11]"#, r#""key":[]"#, r#""key":[-1]"#, r#""key":[65536]"#, r#""key":["a"]"#] {
        let line = text.replace(r#""key":[10]"#, wrong);
        let refused = BlockReader::new(line.as_bytes(), &Limits::STANDARD).next().unwrap();
        assert!(matches!(refused, Err(CodecError::Block { line: 1, .. })), "{wrong}");
    }
}

#[test]
fn a_field_that_is_said_under_two_names_is_stated_once() {
    let sender = home(&["head", "anna"]);
    let mut change = update(7, 4, "old", "new", 0);
    change.fields = vec![FieldNo(3), FieldNo(4)];
    for image in [&mut change.before, &mut change.after].into_iter().flatten() {
        image.row.set(FieldNo(3), Value::text("former"));
    }
    let bytes = write(&sender, &[change]);
    let mut renamed = home(&["head", "anna"]);
    renamed.shapes[0].fields[3].name = "other".into();
    renamed.shapes[0].past.fields.insert("zip".into(), FieldNo(4));
    assert_eq!(read(&mut renamed, &bytes)[0].fields, [FieldNo(4)]);
}
