//! Files that were put back, exchanged or emptied: each has its named error, and nothing is done.

use fieldpost::database::DatabaseError;
use fieldpost::site::{Home, Role};
use fieldpost::sync::{Session, SyncError};

use super::support::Tree;
use super::two;

fn files(tree: &Tree, site: &str) -> Vec<std::path::PathBuf> {
    ["", "-wal", "-shm", "-journal"].iter().map(|suffix| tree.home(site).join(format!("shop.db{suffix}"))).collect()
}

fn replace_database(tree: &Tree, site: &str, with: Option<&std::path::Path>) {
    files(tree, site).iter().for_each(|file| drop(std::fs::remove_file(file)));
    if let Some(with) = with {
        std::fs::copy(with, tree.home(site).join("shop.db")).unwrap();
    }
}

fn backup(tree: &Tree, site: &str) -> std::path::PathBuf {
    tree.tick(1);
    let path = tree.folder.path().join(format!("{site}-{}.db", tree.time.load(std::sync::atomic::Ordering::Relaxed)));
    tree.application(site).execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
    path
}

fn open(tree: &Tree, site: &str) -> Result<Session, SyncError> {
    let home = Home::discover(Some(&tree.home(site)), &tree.home(site)).unwrap();
    Session::open(tree.world(site), home, tree.limits.clone())
}

#[test]
fn every_exchanged_file_has_its_name() {
    let tree = two();
    tree.add("head", "ben", Role::Remote);
    tree.settle(&["ben", "head", "anna"]);
    let old = backup(&tree, "anna");
    tree.edit("head", "UPDATE customers SET phone = 'later'");
    tree.settle(&["head", "anna"]);
    let new = backup(&tree, "anna");

    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)));
    let of_ben = backup(&tree, "ben");
    replace_database(&tree, "anna", Some(&of_ben));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherPair)));
    replace_database(&tree, "anna", None);
    assert!(matches!(open(&tree, "anna"), Err(SyncError::Database(DatabaseError::Missing(_)))));
    std::fs::write(tree.home("anna").join("shop.db"), b"").unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::OtherPair)));
    std::fs::write(tree.home("anna").join("shop.db"), b"no database at all, but long enough to be looked at as one").unwrap();
    assert!(matches!(open(&tree, "anna"), Err(SyncError::Database(DatabaseError::NotADatabase(_)))));
    replace_database(&tree, "anna", Some(&new));
    tree.edit("anna", "UPDATE customers SET phone = 'goes on' WHERE id = 'ACME'");
    tree.settle(&["anna", "head", "ben"]);
    tree.assert_same(&["head", "anna", "ben"]);
}

#[test]
fn an_older_database_is_never_followed_backwards_whatever_its_schema() {
    let tree = two();
    let old = backup(&tree, "anna");
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN level INTEGER DEFAULT 1; DROP TABLE notes; UPDATE customers SET level = 2");
    tree.sync("anna");
    replace_database(&tree, "anna", Some(&old));
    assert!(matches!(open(&tree, "anna"), Err(SyncError::DatabaseRestored)), "no packet was applied since, only the schema moved");
}
