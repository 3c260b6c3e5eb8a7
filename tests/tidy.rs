//! Holds the small things: every file says what it is for, none is too long, nothing is left unfinished, and the number of
//! crates we stand on does not creep up unseen.

mod source;

use source::{Source, matches, sources, tokens};

/// Past this a file wants a split: said, not failed.
const LONG_FILE_LINES: usize = 600;
/// Past this it gets one.
const LONGEST_FILE_LINES: usize = 700;

/// Packages in Cargo.lock, ourselves included, those of other operating systems too: 389 with FTP, WebDAV and S3 (283 before: TLS and
/// HTTP make the difference; SFTP costs none), 400 with chunks, zstd, patterns and CSV for documents and bundles, and room for 10. Raise it in the commit that adds the dependency, with the reason.
const MOST_CRATES: usize = 410;

/// What stands for work that is not done.
const UNFINISHED: &[&[&str]] = &[&["todo", "!"], &["unimplemented", "!"], &["dbg", "!"], &["#", "[", "ignore"]];

#[test]
fn every_source_file_is_tidy() {
    let mut all = sources("src");
    assert!(all.len() > 10, "the source was not found");
    all.extend(sources("tests"));
    for folder in ["benches", "examples"] {
        if std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).is_dir() {
            all.extend(sources(folder));
        }
    }
    for source in &all {
        let lines = source.text.lines().count();
        if lines > LONG_FILE_LINES {
            println!("{} has {lines} lines and wants a split", source.name());
        }
    }
    let complaints: Vec<String> = all.iter().flat_map(complaints).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_number_of_crates_stays_under_its_ceiling() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let crates = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(crates > 1, "the lock file was not understood");
    assert!(crates <= MOST_CRATES, "{crates} crates, the ceiling is {MOST_CRATES}: is the new one worth it?");
}

fn complaints(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let name = source.name();
    if !source.text.starts_with("//! ") {
        found.push(format!("{name}: does not start by saying what it is for (`//! …`)"));
    }
    if source.text.lines().count() > LONGEST_FILE_LINES {
        found.push(format!("{name}: more than {LONGEST_FILE_LINES} lines"));
    }
    for (number, line) in source.text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(format!("{name}:{}: ends in white space", number + 1));
        }
    }
    let code = tokens(&source.text);
    for at in 0..code.len() {
        for words in UNFINISHED.iter().filter(|words| matches(&code, at, words)) {
            // `.ci/run` runs these; everywhere else an ignored test is one that nobody hears of.
            if words.contains(&"ignore") && source.path.iter().any(|part| part == "interop") {
                continue;
            }
            found.push(format!("{name}:{}: `{}`", code[at].line, words.concat()));
        }
    }
    found
}

#[test]
fn the_check_sees_untidy_files() {
    let untidy = |text: &str| complaints(&Source { path: vec!["src".into(), "x.rs".into()], text: text.into() });
    assert_eq!(untidy("//! Fine.\nfn f() { let x = \"todo!\"; } // todo!\n"), [""; 0]);
    for bad in [
        "fn f() {}\n",
        "//! x\nfn f() { todo!() }\n",
        "//! x\nfn f() { unimplemented!() }\n",
        "//! x\nfn f() { dbg!(1) }\n",
        "//! x\n#[ignore = \"slow\"]\nfn f() {}\n",
        "//! x \n",
        "//! x\n\n\t\n",
        "//! x\r\n",
        &"//! x\n".repeat(LONGEST_FILE_LINES + 1),
    ] {
        assert_eq!(untidy(bad).len(), 1, "{:?}", bad.get(..40));
    }
    assert!(untidy(&"//! x\n".repeat(LONGEST_FILE_LINES)).is_empty());
}
