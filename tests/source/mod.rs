//! Reads our own source text for the tests about it: which files there are, and their code as tokens.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};

/// One file below the project's folder.
pub struct Source {
    /// Parts of its path from the project's folder on: `src`, `exchange`, `mod.rs`.
    pub path: Vec<String>,
    pub text: String,
}

impl Source {
    pub fn name(&self) -> String {
        self.path.join("/")
    }
}

/// A piece of code: a word, a number, `::`, or one other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// More folders inside one another than this would be a loop.
const DEEPEST: usize = 8;

/// All `.rs` files below `folder` of the project, sorted by path.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &[folder.into()], &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, path: &[String], found: &mut Vec<Source>) {
    assert!(path.len() < DEEPEST, "{path:?} is too deep");
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry: PathBuf = entry.unwrap().path();
        let mut path = path.to_vec();
        path.push(entry.file_name().unwrap().to_str().unwrap().to_owned());
        if entry.is_dir() {
            collect(&entry, &path, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(Source { path, text: std::fs::read_to_string(&entry).unwrap() });
        }
    }
}

/// The code of a file: no comments, no contents of strings.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = end_of(&chars, at);
        let piece: String = chars[at..end].iter().collect();
        let first = chars[at];
        let skipped = first.is_whitespace() || piece.starts_with("//") || piece.starts_with("/*") || is_quoted(&piece);
        if !skipped {
            found.push(Token { line, text: piece.clone() });
        }
        line += piece.matches('\n').count();
        at = end;
    }
    found
}

/// Ends with a quote that it also starts with, perhaps after `r`, `b`, `c` and `#`.
fn is_quoted(piece: &str) -> bool {
    let body = piece.trim_start_matches(['r', 'b', 'c']).trim_start_matches('#');
    body.starts_with('"') || body.starts_with('\'') && body.len() > 2 && body.ends_with('\'')
}

/// Where the piece that starts at `at` ends.
fn end_of(chars: &[char], at: usize) -> usize {
    let get = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let upto = |from: usize, end: &dyn Fn(usize) -> bool| (from..chars.len()).find(|index| end(*index)).unwrap_or(chars.len());
    match (get(at), get(at + 1)) {
        ('/', '/') => upto(at, &|index| get(index) == '\n'),
        ('/', '*') => end_of_comment(chars, at),
        ('"', _) => end_of_string(chars, at + 1),
        ('b' | 'c', '"') => end_of_string(chars, at + 2),
        ('\'', '\\') => upto(at + 3, &|index| get(index) == '\'') + 1,
        ('\'', _) if get(at + 2) == '\'' => at + 3,
        ('b', '\'') => end_of(chars, at + 1),
        ('r', '"' | '#') | ('b' | 'c', 'r') => end_of_raw(chars, at).unwrap_or_else(|| end_of_word(chars, at)),
        (':', ':') => at + 2,
        (first, _) if first.is_alphanumeric() || first == '_' => end_of_word(chars, at),
        _ => at + 1,
    }
}

fn end_of_word(chars: &[char], at: usize) -> usize {
    let length = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
    at + length.max(1)
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Comments nest.
fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at < chars.len() && depth > 0 {
        let change = match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => 1,
            ('*', Some('/')) => -1,
            _ => 0,
        };
        depth += change;
        at += if change == 0 { 1 } else { 2 };
    }
    at
}

/// `None` where it is no raw string: a word that starts with r, or `r#type`.
fn end_of_raw(chars: &[char], at: usize) -> Option<usize> {
    let letters = chars[at..].iter().take_while(|c| "rbc".contains(**c)).count();
    let marks = chars[at + letters..].iter().take_while(|c| **c == '#').count();
    let open = at + letters + marks;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |index: usize| chars[index] == '"' && chars[index + 1..].iter().take_while(|c| **c == '#').count() >= marks;
    Some((open + 1..chars.len()).find(|index| closes(*index)).map_or(chars.len(), |index| index + 1 + marks))
}

/// The same without what is only compiled for tests: each `#[cfg(test)]` or `#[cfg(all(test, …))]` and the item behind it.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let starts = |words: &[&str]| matches(tokens, at, words);
        if starts(&["#", "[", "cfg", "(", "test", ")"]) || starts(&["#", "[", "cfg", "(", "all", "(", "test"]) {
            at = end_of_item(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// An item ends at its first `;` or after its first block, brackets aside.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Whether `words` stand at `at`.
pub fn matches(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    tokens.len() >= at + words.len() && tokens[at..].iter().zip(words).all(|(token, word)| token.text == *word)
}
