//! Several sketches of one layer at once, so that the network runs once for all of them.

use napscope::Result;
use napscope::activations::{Activations, MapShape};
use napscope::features::Column;
use napscope::sketch::{ChannelRanges, FittedSketch, Sketch};
use std::ops::Range;

/// The sketches of a sweep: a row holds all columns of the first, then all of the second, …
pub struct Together(pub Vec<Box<dyn Sketch>>);

struct FittedTogether {
    parts: Vec<Box<dyn FittedSketch>>,
    columns: Vec<Column>,
}

impl Together {
    /// The columns of each sketch for a layer of this shape.
    ///
    /// # Errors
    /// The sketches'.
    pub fn parts(&self, shape: MapShape) -> Result<Vec<Range<usize>>> {
        let ranges = crate::recipe::made_up_ranges(shape)?;
        let mut end = 0;
        let mut parts = Vec::with_capacity(self.0.len());
        for sketch in &self.0 {
            let start = end;
            end += sketch.fit(shape, Some(&ranges))?.columns().len();
            parts.push(start..end);
        }
        Ok(parts)
    }
}

impl Sketch for Together {
    fn name(&self) -> &'static str {
        "together"
    }

    fn needs_ranges(&self) -> bool {
        self.0.iter().any(|sketch| sketch.needs_ranges())
    }

    fn fit(&self, shape: MapShape, ranges: Option<&ChannelRanges>) -> Result<Box<dyn FittedSketch>> {
        let parts = self.0.iter().map(|sketch| sketch.fit(shape, ranges)).collect::<Result<Vec<_>>>()?;
        let columns = parts.iter().flat_map(|part| part.columns()).copied().collect();
        Ok(Box::new(FittedTogether { parts, columns }))
    }
}

impl FittedSketch for FittedTogether {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn sketch(&self, batch: &Activations<'_>, rows: &mut [f32]) {
        let mut start = 0;
        for part in &self.parts {
            let width = part.columns().len();
            let mut own = vec![0.0; batch.samples() * width];
            part.sketch(batch, &mut own);
            for (row, own) in rows.chunks_exact_mut(self.columns.len()).zip(own.chunks_exact(width)) {
                row[start..start + width].copy_from_slice(own);
            }
            start += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_they_write_what_each_writes_alone() {
        let shape = MapShape { channels: 3, height: 4, width: 5 };
        let values: Vec<f32> = (0..4 * shape.len()).map(|at| ((at * 37) % 101) as f32 / 10.0 - 3.0).collect();
        let batch = Activations::new(&values, shape).expect("four samples");
        let mut ranges = ChannelRanges::new(3);
        ranges.update(&batch).expect("finite");
        let specs = ["mean_std", "histogram:bins=7", "none", "quantiles"];
        let parse = || specs.map(|spec| napscope::sketch::parse(spec).expect(spec));
        let together = Together(parse().into());
        assert!(together.needs_ranges());
        let fitted = together.fit(shape, Some(&ranges)).expect("all fit");
        let mut rows = vec![0.0; 4 * fitted.columns().len()];
        fitted.sketch(&batch, &mut rows);
        for ((sketch, spec), part) in parse().iter().zip(specs).zip(together.parts(shape).expect("all fit")) {
            let alone = sketch.fit(shape, Some(&ranges)).expect(spec);
            assert_eq!(alone.columns(), &fitted.columns()[part.clone()], "{spec}");
            let mut expected = vec![0.0; 4 * alone.columns().len()];
            alone.sketch(&batch, &mut expected);
            let got: Vec<f32> =
                rows.chunks_exact(fitted.columns().len()).flat_map(|row| row[part.clone()].to_vec()).collect();
            assert_eq!(got, expected, "{spec}");
        }
    }
}
