//! Which words is a piece of SQL made of? As far as texts are taken apart or compared; what they mean SQLite says.

/// A piece of SQL that is neither blank nor comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub text: &'t str,
    pub start: usize,
}

impl Token<'_> {
    /// Where it ends in the text.
    pub const fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword. A name in quotes is none.
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// Whether two texts differ at most in blanks, comments and the quotes around names.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    words(a) == words(b)
}

/// What of a text counts when it is compared: no blanks, comments or quotes around names.
pub(super) fn words(sql: &str) -> Vec<String> {
    // A text in single quotes is a value, and its blanks count.
    let word = |token: &Token<'_>| if token.text.starts_with('\'') { token.text.to_owned() } else { bare(token.text) };
    tokens(sql).iter().map(word).collect()
}

/// A name without its quotes.
pub(super) fn bare(name: &str) -> String {
    let inner = || &name[1..name.len() - 1];
    match name.as_bytes().first() {
        Some(b'"') => inner().replace("\"\"", "\""),
        Some(b'`') => inner().replace("``", "`"),
        Some(b'\'') => inner().replace("''", "'"),
        Some(b'[') => inner().to_owned(),
        Some(_) | None => name.to_owned(),
    }
}

/// Its words in order, without blanks and comments.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let until = |close: &str, from: usize| rest[from..].find(close).map_or(rest.len(), |found| from + found + close.len());
        let length = match c {
            _ if rest.starts_with("--") => until("\n", 2),
            _ if rest.starts_with("/*") => until("*/", 2),
            '"' | '\'' | '`' => quoted(rest, c),
            '[' => until("]", 1),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let comment = rest.starts_with("--") || rest.starts_with("/*");
        if !c.is_whitespace() && !comment {
            tokens.push(Token { text: &rest[..length], start: at });
        }
        at += length;
    }
    tokens
}

/// Length of a quoted text; a doubled quote belongs to it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_quotes() {
        assert_eq!(["a", "\"a\"\"b\"", "`a``b`", "[a b]", "'a''b'"].map(bare), ["a", "a\"b", "a`b", "a b", "a'b"]);
    }

    #[test]
    fn texts_are_the_same_whatever_stands_around_their_names() {
        assert!(same_text("CREATE TABLE a (b TEXT)", "CREATE TABLE \"a\"( [b]\n  TEXT -- why\n)"));
        assert!(!same_text("CREATE TABLE a (b TEXT)", "CREATE TABLE a (b TEXT, c)"));
        assert!(!same_text("CREATE TABLE a (b DEFAULT 'x')", "CREATE TABLE a (b DEFAULT x)"));
        assert!(!same_text("CREATE TABLE a (b DEFAULT 'x y')", "CREATE TABLE a (b DEFAULT 'x  y')"));
    }
}
