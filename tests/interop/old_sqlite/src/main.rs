//! Runs SQL on a database as an application does that is linked with an old SQLite: `old_sqlite DATABASE`, a transaction per line of input.
//!
//! Says its version first, then the first column of every row that a line beginning with SELECT gives. Anything that fails ends it.

use std::io::BufRead;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which database?")?;
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(20))?;
    // Nothing dies in the test; waiting for the disk only takes long.
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    println!("{}", rusqlite::version());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.starts_with("SELECT") {
            let mut statement = connection.prepare(&line)?;
            for value in statement.query_map(rusqlite::NO_PARAMS, |row| row.get::<_, String>(0))? {
                println!("{}", value?);
            }
        } else {
            connection.execute_batch(&format!("BEGIN IMMEDIATE; {line}; COMMIT")).map_err(|error| format!("{line}: {error}"))?;
        }
    }
    Ok(())
}
