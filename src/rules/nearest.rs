//! Which known word did somebody mean who typed an unknown one?

/// The known word that takes the fewest single-letter edits, where that is few enough to be a slip.
#[must_use]
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let most = (typed.chars().count() / 3).max(1);
    let scored = known.into_iter().map(|word| (edits(&typed.to_lowercase(), &word.to_lowercase()), word));
    scored.filter(|(edits, _)| *edits <= most).min().map(|(_, word)| word)
}

/// Letters to insert, delete, change or swap with a neighbour until `a` is `b` (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["name", "database", "exchange"];
        assert_eq!(nearest("databse", known), Some("database"));
        assert_eq!(nearest("Exchnage", known), Some("exchange"));
        assert_eq!(nearest("naem", known), Some("name"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
