//! What of a record became otherwise since the mirror wrote its row whole?
//!
//! A row of the mirror is as long as the record, and what people edit is a few fields of it: written whole each time, a packet of many
//! edits rewrites every page of a mirror that is as large as the database. So the fields that changed are kept beside the row, in the
//! table `latest`, where many records share a page. Once they weigh half of the row they are taken up into it.
//!
//! **Invariant**: the record is its row with these fields put over it, and its version is the one here, where there is one. Whoever writes a
//! row whole removes what is here of it, in the same transaction.
//! As bytes: per field, ascending, its number, its value, and the time and the site of its stamp or twice NULL; the journal keeps old
//! values in the same way.

use std::borrow::Cow;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::records::{read_stamps, stamps_bytes};
use crate::model::{FieldNo, Image, Millis, Rope, RowError, SiteNo, Stamp, Value, cells};

/// Bytes of a row from which on it is written whole always: putting together what is in two places holds it twice.
const LARGE: usize = 1 << 20;

/// Whether fields that weigh this much stay beside a row.
pub(super) const fn stays_beside(fields: usize, row: usize) -> bool {
    row < LARGE && fields * 2 <= row
}

/// These fields of an image.
pub(super) fn encode(image: &Image, fields: &[FieldNo]) -> Rope {
    let mut bytes = Rope::default();
    for field in fields {
        cells::push_integer(bytes.bytes_mut(), field.0.into());
        bytes.push(image.row.get(*field));
        match image.stamp(*field) {
            Some(stamp) => {
                cells::push_integer(bytes.bytes_mut(), stamp.time.0);
                cells::push_integer(bytes.bytes_mut(), stamp.site.0.into());
            }
            None => {
                cells::push_null(bytes.bytes_mut());
                cells::push_null(bytes.bytes_mut());
            }
        }
    }
    bytes
}

/// One field as it is kept.
struct Kept<'b> {
    field: FieldNo,
    value: &'b [u8],
    stamp: Option<Stamp>,
    /// All of it.
    bytes: &'b [u8],
}

/// The fields in their order; ends after the first damaged one. One that does not come after the one before is damage.
fn split(bytes: &[u8]) -> impl Iterator<Item = Result<Kept<'_>, RowError>> {
    let (mut rest, mut last) = (bytes, None);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let kept = read(rest).and_then(|kept| if last < Some(kept.field) { Ok(kept) } else { Err(RowError) });
        last = kept.as_ref().ok().map(|kept| kept.field);
        rest = kept.as_ref().map_or(&[], |kept| &rest[kept.bytes.len()..]);
        Some(kept)
    })
}

fn read(bytes: &[u8]) -> Result<Kept<'_>, RowError> {
    let mut parts = cells::split(bytes);
    let mut next = || parts.next().unwrap_or(Err(RowError));
    let (number, value, time, site) = (next()?, next()?, next()?, next()?);
    let field = cells::integer(number)?.and_then(|number| u16::try_from(number).ok()).ok_or(RowError)?;
    let stamp = match (cells::integer(time)?, cells::integer(site)?) {
        (Some(time), Some(site)) => Some(Stamp { time: Millis(time), site: SiteNo(u32::try_from(site).map_err(|_| RowError)?) }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(RowError),
    };
    let length = number.len() + value.len() + time.len() + site.len();
    Ok(Kept { field: FieldNo(field), value, stamp, bytes: &bytes[..length] })
}

/// A row with these fields put over it.
pub(super) fn row<'b>(row: &'b [u8], fields: &[u8]) -> Result<Cow<'b, [u8]>, RowError> {
    if fields.is_empty() {
        return Ok(Cow::Borrowed(row));
    }
    let mut whole = Vec::with_capacity(row.len() + fields.len());
    let (mut rest, mut place) = (row, 0);
    for kept in split(fields) {
        let kept = kept?;
        let mut same = cells::split(rest);
        let mut taken = 0;
        while place < kept.field.index() {
            match same.next() {
                Some(cell) => taken += cell?.len(),
                None => {
                    whole.extend_from_slice(&rest[..taken]);
                    (rest, taken, same) = (&[], 0, cells::split(&[]));
                    cells::push(&mut whole, &Value::Absent);
                }
            }
            place += 1;
        }
        let replaced = same.next().transpose()?.map_or(0, <[u8]>::len);
        whole.extend_from_slice(&rest[..taken]);
        whole.extend_from_slice(kept.value);
        rest = &rest[taken + replaced..];
        place += 1;
    }
    whole.extend_from_slice(rest);
    Ok(Cow::Owned(whole))
}

/// Puts the stamps of these fields over those of a row.
pub(super) fn put_stamps(image: &mut Image, fields: &[u8]) -> Result<(), RowError> {
    split(fields).try_for_each(|kept| kept.map(|kept| image.set_stamp(kept.field, kept.stamp)))
}

/// What is kept after `later` fields came to `earlier` ones.
pub(super) fn merged(earlier: &[u8], later: &[u8]) -> Result<Vec<u8>, RowError> {
    let mut both = Vec::with_capacity(earlier.len() + later.len());
    let mut older = split(earlier).peekable();
    for newer in split(later) {
        let newer = newer?;
        while let Some(kept) = older.next_if(|kept| kept.as_ref().map_or(true, |kept| kept.field <= newer.field)) {
            let kept = kept?;
            if kept.field < newer.field {
                both.extend_from_slice(kept.bytes);
            }
        }
        both.extend_from_slice(newer.bytes);
    }
    older.try_for_each(|kept| kept.map(|kept| both.extend_from_slice(kept.bytes)))?;
    Ok(both)
}

/// Teaches a connection to take fields up into a row and its stamps.
pub(super) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| rusqlite::Error::UserFunctionError(error);
    connection.create_scalar_function("taken_up", 2, flags, move |context| {
        let bytes = |place| context.get_raw(place).as_blob().map_err(|error| wrong(error.into()));
        row(bytes(0)?, bytes(1)?).map(Cow::into_owned).map_err(|error| wrong(error.into()))
    })?;
    connection.create_scalar_function("stamped", 2, flags, move |context| {
        let stamps = context.get_raw(0).as_blob_or_null().map_err(|error| wrong(error.into()))?;
        let mut image = Image { stamps: read_stamps(stamps).map_err(|error| wrong(error.into()))?, ..Image::default() };
        let fields = context.get_raw(1).as_blob().map_err(|error| wrong(error.into()))?;
        put_stamps(&mut image, fields).map_err(|error| wrong(error.into()))?;
        let bytes = stamps_bytes(&image.stamps);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::model::Row;

    type Fields = std::collections::BTreeMap<u16, (Option<i64>, Option<i64>)>;

    fn fields() -> impl Strategy<Value = Fields> {
        btree_map(0u16..6, (any::<Option<i64>>(), any::<Option<i64>>()), 0..6)
    }

    fn value(number: Option<i64>) -> Value {
        number.map_or(Value::Absent, Value::Integer)
    }

    fn put(image: &mut Image, fields: &Fields) {
        for (field, (number, time)) in fields {
            image.row.set(FieldNo(*field), value(*number));
            image.set_stamp(FieldNo(*field), time.map(|time| Stamp { time: Millis(time), site: SiteNo(3) }));
        }
    }

    fn bytes(fields: &Fields) -> Vec<u8> {
        let mut image = Image::default();
        put(&mut image, fields);
        let fields: Vec<FieldNo> = fields.keys().copied().map(FieldNo).collect();
        encode(&image, &fields).joined().into_owned()
    }

    #[test]
    fn fields_that_are_not_in_order_are_damage_and_move_no_value_to_another_field() {
        let one = |field: u16, number| bytes(&Fields::from([(field, (Some(number), None))]));
        let begun = Row(vec![value(Some(0)), value(Some(1)), value(Some(2))]).to_bytes();
        for wrong in [[one(1, 7), one(1, 8)], [one(2, 7), one(1, 8)]] {
            let wrong = wrong.concat();
            assert!(row(&begun, &wrong).is_err() && merged(&[], &wrong).is_err() && put_stamps(&mut Image::default(), &wrong).is_err());
        }
    }

    proptest! {
        #[test]
        fn a_row_with_its_latest_fields_is_the_row_they_were_set_in(start in vec(any::<Option<i64>>(), 0..6), first in fields(), second in fields()) {
            let mut image = Image { row: Row(start.into_iter().map(value).collect()), ..Image::default() };
            let begun = image.row.to_bytes();
            put(&mut image, &first);
            put(&mut image, &second);
            let both = merged(&bytes(&first), &bytes(&second)).unwrap();
            prop_assert_eq!(row(&begun, &both).unwrap().into_owned(), image.row.to_bytes());
            let mut stamps = Image::default();
            put_stamps(&mut stamps, &both).unwrap();
            prop_assert_eq!(stamps_bytes(&stamps.stamps), stamps_bytes(&image.stamps));
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_never_a_panic(one in vec(any::<u8>(), 0..40), other in vec(any::<u8>(), 0..40)) {
            let _ = (row(&one, &other), merged(&one, &other), put_stamps(&mut Image::default(), &other));
        }
    }
}
