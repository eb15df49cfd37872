//! From evidence to a verdict, and its reasons in plain words.
//!
//! The thresholds were settled on one half of the calibration's synthetic sets and then tried on the other and on families
//! of another kind (BENCHMARKS.md). Between a threshold for yes and one for no lies "unsure", and an unsure answer makes no
//! verdict.

use super::{Evidence, Verdict};
use crate::manifold::alignment::Alignment;

/// Dimension, relative to the normal distribution with the same covariance, up to which the samples lie along few directions,
const FEW_DIRECTIONS: f64 = 0.8;
/// and from which they do not.
const ALL_DIRECTIONS: f64 = 0.86;
/// Dimension beyond which directions are not few, whatever that of a normal distribution is: heavy tails look so.
const NOT_FEW: f64 = 10.0;
/// The same within the parts of the graph of neighbors, where there are several.
const FEW_WITHIN: f64 = 0.7;
/// Dimension within a part up to which it may be called a curve or a sheet.
const LOW: f64 = 3.0;
/// Share of variance from which a covariate shapes a layer, and the p-value that it takes.
const SHAPING: f64 = 0.5;
const SIGNIFICANT: f64 = 0.01;
/// Rise of the density's logarithm from which two modes are parts, where the data fill their dimensions: nulls stay below 0.65.
const RISE: f64 = 0.9;
const NO_RISE: f64 = 0.65;
/// The same along a curve or a sheet, whose density is seldom even; and the stability that it takes there.
const RISE_ALONG: f64 = 2.0;
const STABLE: f64 = 0.7;
/// Share of the samples outside of the largest part from which the parts are the whole, where they do not lie along a curve,
const MOST: f64 = 0.5;
/// whose dimension is no larger.
const CURVE: f64 = 2.0;
/// How far a rise must exceed that of any null model.
const ABOVE_NULLS: f64 = 1.5;
/// √n · dip beyond which a held-out projection shows a valley, and up to which it shows none.
const VALLEY: f64 = 0.8;
const NO_VALLEY: f64 = super::projected::CRITICAL;
/// Dimension above which a projection is evidence: a curve bent in fewer has two ends, and a valley between them, in many views.
const MANY: f64 = 4.0;
/// The scale at which the graph of neighbors is asked for parts.
const SCALE: usize = 10;

/// An answer to one of the two questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unsure,
}

pub(super) fn decide(evidence: &Evidence, alignments: &[Alignment]) -> (Verdict, Vec<String>) {
    let apart = evidence.connectivity.iter().any(|graph| graph.k == SCALE && graph.parts > 1);
    let shaping = shaping(alignments);
    let along = along(evidence, apart, shaping.is_some());
    let parts = parts(evidence, apart, along);
    let verdict = match (parts, along) {
        (Answer::Yes, Answer::Yes) if !apart && shaping.is_none() && hold_most(evidence) => Verdict::Concepts,
        (Answer::Yes, Answer::No) => Verdict::Concepts,
        (Answer::Yes, Answer::Yes) => Verdict::Mixed,
        (Answer::No, Answer::Yes) => Verdict::Continuum,
        (Answer::No, Answer::No) => Verdict::NoStructure,
        (Answer::Unsure, _) | (_, Answer::Unsure) => Verdict::Undecided,
    };
    let dimension = match (verdict, along) {
        (Verdict::Concepts, Answer::Yes) => told_share(evidence),
        _ => told_dimension(evidence, along, apart),
    };
    let mut reasons = vec![told_parts(evidence, parts, apart), dimension];
    reasons.extend(shaping.map(told_shaping));
    if verdict == Verdict::Continuum {
        reasons.swap(0, 1);
    }
    (verdict, reasons)
}

/// Do the parts hold most samples, and is the whole no curve? Then the coarse scale is that of a part, and few directions are
/// no continuum: the tenth of the samples that is nearest is about a part of ten.
fn hold_most(evidence: &Evidence) -> bool {
    evidence.density.parted >= MOST && evidence.dimension.coarse.is_some_and(|dimension| dimension > CURVE)
}

/// Do the samples lie along few directions? Where the graph falls into parts: do those of a part?
fn along(evidence: &Evidence, apart: bool, shaped: bool) -> Answer {
    if apart {
        let Some(within) = &evidence.within else { return Answer::No };
        let few = within.relative <= FEW_WITHIN && within.dimension <= LOW && within.share >= 0.5;
        return if few { Answer::Yes } else { Answer::No };
    }
    let relative = evidence.dimension.relative_to(evidence.dimension.gaussian);
    match relative {
        _ if shaped => Answer::Yes,
        relative if relative >= ALL_DIRECTIONS => Answer::No,
        relative if relative <= FEW_DIRECTIONS && evidence.dimension.coarse.is_some_and(|d| d <= NOT_FEW) => {
            Answer::Yes
        }
        _ => Answer::Unsure,
    }
}

/// Are there parts with valleys between them?
fn parts(evidence: &Evidence, apart: bool, along: Answer) -> Answer {
    let rise = evidence.density.rise;
    let nulls = evidence.density.nulls.iter().filter(|null| null.model != "shuffled").flat_map(|null| &null.rises);
    let exceeds = rise > ABOVE_NULLS * nulls.copied().fold(0.0, f64::max);
    if apart {
        return if rise >= RISE && exceeds { Answer::Yes } else { Answer::Unsure };
    }
    if along == Answer::Yes {
        let stable = evidence.groups.stability.is_some_and(|stability| stability.mean >= STABLE);
        return match (rise >= RISE_ALONG, exceeds && stable) {
            (false, _) => Answer::No,
            (true, true) => Answer::Yes,
            (true, false) => Answer::Unsure,
        };
    }
    let projected = evidence.dimension.coarse.is_some_and(|dimension| dimension > MANY);
    let dip = if projected { evidence.projected.scaled_dip } else { 0.0 };
    if (rise >= RISE && exceeds) || dip > VALLEY {
        Answer::Yes
    } else if rise <= NO_RISE && dip <= NO_VALLEY {
        Answer::No
    } else {
        Answer::Unsure
    }
}

/// The number that the layer tells best, where it tells enough of it to be shaped by it.
fn shaping(alignments: &[Alignment]) -> Option<&Alignment> {
    let strong = alignments.iter().filter(|alignment| {
        alignment.classes.is_none() && alignment.p_value <= SIGNIFICANT && alignment.best().low >= SHAPING
    });
    strong.reduce(|best, next| if next.best().r2 > best.best().r2 { next } else { best })
}

fn told_parts(evidence: &Evidence, parts: Answer, apart: bool) -> String {
    let Evidence { density, groups, projected, connectivity, .. } = evidence;
    let scale = connectivity.iter().find(|graph| graph.k == SCALE);
    let components = scale.map_or(1, |graph| graph.parts);
    let stable = groups.stability.map_or(String::new(), |stability| {
        format!(
            ", clusterings of subsamples agree at {:.2} ({:.2} to {:.2})",
            stability.mean, stability.lowest, stability.highest
        )
    });
    let null = density.nulls.iter().filter(|null| null.model != "shuffled").flat_map(|null| &null.rises);
    let rise = format!(
        "the density rises by {:.1} (in logarithms) above the deepest saddle, {:.1} in null models",
        density.rise,
        null.copied().fold(0.0, f64::max)
    );
    let whole = if connectivity.iter().all(|graph| graph.parts <= 1) {
        "one connected component at every scale".to_owned()
    } else if apart {
        format!("the graph of {SCALE} nearest neighbors falls into {components} parts")
    } else {
        format!("one connected component from {SCALE} neighbors on")
    };
    match parts {
        Answer::Yes => format!("parts with valleys between them: {whole}, {rise}{stable}"),
        Answer::No => format!("no valleys between parts: {whole}, {rise}"),
        Answer::Unsure => format!(
            "whether there are parts is not clear: {whole}, {rise}, a held-out projection has a dip of {:.2}/√n{stable}",
            projected.scaled_dip
        ),
    }
}

fn told_dimension(evidence: &Evidence, along: Answer, apart: bool) -> String {
    let shape = &evidence.dimension;
    let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.1}"));
    if let (true, Some(within)) = (apart, &evidence.within) {
        let word =
            if along == Answer::Yes { "each part is stretched along few directions" } else { "the parts are compact" };
        return format!(
            "{word}: dimension {:.1} within a part, {:.2} of that of a normal distribution",
            within.dimension, within.relative
        );
    }
    let dimension = format!(
        "dimension {} of {} ({} in a normal distribution with the same covariance)",
        number(shape.coarse),
        shape.ambient,
        number(shape.gaussian)
    );
    match along {
        Answer::Yes => format!("few directions: {dimension}"),
        Answer::No => format!("no fewer directions than the covariance has: {dimension}"),
        Answer::Unsure => format!("whether the samples lie along few directions is not clear: {dimension}"),
    }
}

fn told_share(evidence: &Evidence) -> String {
    format!(
        "the parts are most of it: {:.0} % of the samples lie outside of the largest",
        100.0 * evidence.density.parted
    )
}

fn told_shaping(alignment: &Alignment) -> String {
    let best = alignment.best();
    format!(
        "the layer tells {:.0} % of the variance of {} ({:.0} to {:.0} %)",
        100.0 * best.r2,
        alignment.column,
        100.0 * best.low,
        100.0 * best.high
    )
}
