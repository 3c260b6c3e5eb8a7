//! How does a statement that is run for every record stay at hand?
//!
//! rusqlite's cache gives a statement out and takes it back each time, with its text as the name: for the four statements that one record needs when
//! it is sealed or applied, that was a fourteenth of all the work. Here the busiest ones stay out of the cache, found by comparing their texts.
//! **Invariant**: a statement that is at hand holds no lock and no value: it is reset, and nothing is bound.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::{CachedStatement, Connection, Statement};
use self_cell::self_cell;

/// Statements at hand: more than one record needs.
const AT_HAND: usize = 8;

type Kept<'c> = RefCell<Vec<(Box<str>, CachedStatement<'c>)>>;

self_cell!(
    struct Cell {
        owner: Connection,
        #[not_covariant]
        dependent: Kept,
    }
);

/// A connection to a database with its busiest statements at hand.
pub struct Prepared(Cell);

impl Prepared {
    /// Takes a connection over.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self(Cell::new(connection, |_| RefCell::default()))
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn close(self) -> rusqlite::Result<()> {
        self.0.into_owner().close().map_err(|(_, error)| error)
    }

    /// Has `work` done with a statement that stays prepared afterwards: for what is done record by record.
    ///
    /// # Errors
    /// As SQLite says while it prepares the statement; what becomes of `work` is inside.
    pub fn with<T>(&self, sql: &str, work: impl FnOnce(&mut Statement<'_>) -> T) -> rusqlite::Result<T> {
        self.0.with_dependent(|connection, kept| {
            let known = {
                let mut kept = kept.borrow_mut();
                // The last one used is the last in the list, and the next one wanted mostly among the first.
                let at = kept.iter().position(|(text, _)| **text == *sql);
                at.map(|at| kept.remove(at))
            };
            let (text, mut statement) = match known {
                Some(known) => known,
                None => (sql.into(), connection.prepare_cached(sql)?),
            };
            let done = work(&mut statement);
            statement.clear_bindings();
            let mut kept = kept.borrow_mut();
            if kept.len() >= AT_HAND {
                kept.remove(0);
            }
            kept.push((text, statement));
            Ok(done)
        })
    }
}

impl Deref for Prepared {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.borrow_owner()
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.deref().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_hand_is_reset_and_holds_nothing_and_what_was_used_least_goes_first() {
        let connection = Prepared::new(Connection::open_in_memory().unwrap());
        connection.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)").unwrap();
        let first = |sql: &str, value: i64| {
            let read = |statement: &mut Statement<'_>| {
                statement.raw_bind_parameter(1, value)?;
                statement.raw_query().next()?.map_or(Ok(None), |row| row.get(0))
            };
            connection.with(sql, read).unwrap().unwrap()
        };
        let busy = "SELECT x FROM t WHERE x >= ?";
        assert_eq!((first(busy, 1), first(busy, 2), first(busy, 3)), (Some(1), Some(2), None::<i64>));
        let unbound = |statement: &mut Statement<'_>| statement.raw_query().next().map(|row| row.is_some());
        assert!(!connection.with(busy, unbound).unwrap().unwrap(), "nothing is bound");
        for n in 0..3 * AT_HAND {
            assert_eq!(first(&format!("SELECT {n} WHERE ?"), 1), Some(n as i64));
            assert_eq!(first(busy, 1), Some(1));
        }
        connection.0.with_dependent(|_, kept| {
            let kept = kept.borrow();
            assert!(kept.len() == AT_HAND && kept.iter().any(|(text, _)| **text == *busy));
        });
        // A statement that is not reset would be in the way.
        connection.execute_batch("DROP TABLE t").unwrap();
        assert!(connection.with(busy, |_| ()).is_ok() && connection.with("SELECT nothing", |_| ()).is_err());
        connection.close().unwrap();
    }
}
