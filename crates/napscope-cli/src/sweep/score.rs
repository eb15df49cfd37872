//! How good is what a recipe found? Without labels: validity, stability, persistence. With labels: agreement, which says how
//! noise counts.

use super::report::{InPatterns, LabelAgreement, Scores, StabilityScore, ValidityForm};
use super::units::Found;
use crate::facts::hex;
use crate::patterns::median;
use napscope::Result;
use napscope::cluster::{ClusterId, Clustering, HdbscanFit, relative_validity, validity_index};
use napscope::distance::{Points, Rescale};
use napscope::evaluate::{Noise, Stability, agreement};
use napscope::progress::Watch;
use sha2::{Digest, Sha256};

/// What a clustering is judged with.
pub struct Evidence<'a> {
    /// The points that were clustered.
    pub points: &'a Points,
    /// The trees that it was read off.
    pub fit: &'a HdbscanFit,
    /// Columns of the features.
    pub columns: usize,
    /// The class of each sample.
    pub labels: Option<&'a [String]>,
    /// Which validity is taken.
    pub validity: ValidityForm,
}

impl Evidence<'_> {
    /// Judges what was found.
    ///
    /// # Errors
    /// [`napscope::ErrorKind::Interrupted`] when `watch` stops the work.
    pub fn scores(
        &self,
        Found { clustering, settled }: &Found,
        stability: Option<Stability>,
        seconds: f64,
        watch: &Watch<'_>,
    ) -> Result<Scores> {
        let samples = clustering.labels.len();
        let patterns = clustering.persistence.len();
        let noise = clustering.labels.iter().filter(|label| label.is_none()).count();
        let size = |pattern: u32| clustering.labels.iter().filter(|label| **label == Some(ClusterId(pattern))).count();
        Ok(Scores {
            columns: self.columns,
            dimensions: self.points.dimensions(),
            patterns,
            noise,
            coverage: (samples - noise) as f64 / samples as f64,
            largest: size(0),
            settled_min_cluster_size: *settled,
            median_persistence: median(&clustering.persistence),
            validity: if patterns < 2 { None } else { Some(self.validity(clustering, watch)?) },
            stability: stability.map(|Stability { mean, lowest, highest, .. }| StabilityScore {
                mean,
                lowest,
                highest,
            }),
            agreement: self.labels.map(|labels| compare(clustering, labels)).transpose()?,
            labels_sha256: labels_hash(clustering),
            seconds: Some(seconds),
        })
    }

    fn validity(&self, clustering: &Clustering, watch: &Watch<'_>) -> Result<f64> {
        let validity = match self.validity {
            ValidityForm::Tree => relative_validity(&self.fit.linkage_tree, &clustering.labels)?,
            ValidityForm::Full => validity_index(self.points, &clustering.labels, watch)?,
        };
        if self.points.rescale() != Rescale::HalfSquare {
            return Ok(validity.index);
        }
        let of_sample =
            |label: &Option<ClusterId>| label.map_or(0.0, |ClusterId(id)| of_chords(validity.patterns[id as usize]));
        Ok(clustering.labels.iter().map(of_sample).sum::<f64>() / clustering.labels.len() as f64)
    }
}

/// A pattern's validity is one less a ratio of two distances. Cosine distances grow with the square of the chord, which doubles
/// a small difference and would put cosine before euclidean for nothing: here is the validity that the chords have.
fn of_chords(of_squares: f64) -> f64 {
    (1.0 - (1.0 - of_squares.abs()).sqrt()).copysign(of_squares)
}

fn compare(clustering: &Clustering, labels: &[String]) -> Result<LabelAgreement> {
    let labels: Vec<Option<&str>> = labels.iter().map(|label| Some(label.as_str())).collect();
    let all = agreement(&clustering.labels, &labels, Noise::OwnClass)?;
    let some = !clustering.persistence.is_empty();
    let inside = some.then(|| agreement(&clustering.labels, &labels, Noise::LeaveOut)).transpose()?;
    Ok(LabelAgreement {
        adjusted_rand: all.adjusted_rand,
        adjusted_mutual_information: all.adjusted_mutual_information,
        homogeneity: all.homogeneity,
        completeness: all.completeness,
        v_measure: all.v_measure(),
        in_patterns: inside.map(|inside| InPatterns {
            adjusted_rand: inside.adjusted_rand,
            adjusted_mutual_information: inside.adjusted_mutual_information,
            v_measure: inside.v_measure(),
            purity: inside.purity,
        }),
    })
}

/// SHA-256 over the pattern of each sample, −1 for noise, as 32-bit integers.
pub fn labels_hash(clustering: &Clustering) -> String {
    let number = |label: &Option<ClusterId>| label.map_or(-1, |ClusterId(id)| id as i32).to_le_bytes();
    let bytes: Vec<u8> = clustering.labels.iter().flat_map(number).collect();
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::of_chords;

    #[test]
    fn the_validity_of_squares_is_brought_to_that_of_chords() {
        for (sparseness, separation) in [(1.0f64, 2.0f64), (2.0, 1.0), (3.0, 3.0), (0.0, 1.0), (1.0, 0.0)] {
            let score = |inside: f64, between: f64| (between - inside) / between.max(inside);
            let squares = score(sparseness * sparseness / 2.0, separation * separation / 2.0);
            let chords = score(sparseness, separation);
            assert!((of_chords(squares) - chords).abs() < 1e-12, "{sparseness} inside, {separation} between");
        }
    }
}
