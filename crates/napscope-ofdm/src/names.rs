//! Names that were meant: the known ones nearest to one that was misspelt.

/// The names of `known` within a third of their letters of `name` (one edit at least), nearest first, three at most.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let name = plain(name);
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|known| (distance(&name, &plain(known)), *known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(3).map(|(_, known)| known).collect()
}

/// A name without what does not matter in it: case, hyphens, underscores and spaces.
pub(crate) fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', ' '], "")
}

/// Letters to insert, delete, replace, or swap with their neighbour to get from `a` to `b` (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let edited = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swaps = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swaps { edited.min(rows[i - 2][j - 2] + 1) } else { edited }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_recognised() {
        let known = ["snr_db", "num_prb", "delay_spread_secs", "tdl-c", "tdl-d", "awgn"];
        for (name, expected) in [
            ("snrdb", vec!["snr_db"]),
            ("NumPrbs", vec!["num_prb"]),
            ("delay-sperad-secs", vec!["delay_spread_secs"]),
            ("tdl-x", vec!["tdl-c", "tdl-d"]),
            ("agwn", vec!["awgn"]),
            ("speed", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }
}
