//! How two JSON texts differ, in words.

/// The first values in which two JSON texts differ, by name.
pub(super) fn difference(found: &str, wanted: &str) -> Option<String> {
    let mut values = Vec::new();
    for text in [found, wanted] {
        let mut flat = Vec::new();
        flatten("", &serde_json::from_str(text).ok()?, &mut flat);
        values.push(flat);
    }
    let [found, wanted] = values.as_slice() else { return None };
    let value = |of: &[(String, String)], name: &str| {
        of.iter().find(|other| other.0 == name).map_or("nothing".to_owned(), |other| other.1.clone())
    };
    let names = wanted.iter().chain(found).map(|(name, _)| name.as_str());
    let mut told: Vec<String> = Vec::new();
    for name in names.filter(|name| value(found, name) != value(wanted, name)) {
        let line = format!("its {name} is {}, not {}", value(found, name), value(wanted, name));
        if told.len() < 3 && !told.contains(&line) {
            told.push(line);
        }
    }
    (!told.is_empty()).then(|| told.join("; "))
}

fn flatten(name: &str, value: &serde_json::Value, flat: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => object.iter().for_each(|(key, value)| flatten(key, value, flat)),
        serde_json::Value::String(text) => flat.push((name.to_owned(), text.clone())),
        other => flat.push((name.to_owned(), other.to_string())),
    }
}
