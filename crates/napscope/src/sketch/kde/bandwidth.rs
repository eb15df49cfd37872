//! How wide the kernel is: a rule of thumb, improved Sheather-Jones, or a number.
//!
//! With σ the standard deviation of the map (n − 1 in the denominator) and n its number of positions, Scott's rule is
//! σ · n^(−1/5), Silverman's σ · (3n / 4)^(−1/5): the factors of `scipy.stats.gaussian_kde`. Both are right for a bell curve
//! and smooth several peaks together; improved Sheather-Jones ([`super::isj`]) does not presume a shape, and costs more. Where it finds no
//! bandwidth, Silverman's rule stands in.

use super::isj::ImprovedSheatherJones;
use crate::error::{Error, Result};
use crate::registry::Options;
use crate::sketch::mean::mean;
use crate::sketch::mean_std::central_moment_2;

/// How the bandwidth is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rule {
    Scott,
    Silverman,
    ImprovedSheatherJones,
    /// The same for all maps, in activation units.
    Fixed(f64),
}

impl Rule {
    /// The rule that the option `bandwidth` names.
    ///
    /// # Errors
    /// `UnknownName` for another word, `InvalidParameter` for a number that is no width.
    pub(super) fn from_options(options: &Options<'_>) -> Result<Rule> {
        match options.text("bandwidth") {
            "scott" => return Ok(Rule::Scott),
            "silverman" => return Ok(Rule::Silverman),
            "isj" => return Ok(Rule::ImprovedSheatherJones),
            word if word.parse::<f64>().is_err() => {
                return Err(Error::unknown("bandwidth of kde", word, ["scott", "silverman", "isj"]));
            }
            _ => {}
        }
        Ok(Rule::Fixed(options.get_in("bandwidth", 1e-30..=1e30)?))
    }
}

/// Chooses the bandwidth of one map after another of a layer.
pub(super) struct Bandwidth {
    rule: Rule,
    /// What σ is multiplied with in the rules of thumb.
    factor: f64,
    isj: Option<ImprovedSheatherJones>,
}

impl Bandwidth {
    /// For maps of `positions` values.
    pub(super) fn new(rule: Rule, positions: usize) -> Self {
        let n = positions as f64;
        let factor = if rule == Rule::Scott { n.powf(-0.2) } else { (0.75 * n).powf(-0.2) };
        let isj = (rule == Rule::ImprovedSheatherJones).then(ImprovedSheatherJones::new);
        Bandwidth { rule, factor, isj }
    }

    /// The bandwidth for `map`, in activation units; 0 for a constant map and for a single position.
    #[inline(always)]
    pub(super) fn of(&mut self, map: &[f32]) -> f64 {
        if let Rule::Fixed(width) = self.rule {
            return width;
        }
        if let Some(isj) = &mut self.isj
            && let Some(width) = isj.bandwidth(map)
        {
            return width;
        }
        self.factor * sample_std(map)
    }
}

/// Standard deviation with n − 1 in the denominator; 0 for a single position.
#[inline(always)]
fn sample_std(map: &[f32]) -> f64 {
    let n = map.len() as f64;
    if map.len() < 2 { 0.0 } else { (central_moment_2(map, mean(map)) * n / (n - 1.0)).sqrt() }
}
