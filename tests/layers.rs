//! Holds the floors: which module may use which, and who may print, exit, ask for time or roll dice.
//!
//! A module that is not in the table fails the test: whoever adds one decides on which floor it stands. Code that is only
//! compiled for tests is free.

mod source;

use std::collections::BTreeMap;

use source::{Source, Token, matches, sources, tokens, without_tests};

/// Who may use whom. Doors (third group) never use each other; `exchange` knows no packet, `rules` no world.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("world", &["model"]),
    ("rules", &["model"]),
    ("keys", &["model", "world"]),
    ("packet", &["model", "world", "keys"]),
    ("database", &["model", "world", "rules"]),
    ("ledger", &["model", "world", "rules"]),
    ("library", &["model", "world", "keys", "packet"]),
    ("bundle", &["model", "world", "keys", "packet"]),
    ("exchange", &["model", "world"]),
    ("site", &["model", "world", "rules", "keys", "packet", "database", "ledger", "library", "bundle", "exchange"]),
    ("sync", &["model", "world", "rules", "keys", "packet", "database", "ledger", "library", "bundle", "exchange", "site"]),
    ("watch", &["model", "world", "rules", "keys", "packet", "database", "ledger", "library", "bundle", "exchange", "site", "sync"]),
    ("status", &["model", "world", "rules", "keys", "packet", "database", "ledger", "library", "bundle", "exchange", "site", "sync"]),
    (
        "cli",
        &[
            "model", "world", "rules", "keys", "packet", "database", "ledger", "library", "bundle", "exchange", "site", "sync", "watch",
            "status",
        ],
    ),
    // The binary hands over and does nothing else.
    ("main", &["cli"]),
];

/// What only some modules may do: the words that do it, and who may.
const EFFECTS: &[(&[&str], &[&str])] = &[
    (&["print", "!"], &["cli", "main"]),
    (&["println", "!"], &["cli", "main"]),
    (&["eprint", "!"], &["cli", "main"]),
    (&["eprintln", "!"], &["cli", "main"]),
    (&["stdin", "("], &["cli", "main"]),
    (&["stdout", "("], &["cli", "main"]),
    (&["stderr", "("], &["cli", "main"]),
    (&["process", "::", "exit"], &["cli", "main"]),
    (&["process", "::", "abort"], &["cli", "main"]),
    (&["std", "::", "env"], &["cli", "main"]),
    (&["env", "::"], &["cli", "main"]),
    (&["SystemTime"], &["world"]),
    (&["Instant", "::"], &["world"]),
    (&["Timestamp", "::", "now"], &["world"]),
    (&["Zoned", "::", "now"], &["world"]),
    (&["getrandom"], &["world"]),
    (&["OsRng"], &["world"]),
    (&["thread", "::", "sleep"], &["world"]),
];

#[test]
fn every_module_keeps_to_its_floor() {
    let sources = sources("src");
    assert!(sources.len() > 10, "the source was not found");
    let complaints: Vec<String> = sources.iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The table itself keeps what it is for.
#[test]
fn the_table_has_no_circles_and_no_door_uses_a_door() {
    let place: BTreeMap<&str, usize> = ALLOWED.iter().enumerate().map(|(at, (module, _))| (*module, at)).collect();
    let doors = ["database", "ledger", "library", "bundle", "exchange"];
    for (module, allowed) in ALLOWED {
        for used in *allowed {
            assert!(place[used] < place[module], "{module} uses {used}, which stands below it in the table");
            assert!(!(doors.contains(module) && doors.contains(used)), "{module} uses {used}, both doors");
        }
    }
}

/// What a file does that its module may not.
fn complaints(source: &Source) -> Vec<String> {
    let path: Vec<&str> = source.path.iter().map(|part| part.trim_end_matches(".rs")).skip(1).collect();
    // `tests.rs`, `tests/…` and `…_tests.rs` are compiled for tests only.
    let only_tests = path.contains(&"tests") || path.last().is_some_and(|file| file.ends_with("_tests"));
    if only_tests || path == ["lib"] {
        return Vec::new();
    }
    let module = path[0];
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{}: module `{module}` has no floor: put it into the table", source.name())];
    };
    let code = without_tests(&tokens(&source.text));
    let at = |token: &Token| format!("{}:{}", source.name(), token.line);
    let mut found = Vec::new();
    for (index, token) in code.iter().enumerate() {
        for used in roots_used(&code, index, depth(&path), module) {
            if used != module && !allowed.contains(&used.as_str()) {
                found.push(format!("{}: `{module}` may not use `{used}`", at(token)));
            }
        }
        // A method of that name is something else's: `.stdout(…)` of a program that is started, say.
        let is_method = index > 0 && code[index - 1].text == ".";
        for (words, may) in EFFECTS {
            if !is_method && matches(&code, index, words) && !may.contains(&module) {
                found.push(format!("{}: `{}` is only for {}", at(token), words.concat(), may.join(" and ")));
            }
        }
    }
    found
}

/// How many `super::` lead from a file to the root of the crate.
fn depth(path: &[&str]) -> usize {
    if path.last() == Some(&"mod") { path.len() - 1 } else { path.len() }
}

/// The modules at the root of the crate that a path starting at `index` names; none where no such path starts there.
fn roots_used(code: &[Token], index: usize, depth: usize, module: &str) -> Vec<String> {
    let before = index.checked_sub(1).map_or("", |before| code[before].text.as_str());
    let first = code[index].text.as_str();
    if before == "::" || !matches(code, index + 1, &["::"]) {
        return Vec::new();
    }
    if first == "crate" || first == "fieldpost" && module == "main" {
        return heads(code, index + 2);
    }
    let supers = (0..).take_while(|n| matches(code, index + 2 * n, &["super", "::"])).count();
    if supers < depth || supers == 0 {
        return Vec::new();
    }
    // In a module inside a file one more `super` is usual: only names of the table count then.
    heads(code, index + 2 * supers).into_iter().filter(|name| ALLOWED.iter().any(|(known, _)| known == name)).collect()
}

/// The first names of a path or of a group of paths in braces.
fn heads(code: &[Token], at: usize) -> Vec<String> {
    if !matches(code, at, &["{"]) {
        return code.get(at).map(|token| token.text.clone()).into_iter().collect();
    }
    let (mut found, mut depth) = (Vec::new(), 0);
    for (index, token) in code.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            word if depth == 1 && matches!(code[index - 1].text.as_str(), "{" | ",") => found.push(word.to_owned()),
            _ => {}
        }
    }
    found
}

fn complaints_about(path: &str, text: &str) -> Vec<String> {
    let path = format!("src/{path}").split('/').map(str::to_owned).collect();
    complaints(&Source { path, text: text.into() })
}

#[test]
fn the_check_sees_every_way_to_break_a_floor() {
    for (path, bad) in [
        ("exchange/folder.rs", "use crate::packet::Packet;"),
        ("exchange/folder.rs", "fn f() { crate::ledger::open() }"),
        ("exchange/folder.rs", "use crate::{model::{Key, Row}, world, site::Home};"),
        ("exchange/mod.rs", "use super::database::Key;"),
        ("exchange/folder.rs", "use super::super::database;"),
        ("exchange/folder.rs", "use crate::Something;"),
        ("exchange/folder.rs", "use crate::*;"),
        ("rules/mod.rs", "use crate::world::World;"),
        ("model/key.rs", "#[cfg(unix)]\nfn f() { println!(\"x\") }"),
        ("sync/round.rs", "fn f() { std::process::exit(1) }"),
        ("sync/round.rs", "use std::env;"),
        ("sync/round.rs", "use std::{env, fs}; fn f() { env::var(\"X\") }"),
        ("ledger/mod.rs", "use std::time::SystemTime;"),
        ("cli/mod.rs", "let t = Instant::now();"),
        ("cli/mod.rs", "std::thread::sleep(x)"),
        ("keys/mod.rs", "getrandom::fill(&mut x)"),
        ("exchange/command.rs", "fn f() { std::io::stdout().write(x) }"),
        ("exchange/command.rs", "use std::io::stdin; fn f() { stdin().read(x) }"),
        ("main.rs", "fn main() { fieldpost::sync::round() }"),
        ("attic/mod.rs", "//! nothing"),
        ("sync/round.rs", "#[cfg(test)]\nmod tests { fn f() { let a = '}'; } }\nfn f() { print!(\"x\") }"),
    ] {
        assert_eq!(complaints_about(path, bad).len(), 1, "{path}: {bad}: {:?}", complaints_about(path, bad));
    }
}

#[test]
fn the_check_lets_good_code_pass() {
    for (path, good) in [
        ("exchange/folder.rs", "use crate::world::World;\nuse crate::exchange::Entry;\nuse super::name;\nuse crate::{model::Key, world};"),
        ("exchange/folder.rs", "//! [`crate::packet`] and println!\n/* std::env /* crate::sync */ std::env */ fn f() {}"),
        (
            "exchange/folder.rs",
            r####"const A: &str = "crate::packet \" println!"; const B: &str = r#"crate::"sync"#; fn r#type<'a>() {}"####,
        ),
        ("exchange/folder.rs", "#[cfg(test)]\nmod tests { use crate::sync; fn f() { println!(\"}\"); } }"),
        ("exchange/command.rs", "fn f() { command.stdin(x).stdout(y).stderr(z) }"),
        ("exchange/tests.rs", "use crate::sync; fn f() { println!() }"),
        ("sync/round.rs", "mod inner { use super::super::plan; } const V: &str = env!(\"CARGO_PKG_VERSION\");"),
        ("world/clock.rs", "SystemTime::now()"),
        ("cli/mod.rs", "use crate::sync; fn f() { println!(); std::process::exit(1) }"),
        ("main.rs", "fn main() { fieldpost::cli::run() }"),
        ("lib.rs", "pub mod attic;"),
    ] {
        assert!(complaints_about(path, good).is_empty(), "{path}: {:?}", complaints_about(path, good));
    }
}

/// A complaint names the line, also behind text that spans lines.
#[test]
fn a_complaint_names_file_and_line() {
    let text = "//! x\n/* a\nb */\nconst A: &str = \"a\nb\";\nuse crate::packet;";
    assert_eq!(complaints_about("exchange/folder.rs", text), ["src/exchange/folder.rs:6: `exchange` may not use `packet`"]);
}
