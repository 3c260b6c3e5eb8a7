//! What packets call tables and sites, as this home numbers them.

use std::collections::BTreeMap;

use crate::model::{FieldNo, Shape, SiteName, SiteNo, TableNo};
use crate::packet::Vocabulary;
use crate::sync::{Result, Session};

/// The names that neighbours know: at a site whose application called a told table or column otherwise by itself, those that were told.
pub(in crate::sync) struct Spoken<'s> {
    words: Words<'s>,
    told: BTreeMap<TableNo, Shape>,
}

impl<'s> Spoken<'s> {
    pub(in crate::sync) fn new(session: &'s Session) -> Result<Self> {
        Ok(Self { words: Words(session), told: crate::sync::schema::as_told(session)? })
    }
}

impl Vocabulary for Spoken<'_> {
    fn shape(&self, table: TableNo) -> &Shape {
        self.told.get(&table).unwrap_or_else(|| self.words.shape(table))
    }

    fn table(&self, name: &str, told: Option<TableNo>) -> Option<TableNo> {
        self.words.table(name, told)
    }

    fn field(&self, table: TableNo, name: &str, told: Option<FieldNo>) -> Option<FieldNo> {
        self.words.field(table, name, told)
    }

    fn says_numbers(&self) -> bool {
        self.words.says_numbers()
    }

    fn site_name(&self, site: SiteNo) -> SiteName {
        self.words.site_name(site)
    }

    fn site_number(&mut self, name: &SiteName) -> SiteNo {
        self.words.site_number(name)
    }
}

/// The session's names.
pub(in crate::sync) struct Words<'s>(pub &'s Session);

impl Vocabulary for Words<'_> {
    fn shape(&self, table: TableNo) -> &Shape {
        self.0.shape(table)
    }

    fn table(&self, name: &str, told: Option<TableNo>) -> Option<TableNo> {
        let number = |shape: &Shape| shape.past.told.as_ref().map(|told| told.table);
        let shapes = &self.0.shapes;
        if let Some(told) = told.filter(|_| self.says_numbers()) {
            let all = shapes.iter().chain(&self.0.former);
            if let Some(shape) = all.clone().find(|shape| number(shape) == Some(told)) {
                return Some(shape.number).filter(|_| !shape.past.gone);
            }
            // Before the schema that tells it is here.
            return shapes.iter().find(|shape| shape.name == name && number(shape).is_none()).map(|shape| shape.number);
        }
        // A neighbour that has not renamed the table still says its former name.
        let renamed = || shapes.iter().find(|shape| shape.past.names.iter().any(|before| before == name));
        shapes.iter().find(|shape| shape.name == name).or_else(renamed).map(|shape| shape.number)
    }

    fn field(&self, table: TableNo, name: &str, told: Option<FieldNo>) -> Option<FieldNo> {
        self.shape(table).spoken_field(name, told.filter(|_| self.says_numbers()))
    }

    fn says_numbers(&self) -> bool {
        self.0.rules.schema_travels()
    }

    fn site_name(&self, site: SiteNo) -> SiteName {
        self.0.ledger.site_name(site).unwrap_or_else(|_| self.0.name().clone())
    }

    fn site_number(&mut self, name: &SiteName) -> SiteNo {
        // A ledger that cannot be written fails the slice at its commit; until then the number is only remembered.
        self.0.ledger.site_number(name).unwrap_or_default()
    }
}
