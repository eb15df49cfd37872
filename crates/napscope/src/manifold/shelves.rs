//! Puts pictures that have no place with respect to each other side by side, as on shelves.

/// Room between two pictures, as a share of the larger side of the largest one.
const ROOM: f64 = 0.1;
/// Pictures fill a shelf up to this many times the side that a square of all of them would have.
const LONG: f64 = 1.3;

/// Points of a plane.
pub(super) type Picture = Vec<[f64; 2]>;

/// Moves and scales every picture so that none touches another, in the order given. A picture's area grows with the number of its
/// points. A single picture stays as it is.
pub(super) fn side_by_side(mut pictures: Vec<Picture>) -> Vec<Picture> {
    if pictures.len() < 2 {
        return pictures;
    }
    let side = |picture: &Picture| (picture.len() as f64).sqrt();
    let room = ROOM * pictures.iter().map(side).fold(0.0, f64::max);
    let width = LONG * pictures.iter().map(|picture| (side(picture) + room).powi(2)).sum::<f64>().sqrt();
    let (mut left, mut top, mut height) = (0.0, 0.0, 0.0);
    for picture in &mut pictures {
        let side = side(picture);
        if left > 0.0 && left + side > width {
            (left, top, height) = (0.0, top - height - room, 0.0);
        }
        put(picture, [left, top - side], side);
        left += side + room;
        height = f64::max(height, side);
    }
    pictures
}

/// Scales a picture into the square with this lower left corner, its longer side filling it, its shorter one in the middle.
fn put(picture: &mut Picture, corner: [f64; 2], side: f64) {
    let ends = |axis: usize| {
        let values = || picture.iter().map(|point| point[axis]);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let (x, y) = (ends(0), ends(1));
    let extent = f64::max(x.1 - x.0, y.1 - y.0);
    let scale = if extent > 0.0 { side / extent } else { 0.0 };
    for point in picture.iter_mut() {
        for (axis, (low, high)) in [x, y].into_iter().enumerate() {
            point[axis] = corner[axis] + side / 2.0 + (point[axis] - (low + high) / 2.0) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_touches_another() {
        let picture =
            |points: usize| -> Picture { (0..points).map(|at| [(at as f64 * 0.7).sin() * 50.0, at as f64]).collect() };
        for sizes in [vec![400, 100], vec![30; 7], vec![1000, 10, 10, 1, 1], vec![1, 1]] {
            let placed = side_by_side(sizes.iter().map(|&points| picture(points)).collect());
            let boxes: Vec<[f64; 4]> = placed
                .iter()
                .map(|picture| {
                    let end = |axis: usize, pick: fn(f64, f64) -> f64| {
                        picture.iter().map(|point| point[axis]).reduce(pick).expect("points")
                    };
                    [end(0, f64::min), end(0, f64::max), end(1, f64::min), end(1, f64::max)]
                })
                .collect();
            for (index, a) in boxes.iter().enumerate() {
                for b in &boxes[index + 1..] {
                    let apart = a[1] < b[0] || b[1] < a[0] || a[3] < b[2] || b[3] < a[2];
                    assert!(apart, "{sizes:?}: {a:?} and {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_single_picture_stays_as_it_is() {
        let alone = vec![vec![[1.0, 2.0], [30.0, -4.0]]];
        assert_eq!(side_by_side(alone.clone()), alone);
    }
}
