//! What does an application do to records whose numbers add up, lists unite and texts merge?

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::super::application::{Deed, Doing, TABLES, Table, text_of};
use super::super::history::Dice;

/// What stands between two items of a list.
pub const SEPARATOR: &str = ";";
/// Keys that new goods get: few, so that two sites choose the same.
const KEYS: [&str; 3] = ["i", "j", "k"];

/// What applications did to goods, by key.
#[derive(Debug, Default)]
pub struct Deeds {
    /// The stock and the list of each time a record was made.
    pub begun: BTreeMap<String, Vec<(i64, BTreeSet<String>)>>,
    /// The sum of all differences.
    pub differences: BTreeMap<String, i64>,
    /// Items that somebody put into the list.
    pub put: BTreeMap<String, BTreeSet<String>>,
    /// Items that somebody took out of it.
    pub taken: BTreeMap<String, BTreeSet<String>>,
}

/// One such deed, once it is committed.
#[derive(Debug)]
pub enum Done {
    Begun { key: String, stock: i64, list: BTreeSet<String> },
    Added { key: String, difference: i64 },
    Put { key: String, item: String },
    Taken { key: String, item: String },
}

impl Deeds {
    /// What all sites begin with.
    pub fn start(&mut self) {
        let items = ["one", "two"].map(str::to_owned).into();
        self.count(Done::Begun { key: "g".into(), stock: 10, list: items });
        self.count(Done::Begun { key: "h".into(), stock: 0, list: BTreeSet::new() });
    }

    pub fn count(&mut self, done: Done) {
        match done {
            Done::Begun { key, stock, list } => self.begun.entry(key).or_default().push((stock, list)),
            Done::Added { key, difference } => *self.differences.entry(key).or_default() += difference,
            Done::Put { key, item } => drop(self.put.entry(key).or_default().insert(item)),
            Done::Taken { key, item } => drop(self.taken.entry(key).or_default().insert(item)),
        }
    }
}

/// The table.
fn goods() -> &'static Table {
    TABLES.iter().find(|table| table.name == "goods").expect("there are goods")
}

/// The items of a list in words.
pub fn items(list: &str) -> BTreeSet<String> {
    let items = list.split(SEPARATOR).map(str::trim).filter(|item| !item.is_empty() && *item != "null");
    items.map(str::to_owned).collect()
}

impl Doing<'_> {
    /// Some edit of goods.
    pub fn edit_goods(&mut self, dice: &mut Dice) -> rusqlite::Result<()> {
        let Some(key) = self.some_key(goods(), dice)? else { return self.insert_goods(dice) };
        match dice.below(100) {
            0..=34 => self.add(dice),
            35..=54 => self.change_list(&key, dice),
            55..=69 => self.change_text(&key, dice),
            70..=79 => {
                let Value::Integer(number) = self.number(dice) else { return Ok(()) };
                self.update(goods(), &key, "high", Value::Integer(number))
            }
            80..=91 => {
                let column = dice.pick(&["status", "seen"]);
                let value = self.fresh(column, dice);
                self.update(goods(), &key, column, value)
            }
            92..=95 => self.insert_goods(dice),
            _ => self.delete(goods(), &key),
        }
    }

    /// Adds to a stock, or takes from it: as a difference, or by writing what it comes to.
    pub fn add(&mut self, dice: &mut Dice) -> rusqlite::Result<()> {
        let Some(key) = self.some_key(goods(), dice)? else { return Ok(()) };
        let difference = 1 + dice.below(9).cast_signed();
        let difference = if dice.hit(50) { difference } else { -difference };
        if dice.hit(80) {
            self.connection.execute("UPDATE goods SET stock = ifnull(stock, 0) + ?1 WHERE id = ?2", [&Value::Integer(difference), &key])?;
        } else {
            let sum: i64 =
                self.connection.query_row("SELECT ifnull(stock, 0) + ?1 FROM goods WHERE id = ?2", (difference, &key), |row| row.get(0))?;
            self.connection.execute("UPDATE goods SET stock = ?1 WHERE id = ?2", [&Value::Integer(sum), &key])?;
        }
        self.said.push(format!("goods[{}].stock {difference:+}", text_of(&key)));
        self.done.push(Deed::Goods(Done::Added { key: text_of(&key), difference }));
        Ok(())
    }

    fn number(&mut self, dice: &mut Dice) -> Value {
        self.deeds.next += 1;
        Value::Integer(1_000_000 * (1 + dice.below(1_000).cast_signed()) + self.deeds.next.cast_signed())
    }

    /// Puts an item into a list, or takes one out.
    fn change_list(&mut self, key: &Value, dice: &mut Dice) -> rusqlite::Result<()> {
        let list: Option<String> = self.connection.query_row("SELECT list FROM goods WHERE id = ?", [key], |row| row.get(0))?;
        let mut items: Vec<String> = list.iter().flat_map(|list| list.split(SEPARATOR)).map(str::to_owned).collect();
        let name = text_of(key);
        if items.len() > 1 && dice.hit(40) {
            let item = items.remove(usize::try_from(dice.below(items.len() as u64)).expect("a small number"));
            self.done.push(Deed::Goods(Done::Taken { key: name, item }));
        } else {
            let item = text_of(&self.fresh("list", dice));
            items.push(item.clone());
            self.done.push(Deed::Goods(Done::Put { key: name, item }));
        }
        self.update(goods(), key, "list", Value::Text(items.join(SEPARATOR)))
    }

    /// Writes a line of a text anew, or one more.
    fn change_text(&mut self, key: &Value, dice: &mut Dice) -> rusqlite::Result<()> {
        let text: Option<String> = self.connection.query_row("SELECT text FROM goods WHERE id = ?", [key], |row| row.get(0))?;
        let mut lines: Vec<String> = text.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
        let line = text_of(&self.fresh("text", dice));
        let place = usize::try_from(dice.below(lines.len() as u64 + 1)).expect("a small number");
        if let Some(old) = lines.get_mut(place) {
            *old = line
        } else {
            lines.push(line)
        }
        self.update(goods(), key, "text", Value::Text(lines.join("\n")))
    }

    fn insert_goods(&mut self, dice: &mut Dice) -> rusqlite::Result<()> {
        let key = Value::Text(dice.pick(&KEYS).into());
        let stock = dice.below(100).cast_signed();
        let item = text_of(&self.fresh("list", dice));
        let mut values = vec![key.clone(), self.fresh("tag", dice), Value::Integer(stock), Value::Text(item.clone())];
        values.extend([self.fresh("text", dice), self.number(dice), self.fresh("status", dice), self.fresh("seen", dice)]);
        self.insert_values(goods(), values, "INSERT")?;
        self.done.push(Deed::Goods(Done::Begun { key: text_of(&key), stock, list: [item].into() }));
        Ok(())
    }
}
