//! The example that carries packets with rclone, with rclone. Not the whole contract: that starts a program some thousand times.

use std::path::Path;

use fieldpost::exchange::{
    Access, Content, Deposited, Entry, Exchange as _, ExchangeError, FileName, Folder, MarkerFault, deposit, fetch, mark, open_exchange,
    reach, waiting,
};
use fieldpost::world::{Faults, SystemClock, World};

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

#[test]
#[ignore = "needs rclone: run by .ci/run"]
fn rclone_carries_packets() {
    let world = World::simulated(Box::new(SystemClock), 1, Faults::none());
    let (place, inbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/exchange-command/by-rclone.sh");
    let address = format!("command:'{}' ':local:{}'", script.display(), place.path().display());
    let mut exchange = open_exchange(&address, &Access::default()).unwrap();
    let folder = Folder::new("head/anna").unwrap();
    let unmarked = exchange.list(&world, &folder).unwrap_err();
    assert!(matches!(unmarked, ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. }), "{unmarked:?}");
    mark(&world, &mut *exchange).unwrap();
    let reached = reach(&world, &mut *exchange).unwrap();
    assert_eq!(waiting(&world, &mut *exchange, &folder, |_| true).unwrap(), []);
    let mut put =
        |file: &str, content: &[u8]| deposit(&world, &mut *exchange, &reached, &folder, &name(file), Content::Bytes(content)).unwrap();
    assert_eq!(put("x.fpk", b"whole"), Deposited::Done);
    assert_eq!(put("x.fpk", b"whole"), Deposited::AlreadyThere);
    assert_eq!(put("y.fpk", b""), Deposited::Done);
    let found = waiting(&world, &mut *exchange, &folder, |_| true).unwrap();
    assert_eq!(found, [Entry { name: name("x.fpk"), bytes: 5 }, Entry { name: name("y.fpk"), bytes: 0 }]);
    std::fs::write(inbox.path().join("x.fpk.part"), "wh").unwrap();
    let path = fetch(&world, &mut *exchange, &folder, &found[0], inbox.path()).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"whole");
    exchange.delete(&world, &folder, &name("x.fpk")).unwrap();
    exchange.delete(&world, &folder, &name("x.fpk")).unwrap();
    let gone = exchange.get(&world, &folder, &found[0], &inbox.path().join("gone")).unwrap_err();
    assert!(matches!(gone, ExchangeError::Missing { .. }), "{gone:?}");
    let mut nowhere = open_exchange(&format!("command:'{}' 'no-such-remote:x'", script.display()), &Access::default()).unwrap();
    let error = reach(&world, &mut *nowhere).unwrap_err();
    assert!(matches!(error, ExchangeError::Unreachable { .. }) && error.to_string().contains("no-such-remote"), "{error:?}");
}
