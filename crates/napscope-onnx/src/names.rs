//! The names under which people know a network's values: the modules of their own code where the exporter left a trace,
//! the exporter's names everywhere.

use crate::graph::{Computed, modules};
use crate::proto::GraphProto;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What one value may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The name it is listed under; no two values share one.
    pub(crate) name: String,
    /// Other names of it: the modules whose output it is, and the exporter's name.
    pub(crate) aliases: Vec<String>,
}

/// Names `values`, which stand in the order of the graph.
///
/// A module's path (`layer1.1.bn1`) is the name of the module's output: of the last value computed in it or in a module
/// inside of it. Other values of a module are called `path/Operator`, and those of no module as the exporter calls them.
pub(crate) fn name_values(graph: &GraphProto, values: &[Computed<'_>]) -> Vec<Names> {
    let paths: Vec<Vec<String>> = values.iter().map(|value| modules(&graph.node[value.node])).collect();
    let mut output_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, path) in paths.iter().enumerate() {
        for module in path {
            output_of.insert(module, index);
        }
    }
    let mut taken: HashSet<String> = values.iter().map(|value| value.tensor.to_owned()).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut named = Vec::with_capacity(values.len());
    for (index, (value, path)) in values.iter().zip(&paths).enumerate() {
        let outputs = path.iter().rev().filter(|module| output_of[module.as_str()] == index);
        let mut names: Vec<String> = outputs.cloned().collect();
        if let (Some(module), true) = (path.last(), names.is_empty()) {
            let plain = format!("{module}/{}", graph.node[value.node].op_type);
            let count = counts.entry(plain.clone()).or_default();
            *count += 1;
            names.push(if *count == 1 { plain } else { format!("{plain}_{count}") });
        }
        // A module may bear the name that the exporter gave to another value: the exporter's names come first.
        names.retain(|name| name == value.tensor || !taken.contains(name));
        taken.extend(names.iter().cloned());
        if !names.iter().any(|name| name == value.tensor) {
            names.push(value.tensor.to_owned());
        }
        let name = names.remove(0);
        named.push(Names { name, aliases: names });
    }
    named
}

/// True where `name` fits `pattern`, in which `*` stands for any letters and `?` for one.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&letter) if letter == '?' || letter == name[n] => (p, n) = (p + 1, n + 1),
            // The last star takes one letter more.
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&letter| letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{NodeProto, StringStringEntryProto};

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("layer1.*", "layer1.0.relu", true),
            ("layer1.*", "layer10.0", false),
            ("layer?.1.relu", "layer2.1.relu", true),
            ("*relu", "layer1.0.relu", true),
            ("*.conv*.", "a.conv1.b", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "abab", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("conv", "conv1", false),
            ("[a]", "[a]", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "`{pattern}` for `{name}`");
        }
    }

    /// The names of nodes given as (operator, scopes of torch.export, output).
    fn named(nodes: &[(&str, &str, &str)]) -> Vec<Names> {
        let node = |&(op, scopes, output): &(&str, &str, &str)| NodeProto {
            op_type: op.into(),
            output: vec![output.into()],
            metadata_props: vec![StringStringEntryProto {
                key: "pkg.torch.onnx.name_scopes".into(),
                value: scopes.into(),
            }],
            ..NodeProto::default()
        };
        let graph = GraphProto { node: nodes.iter().map(node).collect(), ..GraphProto::default() };
        let values: Vec<Computed<'_>> =
            nodes.iter().enumerate().map(|(index, node)| Computed { tensor: node.2, node: index }).collect();
        name_values(&graph, &values)
    }

    #[test]
    fn a_module_is_the_name_of_its_output() {
        let names = named(&[
            ("Conv", "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'c']", "getitem"),
            ("Relu", "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'r']", "relu"),
            ("MatMul", "['', 'layer1', 'layer1.0', 'layer1.0.fc', 'l']", "val_1"),
            ("Add", "['', 'layer1', 'layer1.0', 'layer1.0.fc', 'l']", "linear"),
            ("Add", "['', 'layer1', 'layer1.0', 'add']", "add"),
            ("Add", "['', 'layer1', 'layer1.0', 'add_1']", "add_1"),
            ("Relu", "['', 'layer1', 'layer1.0', 'layer1.0.relu', 'r_1']", "relu_1"),
            ("Flatten", "['', 'flatten']", "flatten"),
            ("Gemm", "['', 'fc', 'linear']", "out"),
        ]);
        let listed: Vec<&str> = names.iter().map(|names| names.name.as_str()).collect();
        let expected = [
            "layer1.0.conv1",
            "layer1.0.relu/Relu",
            "layer1.0.fc/MatMul",
            "layer1.0.fc",
            "layer1.0/Add",
            "layer1.0/Add_2",
            "layer1.0.relu",
            "flatten",
            "fc",
        ];
        assert_eq!(listed, expected);
        assert_eq!(names[6].aliases, ["layer1.0", "layer1", "relu_1"]);
        assert!(names[7].aliases.is_empty(), "the exporter's own name is no alias of itself");
    }

    #[test]
    fn no_name_stands_for_two_values() {
        let names = named(&[
            ("Conv", "['', 'relu', 'c']", "conv"),
            ("Relu", "['', 'act', 'r']", "relu"),
            ("Relu", "['', 'act', 'r']", "relu_1"),
        ]);
        let mut all: Vec<&String> = names.iter().flat_map(|names| names.aliases.iter().chain([&names.name])).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{names:?}");
        assert_eq!(names[0].name, "conv", "a module called as another value is: the value keeps its name");
    }
}
