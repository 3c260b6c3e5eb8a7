//! What packets call tables and sites, as this home numbers them.

use super::Session;
use crate::model::{Shape, SiteName, SiteNo, TableNo};
use crate::packet::Vocabulary;

/// The session's names.
pub(super) struct Words<'s>(pub &'s Session);

impl Vocabulary for Words<'_> {
    fn shape(&self, table: TableNo) -> &Shape {
        self.0.shape(table)
    }

    fn table(&self, name: &str) -> Option<TableNo> {
        let shapes = &self.0.shapes;
        // A neighbour that has not renamed the table still says its former name.
        let renamed = || shapes.iter().find(|shape| shape.past.names.iter().any(|before| before == name));
        shapes.iter().find(|shape| shape.name == name).or_else(renamed).map(|shape| shape.number)
    }

    fn site_name(&self, site: SiteNo) -> SiteName {
        self.0.ledger.site_name(site).unwrap_or_else(|_| self.0.name().clone())
    }

    fn site_number(&mut self, name: &SiteName) -> SiteNo {
        // A ledger that cannot be written fails the slice at its commit; until then the number is only remembered.
        self.0.ledger.site_number(name).unwrap_or_default()
    }
}
