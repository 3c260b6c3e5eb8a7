//! What happens in one simulated history? A list of operations drawn from a seed.
//!
//! Every operation brings its own dice roll, so that leaving one out while shrinking does not change the others.

use std::sync::Arc;

use super::documents::Keeping;
use super::invented::Invented;
use super::ruling::Ruling;

/// Numbers that look random and repeat for a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub const fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub const fn hit(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("a small number")]
    }
}

/// One edit of an application; which record and value comes from `roll` and from what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    pub what: What,
    pub roll: u64,
}

/// What applications do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Field,
    /// A field goes back to a value it had before at this site.
    Undo,
    Insert,
    Delete,
    /// Delete and insert under the same key, in two statements.
    Recreate,
    /// `INSERT OR REPLACE`.
    Replace,
    /// The key itself is changed.
    MoveKey,
    /// One statement for many records.
    Many,
    /// A reference to another record.
    Reference,
    /// A record that goes when another one goes (`ON DELETE CASCADE`).
    Line,
    /// A record whose number the database hands out.
    Numbered,
    /// A record and others that refer to it, in one transaction.
    Together,
    /// Two records change a unique value.
    Swap,
    /// Something with a number that adds up, a list that unites, a text that merges.
    Goods,
    /// A number that adds up, and nothing else.
    Add,
    /// The schema itself, at the main office.
    Migrate,
    /// Something of a site's own: a column, a table, what is typed in it.
    Own,
    /// What is of a site's own gets other names.
    MakeRoom,
    /// The main office takes back which records its tables bar.
    Unbar,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Edit {
        site: usize,
        edit: Edit,
    },
    Round {
        site: usize,
        halves: Halves,
        /// Dies before this durable step of the round.
        kill: Option<u64>,
        /// Dies before this durable step of the opening.
        kill_open: Option<u64>,
        /// The application edits in the middle of the round, at this call of the progress.
        meanwhile: Option<(u64, Edit)>,
    },
    /// Everything is closed and opened again.
    Restart {
        site: usize,
    },
    /// A person asks for everything again (`sync --full`).
    Full {
        site: usize,
    },
    /// A person sends what is sent by hand.
    Release {
        site: usize,
    },
    /// A person at the main office says which columns are others under a new name.
    Answer,
    /// A person does something in the folder of documents.
    Document {
        site: usize,
        roll: u64,
    },
    /// The main office publishes a bundle, or takes a version back.
    Bundle {
        roll: u64,
    },
    /// Somebody changes a file that a bundle brought, or may bring.
    Customize {
        site: usize,
        roll: u64,
    },
    /// One of two exchanges is away, or back.
    Away {
        place: usize,
        away: bool,
    },
    /// A byte of some file on the exchange is changed.
    Tamper {
        roll: u64,
    },
    /// From here on the exchange behaves like this.
    Weather {
        stormy: bool,
        roll: u64,
    },
}

/// Which half of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halves {
    Both,
    Receive,
    Send,
}

/// Which histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    All,
    /// No two sites hand out the same number.
    WithoutClashes,
    /// Rules are drawn.
    Ruled,
    /// Applications do nothing but add to numbers whose differences add up.
    Adding,
    /// The main office changes its schema.
    Changing,
    /// Every site has a folder of documents.
    Documents,
    /// The main office publishes bundles.
    Bundles,
}

/// How the sites of a history hang together, and by which rule they decide.
#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    /// The database; none for the one that never changes.
    pub invented: Option<Arc<Invented>>,
    pub tree: Tree,
    pub rule: &'static str,
    /// The whole rules file, where it was drawn.
    pub ruling: Option<Arc<Ruling>>,
    /// Milliseconds each site's clock is off.
    pub skews: Vec<i64>,
    /// Changes per slice and bytes per packet; tiny in some histories.
    pub slice_changes: u64,
    pub packet_bytes: u64,
    /// Whether records with handed-out numbers are made.
    pub numbers: bool,
    /// The last site has its invitation and nothing else yet.
    pub late: bool,
    /// The database is the one whose schema changes.
    pub changing: bool,
    /// Whether what happened is remembered, or forgotten as soon as it may be.
    pub remembers: bool,
    /// Whether there are documents, and how they are kept.
    pub library: Option<Keeping>,
    /// Whether there are bundles.
    pub bundles: bool,
    /// Whether there are two exchanges.
    pub two_ways: bool,
}

impl Setting {
    /// All clocks right, nothing small, in the database that never changes.
    pub fn plain(seed: u64, tree: Tree, rule: &'static str) -> Self {
        Self {
            seed,
            invented: None,
            tree,
            rule,
            ruling: None,
            skews: vec![0; tree.sites.len()],
            slice_changes: 5_000,
            packet_bytes: 32 << 20,
            numbers: false,
            late: false,
            changing: false,
            remembers: false,
            library: None,
            bundles: false,
            two_ways: false,
        }
    }

    /// Clocks and sizes drawn.
    fn drawn(seed: u64, dice: &mut Dice, tree: Tree, rule: &'static str) -> Self {
        Self {
            skews: skews(dice, tree),
            slice_changes: dice.pick(&[1, 2, 5_000]),
            packet_bytes: dice.pick(&[1, 300, 32 << 20]),
            ..Self::plain(seed, tree, rule)
        }
    }
}

/// Sites by name, each with its parent's place; the host is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    pub name: &'static str,
    pub sites: &'static [(&'static str, Option<usize>)],
}

pub const TREES: [Tree; 4] = [
    Tree { name: "HA", sites: &[("head", None), ("anna", Some(0))] },
    Tree { name: "HAB", sites: &[("head", None), ("anna", Some(0)), ("berta", Some(0))] },
    Tree { name: "HOR", sites: &[("head", None), ("north", Some(0)), ("rosa", Some(1))] },
    Tree { name: "HORB", sites: &[("head", None), ("north", Some(0)), ("rosa", Some(1)), ("berta", Some(0))] },
];

/// So many histories in a row share an invented database, its tree and its rule: making one ready takes longer than a history.
const HISTORIES_PER_DATABASE: u64 = 8;
/// The same of a drawn rules file.
const HISTORIES_PER_RULES: u64 = 4;
const RULES: [&str; 4] = ["newest", "parent", "child", "review"];
const DAY: u64 = 86_400_000;

/// The setting and the operations of a seed: even ones in the database that never changes, half of them under rules that were drawn;
/// odd ones in an invented database.
pub fn history(seed: u64, kind: Kind) -> (Setting, Vec<Op>) {
    let clashes = match kind {
        Kind::All => true,
        Kind::WithoutClashes => false,
        Kind::Ruled => return ruled(seed),
        Kind::Adding => return adding(seed),
        Kind::Changing => return changing(seed),
        Kind::Documents => return documents(seed),
        Kind::Bundles => return bundles(seed),
    };
    let dice = Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5bd1_e995);
    match seed % 4 {
        0 => in_fixed(seed, dice),
        2 => ruled(seed / 4),
        _ => in_invented(seed, clashes, dice),
    }
}

fn adding(seed: u64) -> (Setting, Vec<Op>) {
    let mut dice = Dice::new(seed.wrapping_mul(0x94d0_49bb_1331_11eb) ^ 0x0add);
    let tree = dice.pick(&TREES);
    let setting = in_plain(seed, &mut dice, tree, Arc::new(Ruling::adding_up()));
    let ops = operations(&mut dice, tree, &[What::Add]);
    (setting, ops)
}

fn ruled(seed: u64) -> (Setting, Vec<Op>) {
    let mut dice = Dice::new(seed.wrapping_mul(0x9fb2_1c65_1e98_df25) ^ 0x0ca5_ade5);
    let group = seed / HISTORIES_PER_RULES;
    let mut shared = Dice::new(group.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let tree = shared.pick(&TREES);
    let mut setting = in_plain(seed, &mut dice, tree, Arc::new(Ruling::new(group)));
    (setting.late, setting.numbers) = (shared.hit(20), dice.hit(25));
    let mut kinds = kinds(&mut dice, setting.numbers);
    let goods = dice.below(3);
    (0..kinds.len().div_ceil(3) * usize::try_from(goods).expect("a small number")).for_each(|_| kinds.push(What::Goods));
    let mut ops = operations(&mut dice, tree, &kinds);
    if setting.ruling.as_ref().is_some_and(|ruling| ruling.sends_by_hand()) {
        for _ in 0..dice.below(5) {
            let site = usize::try_from(dice.below(tree.sites.len() as u64)).expect("a small number");
            let place = usize::try_from(dice.below(ops.len() as u64)).expect("a small number");
            ops.insert(place, Op::Release { site });
        }
    }
    (setting, ops)
}

fn in_plain(seed: u64, dice: &mut Dice, tree: Tree, ruling: Arc<Ruling>) -> Setting {
    Setting { ruling: Some(ruling), ..Setting::drawn(seed, dice, tree, "drawn") }
}

fn changing(seed: u64) -> (Setting, Vec<Op>) {
    use What::{Delete, Field, Insert, Many, Own, Recreate, Reference, Replace};
    let mut dice = Dice::new(seed.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ 0x5c4e_3a00);
    let tree = dice.pick(&TREES);
    let rule = dice.pick(&RULES);
    let mut setting = Setting { changing: true, ..Setting::drawn(seed, &mut dice, tree, rule) };
    (setting.late, setting.remembers) = (dice.hit(20), dice.hit(60));
    setting.library = dice.hit(20).then(|| Keeping::drawn(&mut dice));
    let mut kinds = vec![Field, Field, Field, Field, Insert, Insert, Delete];
    for kind in [Recreate, Replace, Many, Reference] {
        if dice.hit(50) {
            kinds.push(kind);
        }
    }
    if dice.hit(60) {
        kinds.extend([Own, Own, Own]);
    }
    let mut ops = operations(&mut dice, tree, &kinds);
    for _ in 0..=dice.below(6) {
        let edit = Edit { what: What::Migrate, roll: dice.roll() };
        let place = usize::try_from(dice.below(ops.len() as u64)).expect("a small number");
        if let Op::Round { site: 0, meanwhile, .. } = &mut ops[place]
            && dice.hit(50)
        {
            *meanwhile = Some((dice.below(8), edit));
        } else {
            ops.insert(place, Op::Edit { site: 0, edit });
        }
        if dice.hit(50) {
            put_in(&mut ops, &mut dice, Op::Answer);
        }
    }
    if setting.library.is_some() {
        put_documents_in(&mut ops, &mut dice, tree, 6);
    }
    (setting, ops)
}

fn documents(seed: u64) -> (Setting, Vec<Op>) {
    let mut dice = Dice::new(seed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ 0xd0c5);
    let tree = dice.pick(&TREES);
    let rule = dice.pick(&RULES);
    let mut setting = Setting::drawn(seed, &mut dice, tree, rule);
    (setting.late, setting.library) = (dice.hit(20), Some(Keeping::drawn(&mut dice)));
    setting.two_ways = dice.hit(30);
    let mut ops = operations(&mut dice, tree, &[What::Field, What::Insert, What::Delete]);
    // Records are there to be in the way.
    ops.retain(|op| !matches!(op, Op::Edit { .. }) || dice.hit(20));
    put_documents_in(&mut ops, &mut dice, tree, 25);
    put_absence_in(&mut ops, &mut dice, &setting);
    (setting, ops)
}

fn bundles(seed: u64) -> (Setting, Vec<Op>) {
    let mut dice = Dice::new(seed.wrapping_mul(0xa076_1d64_78bd_642f) ^ 0x0b00_0d1e);
    let tree = dice.pick(&TREES);
    let rule = dice.pick(&RULES);
    let mut setting = Setting { bundles: true, ..Setting::drawn(seed, &mut dice, tree, rule) };
    (setting.late, setting.two_ways) = (dice.hit(20), dice.hit(50));
    let kinds = kinds(&mut dice, false);
    let mut ops = operations(&mut dice, tree, &kinds);
    for _ in 0..=dice.below(6) {
        let roll = dice.roll();
        put_in(&mut ops, &mut dice, Op::Bundle { roll });
    }
    for _ in 0..dice.below(6) {
        let (site, roll) = (usize::try_from(dice.below(tree.sites.len() as u64)).expect("a small number"), dice.roll());
        put_in(&mut ops, &mut dice, Op::Customize { site, roll });
    }
    put_absence_in(&mut ops, &mut dice, &setting);
    (setting, ops)
}

/// Lets one of two exchanges go and come back now and then.
fn put_absence_in(ops: &mut Vec<Op>, dice: &mut Dice, setting: &Setting) {
    if setting.two_ways {
        for _ in 0..dice.below(6) {
            let (place, away) = (usize::try_from(dice.below(2)).expect("a small number"), dice.hit(60));
            put_in(ops, dice, Op::Away { place, away });
        }
    }
}

/// Puts one more operation somewhere into a history.
fn put_in(ops: &mut Vec<Op>, dice: &mut Dice, op: Op) {
    let place = usize::try_from(dice.below(ops.len() as u64 + 1)).expect("a small number");
    ops.insert(place, op);
}

fn put_documents_in(ops: &mut Vec<Op>, dice: &mut Dice, tree: Tree, most: u64) {
    for _ in 0..=dice.below(most) {
        let site = usize::try_from(dice.below(tree.sites.len() as u64)).expect("a small number");
        let roll = dice.roll();
        put_in(ops, dice, Op::Document { site, roll });
    }
}

fn in_invented(seed: u64, clashes: bool, mut dice: Dice) -> (Setting, Vec<Op>) {
    let group = seed / HISTORIES_PER_DATABASE;
    let mut shared = Dice::new(group.wrapping_mul(0x9e6c_63d0_876a_9a47));
    let tree = shared.pick(&TREES);
    let rule = shared.pick(&RULES);
    let invented = Some(Arc::new(Invented::new(group, clashes)));
    let setting = Setting { invented, late: shared.hit(20), ..Setting::drawn(seed, &mut dice, tree, rule) };
    use What::{Delete, Field, Insert, Many, MoveKey, Recreate, Reference, Replace, Swap, Together};
    let mut kinds = vec![Field, Field, Field, Insert, Insert, Together, Together, Reference, Reference, Delete];
    for kind in [Recreate, Replace, MoveKey, Many, Delete, Swap] {
        if dice.hit(40) {
            kinds.push(kind);
        }
    }
    let ops = operations(&mut dice, tree, &kinds);
    (setting, ops)
}

fn skews(dice: &mut Dice, tree: Tree) -> Vec<i64> {
    tree.sites.iter().map(|_| if dice.hit(50) { 0 } else { dice.below(2 * DAY).cast_signed() - DAY.cast_signed() }).collect()
}

fn in_fixed(seed: u64, mut dice: Dice) -> (Setting, Vec<Op>) {
    let tree = dice.pick(&TREES);
    let skews = skews(&mut dice, tree);
    let setting = Setting {
        rule: dice.pick(&RULES),
        skews,
        slice_changes: dice.pick(&[1, 2, 5_000]),
        packet_bytes: dice.pick(&[1, 300, 32 << 20]),
        numbers: dice.hit(25),
        late: dice.hit(20),
        ..Setting::plain(seed, tree, "newest")
    };
    let kinds = kinds(&mut dice, setting.numbers);
    let ops = operations(&mut dice, tree, &kinds);
    (setting, ops)
}

fn operations(dice: &mut Dice, tree: Tree, kinds: &[What]) -> Vec<Op> {
    let rough = dice.hit(70);
    let crashes = dice.hit(60);
    let length = 10 + dice.below(40);
    let mut ops = Vec::new();
    if rough {
        ops.push(Op::Weather { stormy: true, roll: dice.roll() });
    }
    for _ in 0..length {
        let site = usize::try_from(dice.below(tree.sites.len() as u64)).expect("a small number");
        let edit = Edit { what: dice.pick(kinds), roll: dice.roll() };
        let n = 1 + dice.below(40);
        ops.push(match dice.below(100) {
            0..=49 => Op::Edit { site, edit },
            50..=93 => Op::Round {
                site,
                halves: dice.pick(&[Halves::Both, Halves::Both, Halves::Both, Halves::Receive, Halves::Send]),
                kill: (crashes && dice.hit(30)).then_some(n),
                kill_open: (crashes && dice.hit(5)).then_some(1 + n % 4),
                meanwhile: dice.hit(10).then_some((n % 8, edit)),
            },
            94 => Op::Full { site },
            95 => Op::Tamper { roll: dice.roll() },
            96..=97 => Op::Restart { site },
            _ => Op::Weather { stormy: dice.hit(50), roll: dice.roll() },
        });
    }
    ops
}

/// What this history's applications do: sometimes everything, sometimes a few things often.
fn kinds(dice: &mut Dice, numbers: bool) -> Vec<What> {
    use What::{Delete, Field, Insert, Line, Many, MoveKey, Numbered, Recreate, Reference, Replace, Undo};
    let mut kinds = vec![Field, Field, Field, Field, Insert, Insert, Delete];
    for kind in [Undo, Recreate, Replace, MoveKey, Many, Reference, Line] {
        if dice.hit(50) {
            kinds.push(kind);
        }
    }
    if numbers {
        kinds.extend([Numbered, Numbered]);
    }
    kinds
}
