//! Sites and tables by number, and the invitations given out.

use rusqlite::OptionalExtension;

use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Result};
use crate::model::{Millis, Shape, SiteName, SiteNo, TableNo};

impl Ledger {
    /// The number of a site, given where it is new.
    pub fn site_number(&self, name: &SiteName) -> Result<SiteNo> {
        let known: Option<u32> = self
            .connection
            .prepare_cached("SELECT number FROM site WHERE name = ?")?
            .query_row([name.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok(SiteNo(number));
        }
        let number: u32 = self.connection.prepare_cached("SELECT max(number) + 1 FROM site")?.query_row([], |row| row.get(0))?;
        self.write(Statement::AddSite, &[Parameter::Integer(number.into()), Parameter::text(name.as_str())])?;
        Ok(SiteNo(number))
    }

    /// The name of a site.
    pub fn site_name(&self, site: SiteNo) -> Result<SiteName> {
        let name: Option<String> =
            self.connection.prepare_cached("SELECT name FROM site WHERE number = ?")?.query_row([site.0], |row| row.get(0)).optional()?;
        SiteName::new(&name.ok_or(LedgerError::UnknownSite(site))?).map_err(|_| LedgerError::Damaged("site name"))
    }

    /// The tracked tables by number.
    pub fn shapes(&self) -> Result<Vec<Shape>> {
        let mut shapes = self.shapes_ever()?;
        shapes.retain(|shape| !shape.past.gone);
        Ok(shapes)
    }

    /// Every table that ever was tracked or that a neighbour spoke of, by number.
    pub fn shapes_ever(&self) -> Result<Vec<Shape>> {
        let mut statement = self.connection.prepare_cached("SELECT shape FROM shape ORDER BY number")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|text| serde_json::from_str(&text?).map_err(|_| LedgerError::Damaged("shape"))).collect()
    }

    /// Writes a table's shape; `rank` orders parents before children.
    pub fn put_shape(&self, shape: &Shape, rank: u32) -> Result<()> {
        let text = serde_json::to_vec(shape).map_err(|_| LedgerError::Damaged("shape"))?;
        let number = Parameter::Integer(shape.number.0.into());
        // What is not in the database is no part of what a new site is told.
        let rank = if shape.past.gone { -1 } else { i64::from(rank) };
        self.write(Statement::PutShape, &[number, Parameter::Integer(rank), Parameter::Integer(0), Parameter::Text(&text)]).map(drop)
    }

    /// A table's place among parents and children; 0 for one that is not in the database.
    pub fn rank(&self, table: TableNo) -> Result<u32> {
        let mut statement = self.connection.prepare_cached("SELECT max(rank, 0) FROM shape WHERE number = ?")?;
        Ok(statement.query_row([table.0], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// Writes a known table's shape anew.
    pub fn set_shape(&self, shape: &Shape) -> Result<()> {
        let text = serde_json::to_vec(shape).map_err(|_| LedgerError::Damaged("shape"))?;
        self.write(Statement::SetShape, &[Parameter::Integer(shape.number.0.into()), Parameter::Text(&text)]).map(drop)
    }

    /// The last noted number of a table that was sealed.
    pub fn sealed(&self, table: TableNo) -> Result<i64> {
        Ok(self.connection.prepare_cached("SELECT sealed FROM shape WHERE number = ?")?.query_row([table.0], |row| row.get(0))?)
    }

    /// Moves [`Ledger::sealed`].
    pub fn set_sealed(&self, table: TableNo, number: i64) -> Result<()> {
        self.write(Statement::SetSealed, &[Parameter::Integer(table.0.into()), Parameter::Integer(number)]).map(drop)
    }

    /// Notes an invitation; `content` is the caller's.
    pub fn add_invitation(&self, id: &str, name: &SiteName, content: &str, expires: Millis) -> Result<()> {
        let values = [Parameter::text(id), Parameter::text(name.as_str()), Parameter::text(content), Parameter::Integer(expires.0)];
        self.write(Statement::AddInvitation, &values).map(drop)
    }

    /// An invitation's content, when it expires and whether it was used.
    pub fn invitation(&self, id: &str) -> Result<Option<(String, Millis, Option<Millis>)>> {
        let mut statement = self.connection.prepare_cached("SELECT content, expires, used FROM invitation WHERE id = ?")?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Millis(row.get(1)?), row.get::<_, Option<i64>>(2)?.map(Millis)));
        Ok(statement.query_row([id], read).optional()?)
    }

    /// Names with an invitation that is neither used nor expired at `now`, with when it expires.
    pub fn invited(&self, now: Millis) -> Result<Vec<(String, Millis)>> {
        let mut statement =
            self.connection.prepare_cached("SELECT name, expires FROM invitation WHERE used IS NULL AND expires > ? ORDER BY name")?;
        let rows = statement.query_map([now.0], |row| Ok((row.get(0)?, Millis(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Takes back the invitations of a name that nobody used. Says whether there was any.
    pub fn withdraw(&self, name: &SiteName) -> Result<bool> {
        Ok(self.write(Statement::Withdraw, &[Parameter::text(name.as_str())])? > 0)
    }

    /// Names with an invitation that was not used and expired after `since` and not after `now`.
    pub fn expired(&self, since: Millis, now: Millis) -> Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT name FROM invitation WHERE used IS NULL AND expires > ? AND expires <= ? ORDER BY name")?;
        let rows = statement.query_map([since.0, now.0], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Uses an invitation up.
    pub fn use_invitation(&self, id: &str, now: Millis) -> Result<()> {
        self.write(Statement::UseInvitation, &[Parameter::text(id), Parameter::Integer(now.0)]).map(drop)
    }
}
