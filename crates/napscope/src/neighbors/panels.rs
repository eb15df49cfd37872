//! Points packed in panels of 48 for the tiles, with what is needed to rule pairs out early.

use super::aligned::Aligned;
use super::basis::Basis;
use super::boxes::Boxes;
use super::cloud::{Cloud, LADDER};
use super::quantized::Quantized;
use super::tile::COLS;
use crate::distance::Points;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Coordinates of a row that are packed at a time: one cache line.
const LINE: usize = 16;

/// The points of a cloud, in an order, packed.
pub(crate) struct Panels<'a> {
    pub(super) cloud: &'a Cloud<'a>,
    order: Vec<u32>,
    /// All coordinates of each panel, `[rows, 48]`, once they are asked for.
    full: Vec<OnceLock<Aligned<f32>>>,
    pub(super) half: Vec<[f32; COLS]>,
    boxes: Boxes,
    lead: OnceLock<Lead>,
    bytes: Option<Quantized<'a>>,
    tests_bytes: AtomicBool,
    tests_full: AtomicBool,
}

impl<'a> Panels<'a> {
    /// Points of a panel.
    pub(crate) const WIDTH: usize = COLS;

    /// Packs the samples `order`.
    pub(crate) fn new(cloud: &'a Cloud<'a>, order: Vec<u32>) -> Self {
        let panels = order.len().div_ceil(COLS);
        let full = (0..panels).map(|_| OnceLock::new()).collect();
        // Where no point stands, half is infinite: no pair passes there.
        let mut half = vec![[f32::INFINITY; COLS]; panels];
        for (half, samples) in half.iter_mut().zip(order.chunks(COLS)) {
            half.iter_mut().zip(samples).for_each(|(half, &sample)| *half = cloud.half(sample).0);
        }
        let boxes = Boxes::new(cloud, &order);
        let bytes = cloud.rounded().map(|rounded| Quantized::new(rounded, &order));
        // Until it is known what costs least.
        let (tests_bytes, tests_full) = (AtomicBool::new(bytes.is_some()), AtomicBool::new(bytes.is_none()));
        Panels { cloud, order, full, half, boxes, lead: OnceLock::new(), bytes, tests_bytes, tests_full }
    }

    /// The points.
    pub(crate) fn points(&self) -> &'a Points {
        self.cloud.points()
    }

    /// Half of a key in the frame, rounded up.
    pub(crate) fn half_limit(&self, key: f64) -> f32 {
        self.cloud.half_limit(key)
    }

    /// The same, rounded down.
    pub(super) fn half_of(&self, key: f64) -> f32 {
        self.cloud.half_of(key)
    }

    /// The key of half of one in the frame, rounded up or down by `direction`, 1 or −1.
    pub(super) fn key_of_half(&self, half: f32, direction: f64) -> f64 {
        self.cloud.key_of_half(half, direction)
    }

    /// Number of panels.
    pub(crate) fn len(&self) -> usize {
        self.half.len()
    }

    /// The sample at a position.
    pub(crate) fn sample(&self, position: usize) -> usize {
        self.order[position] as usize
    }

    /// Number of positions.
    pub(crate) fn positions(&self) -> usize {
        self.order.len()
    }

    /// All coordinates of one panel, `[rows, 48]`.
    pub(super) fn full(&self, panel: usize) -> &[f32] {
        self.full[panel].get_or_init(|| {
            let mut full = Aligned::filled(self.cloud.rows() * COLS, 0.0f32);
            pack(self.cloud, self.samples(panel), &mut full);
            full
        })
    }

    /// Bytes of a panel that a search mostly looks at.
    pub(super) fn panel_bytes(&self) -> usize {
        match self.bytes().filter(|_| self.tests().0) {
            Some(bytes) => bytes.grid.width() * COLS,
            None => self.cloud.rows() * COLS * size_of::<f32>(),
        }
    }

    fn samples(&self, panel: usize) -> &[u32] {
        &self.order[panel * COLS..((panel + 1) * COLS).min(self.order.len())]
    }

    /// The leading coordinates, where searches begin with them.
    pub(super) fn lead(&self) -> Option<&Lead> {
        self.lead.get()
    }

    /// Lets searches begin with leading coordinates from now on, up to these steps of the ladder; the first call counts.
    pub(super) fn begin_with(&self, stages: [usize; 2]) {
        if let Some(basis) = self.cloud.basis() {
            self.lead.get_or_init(|| Lead::new(self.cloud, basis, &self.order, &stages));
        }
    }

    /// The coordinates in bytes, where there are any.
    pub(super) fn bytes(&self) -> Option<&Quantized<'a>> {
        self.bytes.as_ref()
    }

    /// Do searches test pairs by bytes? By all coordinates?
    pub(super) fn tests(&self) -> (bool, bool) {
        (self.tests_bytes.load(Ordering::Relaxed), self.tests_full.load(Ordering::Relaxed))
    }

    /// Lets searches test pairs by bytes from now on, or not; and by all coordinates.
    pub(super) fn test_by(&self, bytes: bool, full: bool) {
        self.tests_bytes.store(bytes && self.bytes.is_some(), Ordering::Relaxed);
        self.tests_full.store(full || self.bytes.is_none(), Ordering::Relaxed);
    }

    /// The leading coordinates of some panels, up to these steps of the ladder.
    pub(super) fn excerpt(&self, panels: &[usize], stages: &[usize]) -> Option<Lead> {
        let samples: Vec<u32> = panels.iter().flat_map(|&panel| self.samples(panel)).copied().collect();
        self.cloud.basis().map(|basis| Lead::new(self.cloud, basis, &samples, stages))
    }

    /// The largest margin for rounding among the points of a panel.
    pub(super) fn margin(&self, panel: usize) -> f32 {
        self.boxes.margin(panel)
    }

    /// At most half of the key of any pair of panel `row` of these and panel `col` of `other`.
    pub(super) fn nearest_half(&self, row: usize, other: &Panels<'_>, col: usize) -> f32 {
        self.boxes.nearest_half(row, &other.boxes, col, self.cloud)
    }

    /// The points of a panel that have no pair that matters with any of panel `of` of `other`: bit i for point i. A pair matters up
    /// to half of its key at either of its limits.
    pub(super) fn outside(
        &self,
        (panel, limits): (usize, &[f32; COLS]),
        (other, of, other_limits): (&Panels<'_>, usize, &[f32; COLS]),
    ) -> u64 {
        self.boxes.outside((panel, limits), (&other.boxes, of, other_limits), self.cloud)
    }
}

/// Places `samples` and packs them: `panel` is `[rows, 48]`.
fn pack(cloud: &Cloud<'_>, samples: &[u32], panel: &mut [f32]) {
    if let Some(norms) = &cloud.norms {
        return norms.pack(cloud.points(), samples, panel);
    }
    let mut placed = [[0.0f32; LINE]; COLS];
    for (line, panel) in panel.chunks_mut(LINE * COLS).enumerate() {
        let count = panel.len() / COLS;
        for (placed, &sample) in placed.iter_mut().zip(samples) {
            cloud.frame().place(cloud.points().row(sample as usize), line * LINE, &mut placed[..count]);
        }
        for (k, coordinates) in panel.chunks_exact_mut(COLS).enumerate() {
            coordinates.iter_mut().zip(&placed).for_each(|(coordinate, placed)| *coordinate = placed[k]);
        }
    }
}

/// The first coordinates of points in the cloud's basis, by which most pairs are ruled out.
pub(super) struct Lead {
    /// Coordinates after which pairs are tested, rising.
    stages: Vec<usize>,
    /// `[panels, last stage, 48]`
    coordinates: Aligned<f32>,
    /// `[panels, stages]`: the norms of what is left.
    rests: Vec<[f32; COLS]>,
}

impl Lead {
    /// The leading coordinates of `order`, up to these steps of the ladder.
    fn new(cloud: &Cloud<'_>, basis: &Basis, order: &[u32], stages: &[usize]) -> Self {
        let (rows, left) = cloud.leading(basis, order, stages);
        let stages: Vec<usize> = stages.iter().map(|&stage| LADDER[stage]).collect();
        let count = stages[stages.len() - 1];
        let panels = order.len().div_ceil(COLS);
        let mut coordinates = Aligned::filled(panels * count * COLS, 0.0);
        let mut rests = vec![[0.0; COLS]; panels * stages.len()];
        for (position, (row, left)) in rows.chunks_exact(count).zip(left.chunks_exact(stages.len())).enumerate() {
            let (panel, column) = (position / COLS, position % COLS);
            let coordinates = &mut coordinates[panel * count * COLS..];
            for (k, value) in row.iter().enumerate() {
                coordinates[k * COLS + column] = *value;
            }
            for (stage, left) in left.iter().enumerate() {
                rests[panel * stages.len() + stage][column] = *left;
            }
        }
        Lead { stages, coordinates, rests }
    }

    /// Number of stages.
    pub(super) fn stages(&self) -> usize {
        self.stages.len()
    }

    /// The coordinates of `panel` that stage `stage` adds.
    pub(super) fn part(&self, panel: usize, stage: usize) -> &[f32] {
        let count = self.stages[self.stages.len() - 1];
        let from = if stage == 0 { 0 } else { self.stages[stage - 1] };
        &self.coordinates[(panel * count + from) * COLS..(panel * count + self.stages[stage]) * COLS]
    }

    /// The norms of what stage `stage` leaves of the points of `panel`.
    pub(super) fn rest(&self, panel: usize, stage: usize) -> &[f32; COLS] {
        &self.rests[panel * self.stages.len() + stage]
    }
}
