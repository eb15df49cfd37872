//! Names people type: the nearest known ones to a misspelt one.

/// Up to three of `known` that are near to `name`: one contains the other, or few letters differ. Nearest first.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut ranked: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = edit_distance(&lower, &other);
            let contained = lower.len() >= 3 && (other.contains(&lower) || lower.contains(&other) && other.len() >= 3);
            let near = distance <= 1 + lower.chars().count() / 4;
            (near || contained).then_some((distance, *candidate))
        })
        .collect();
    ranked.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(b.1)));
    ranked.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// "`a`, `b` or `c`".
pub(crate) fn or_list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// Levenshtein's distance: how many letters must be put in, taken out or changed.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_letters() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(edit_distance(a, b), expected, "from {a:?} to {b:?}");
        }
    }

    #[test]
    fn nearest_finds_slips_and_parts_but_not_strangers() {
        let known = ["layer1.0.relu", "layer1.1.relu", "fc"];
        assert_eq!(nearest("layer1.0.rely", &known), ["layer1.0.relu", "layer1.1.relu"]);
        assert_eq!(nearest("relu", &known), ["layer1.0.relu", "layer1.1.relu"]);
        assert!(nearest("quantum", &known).is_empty());
    }
}
