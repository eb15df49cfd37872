//! The tables that people open elsewhere: one row a sample (and layer), as Parquet, CSV or JSON.

use crate::data::{Column, ColumnValues};
use crate::facts::hex;
use crate::files::table;
use crate::page::{PageColumn, PageValues};
use crate::patterns::LayerPatterns;
use crate::question::Question;
use napscope::activations::ActivationSource;
use napscope::cluster::{ClusterId, Clustering};
use napscope::neighbors::NeighborSearch;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// More words than this are no classes to colour by.
const MOST_CLASSES: usize = 200;

/// The columns of a clustering: `label` (-1 is noise), `membership`, `outlier_score`.
pub fn clustering_columns(clustering: &Clustering) -> Vec<Column> {
    let label = |label: &Option<ClusterId>| Some(label.map_or(-1, |ClusterId(id)| i64::from(id)));
    let real = |values: &[f64]| ColumnValues::Float(values.iter().map(|value| Some(*value)).collect());
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    vec![
        column("label", ColumnValues::Int(clustering.labels.iter().map(label).collect())),
        column("membership", real(&clustering.membership)),
        column("outlier_score", real(&clustering.outlier_score)),
    ]
}

/// The column `neighbors`, which says of every sample how neighbors were found; only where they are not exact.
pub fn neighbors_column(search: NeighborSearch, samples: usize) -> Option<Column> {
    let text = Some(Arc::<str>::from(search.to_string()));
    let values = ColumnValues::Text(vec![text; samples]);
    (search != NeighborSearch::Exact).then(|| Column { name: "neighbors".into(), values })
}

/// Writes `samples.parquet`: layer by layer a row a sample, with the columns of the data besides. A column of the data that
/// bears one of napscope's names is written as `data.NAME`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_samples(path: &Path, question: &Question, found: &[LayerPatterns]) -> anyhow::Result<()> {
    let samples = question.source.samples();
    let times = found.len();
    let every = |make: &dyn Fn(&LayerPatterns) -> Vec<Column>, at: usize| -> Column {
        let parts: Vec<Column> = found.iter().map(|layer| make(layer).swap_remove(at)).collect();
        concatenate(parts)
    };
    let layer_name = |layer: &LayerPatterns| Arc::<str>::from(layer.report.summary.name.as_str());
    let layers = found.iter().flat_map(|layer| std::iter::repeat_n(Some(layer_name(layer)), samples)).collect();
    let numbers = (0..times).flat_map(|_| (0..samples).map(|sample| Some(sample as i64))).collect();
    let clusters = |layer: &LayerPatterns| clustering_columns(&layer.clustering);
    let mut columns = vec![
        Column { name: "layer".into(), values: ColumnValues::Text(layers) },
        Column { name: "sample".into(), values: ColumnValues::Int(numbers) },
        Column { name: "cluster".into(), ..every(&clusters, 0) },
        every(&clusters, 1),
        every(&clusters, 2),
    ];
    let repeated: Vec<usize> = (0..times).flat_map(|_| 0..samples).collect();
    columns = beside(columns, question.columns.iter().map(|column| column.select(&repeated)));
    Ok(table::write(path, &columns)?)
}

/// Puts the columns of the data beside napscope's own; one that bears the name of one of ours is called `data.NAME`.
pub fn beside(mut ours: Vec<Column>, of_data: impl IntoIterator<Item = Column>) -> Vec<Column> {
    for column in of_data {
        let taken = ours.iter().any(|other| other.name == column.name);
        let name = if taken { format!("data.{}", column.name) } else { column.name };
        ours.push(Column { name, values: column.values });
    }
    ours
}

/// Puts columns of one kind behind each other; those of napscope's own names always are of one kind.
fn concatenate(parts: Vec<Column>) -> Column {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or(Column { name: String::new(), values: ColumnValues::Int(Vec::new()) });
    for part in parts {
        match (&mut whole.values, part.values) {
            (ColumnValues::Int(all), ColumnValues::Int(more)) => all.extend(more),
            (ColumnValues::Float(all), ColumnValues::Float(more)) => all.extend(more),
            _ => {}
        }
    }
    whole
}

/// SHA-256 over a column's name and values.
pub fn fingerprint(column: &Column) -> String {
    let mut hash = Sha256::new();
    hash.update(column.name.as_bytes());
    for sample in 0..column.len() {
        // A separator that no text can end with keeps neighbours apart.
        hash.update(column.text(sample).as_deref().unwrap_or("\u{0}").as_bytes());
        hash.update([0xff]);
    }
    hex(&hash.finalize())
}

/// A column for colouring the drawn samples; `None` for texts that are no classes (ids, file names).
pub fn page_column(column: &Column, drawn: &[usize]) -> Option<PageColumn> {
    let words = || drawn.iter().map(|&sample| column.text(sample).map(Into::into)).collect::<Vec<Option<String>>>();
    let mut distinct = words();
    distinct.sort();
    distinct.dedup();
    let classes = distinct.len() <= MOST_CLASSES;
    let whole = matches!(column.values, ColumnValues::Int(_) | ColumnValues::Bool(_));
    let values = if column.is_numeric() && !(whole && distinct.len() <= 20) {
        PageValues::Number(
            drawn.iter().map(|&sample| column.number(sample).filter(|value| value.is_finite())).collect(),
        )
    } else if classes {
        PageValues::Category(words())
    } else {
        return None;
    };
    Some(PageColumn { name: column.name.clone(), values })
}
