//! The command that makes a run again, as a shell takes it.

use crate::settings::{Origin, Settings, Takes};

/// Settings that change no result: they are left out.
const WITHOUT_EFFECT: [&str; 7] = ["output", "batch", "threads", "memory-limit", "resume", "force", "ort-library"];

/// `napscope VERB MODEL --setting value …` with everything that was set, wherever it came from.
pub fn command(verb: &str, settings: &Settings, example: Option<&str>) -> String {
    let mut words = vec!["napscope".to_owned(), verb.to_owned()];
    words.extend(example.map(str::to_owned));
    if let Some(model) = settings.text("model").filter(|_| example.is_none()) {
        words.push(quote(model));
    }
    for (setting, given) in settings.all() {
        let Some(given) = given.filter(|given| given.origin != Origin::Default) else { continue };
        if WITHOUT_EFFECT.contains(&setting.name) || setting.name == "model" {
            continue;
        }
        match setting.takes {
            Takes::Switch if settings.on(setting.name) => words.push(format!("--{}", setting.name)),
            Takes::Switch => {}
            _ => words.extend(given.texts.iter().map(|text| format!("--{} {}", setting.name, quote(text)))),
        }
    }
    words.join(" ")
}

/// Quotes a word for a POSIX shell where it needs that.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        for (word, expected) in [("a/b.npz", "a/b.npz"), ("layer1*", "'layer1*'"), ("it's", r"'it'\''s'"), ("", "''")] {
            assert_eq!(quote(word), expected);
        }
    }

    #[test]
    fn only_what_was_set_and_matters_is_told() {
        let flags = [("model", "m.onnx"), ("layer", "conv *"), ("threads", "2"), ("allow-single-cluster", "true")];
        let flags: BTreeMap<_, _> = flags.into_iter().map(|(name, text)| (name, vec![text.to_owned()])).collect();
        let settings = Settings::resolve(flags, None).expect("flags alone");
        let expected = "napscope analyze m.onnx --layer 'conv *' --allow-single-cluster";
        assert_eq!(command("analyze", &settings, None), expected);
    }
}
