//! Whitening: uncorrelated columns of unit variance, so that no group of correlated channels outweighs the others.
//!
//! The covariance is shrunk (Ledoit and Wolf choose how much), or rare directions of mere noise would be blown up. With
//! more columns than samples the work is done in the span of the samples: `zca` is still exact, `pca` gives one column for
//! each direction in which the reference varies.

use super::{Normalizer, Transform, abstract_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::features::{Column, Features, Statistic};
use crate::registry::Entry;
use crate::statistics::{Covariance, Shrinkage};

pub(super) const ENTRY: Entry<dyn Normalizer> = Entry {
    name: "whiten",
    summary: "uncorrelated columns of unit variance, by a shrunk covariance",
    options: &[
        ("shrinkage", "auto", "auto (Ledoit and Wolf) or a share from 0 to 1"),
        ("method", "zca", "zca (columns stay close to the channels they come from) or pca (largest variance first)"),
    ],
    build: |options| {
        let zca = match options.text("method") {
            "zca" => true,
            "pca" => false,
            other => {
                return Err(Error::new(
                    ErrorKind::InvalidParameter,
                    format!("whiten: `method={other}` is not understood"),
                )
                .hint("method is zca or pca"));
            }
        };
        Ok(Box::new(Whiten { shrinkage: options.get("shrinkage")?, zca }))
    },
};

struct Whiten {
    shrinkage: Shrinkage,
    zca: bool,
}

impl Normalizer for Whiten {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, features: &Features) -> Result<Box<dyn Transform>> {
        let columns = features.columns().to_vec();
        let covariance = Covariance::fit(features.values(), columns.len(), self.shrinkage)
            .map_err(|error| error.context("whiten"))?;
        Ok(Box::new(Whitened { columns, covariance, zca: self.zca }))
    }
}

struct Whitened {
    columns: Vec<Column>,
    covariance: Covariance,
    zca: bool,
}

impl Transform for Whitened {
    fn transform(&self, features: &Features) -> Result<Features> {
        features.expect_columns(&self.columns)?;
        if self.zca {
            return Features::new(self.covariance.whiten(features.values()), abstract_columns(&self.columns));
        }
        let component = |channel| Column { channel, statistic: Statistic::Mixed };
        // A reference without any variance has no direction; one column of zeros stands for it.
        let rank = self.covariance.rank() as u32;
        match rank {
            0 => Features::new(vec![0.0; features.samples()], vec![component(0)]),
            _ => Features::new(self.covariance.coordinates(features.values()), (0..rank).map(component).collect()),
        }
    }
}
