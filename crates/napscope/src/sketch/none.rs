//! No sketch at all: every position of every map is a column (NAP's "none"). The layer's shape is kept, and its size.

use super::{ChannelRanges, FittedSketch, Sketch, map};
use crate::activations::{Activations, MapShape};
use crate::error::Result;
use crate::features::{Column, Statistic};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Sketch> = Entry {
    name: "none",
    summary: "every position of every channel, unreduced: where a feature is, too",
    options: &[],
    build: |_| Ok(Box::new(None)),
};

struct None;

impl Sketch for None {
    fn name(&self) -> &'static str {
        "none"
    }

    fn fit(&self, shape: MapShape, _ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let columns = map::columns(shape, shape.positions(), |_| {
            Ok((0..shape.positions()).map(|position| Statistic::Value {
                y: (position / shape.width) as u32,
                x: (position % shape.width) as u32,
            }))
        })?;
        Ok(Box::new(FittedNone { columns }))
    }
}

struct FittedNone {
    columns: Vec<Column>,
}

impl FittedSketch for FittedNone {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        assert_eq!(rows.len(), batch.samples() * self.columns.len(), "rows: [samples, columns]");
        for (sample, row) in rows.chunks_exact_mut(self.columns.len()).enumerate() {
            row.copy_from_slice(batch.sample(sample));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_name_the_positions_in_the_order_of_the_values() {
        let shape = MapShape { channels: 2, height: 2, width: 3 };
        let values: Vec<f32> = (0..12).map(|index| index as f32).collect();
        let sketch = None.fit(shape, Option::None).expect("twelve columns");
        let mut row = [0.0; 12];
        sketch.sketch(&Activations::new(&values, shape).expect("one sample"), &mut row);
        for (column, value) in sketch.columns().iter().zip(row) {
            let Statistic::Value { y, x } = column.statistic else { panic!("{column:?} is no position") };
            assert_eq!((column.channel * 6 + y * 3 + x) as f32, value, "{column:?}");
        }
    }
}
