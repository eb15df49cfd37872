//! What is selected, to take away: rows of `samples.parquet`, and the average of pictures.

use super::clustering::{Wanted, find};
use super::refusal::Refusal;
use super::run::Run;
use super::selection::Selection;
use crate::data::{Column, ColumnValues};
use crate::files::table;
use crate::table::{beside, clustering_columns};
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, RgbImage};
use std::io::Cursor;

/// Pictures that an average is taken over at most, evenly chosen.
const AVERAGED: usize = 256;
/// Wider or higher pictures are none of ours.
const LARGEST_SIDE: u32 = 512;

/// The selected samples of a layer as a table: media type, and bytes.
pub(super) fn table(
    run: &Run,
    at: usize,
    selection: &Selection,
    wanted: &Wanted,
    format: &str,
) -> Result<(&'static str, Vec<u8>), Refusal> {
    let layer = run.layer(at)?;
    let found = find(&layer, run.recipe()?, wanted)?;
    let inside = selection.inside();
    let name = &layer.report.summary.name;
    let mut columns = vec![
        Column::from_text("layer", inside.iter().map(|_| Some(name))),
        Column {
            name: "sample".into(),
            values: ColumnValues::Int(inside.iter().map(|sample| Some(*sample as i64)).collect()),
        },
    ];
    for mut column in clustering_columns(&found.clustering) {
        if column.name == "label" {
            column.name = "cluster".into();
        }
        columns.push(column.select(&inside));
    }
    let columns = beside(columns, run.columns.iter().map(|column| column.select(&inside)));
    match format {
        "csv" => Ok(("text/csv; charset=utf-8", table::csv(&columns)?.into_bytes())),
        "json" => Ok(("application/json", table::json(&columns)?.into_bytes())),
        "parquet" => Ok(("application/vnd.apache.parquet", table::parquet(&columns)?)),
        other => Err(Refusal::bad(format!("{other:?} is neither parquet nor csv nor json"))),
    }
}

/// The mean picture of the selected samples as a PNG.
pub(super) fn average(run: &Run, selection: &Selection) -> Result<Vec<u8>, Refusal> {
    let none = || Refusal::missing("picture");
    let pictures = run.pictures.as_ref().ok_or_else(none)?;
    let inside = selection.inside();
    let step = inside.len().div_ceil(AVERAGED).max(1);
    let mut sum: Vec<u32> = Vec::new();
    let (mut size, mut count) = ((0, 0), 0);
    for picture in inside.iter().step_by(step).filter_map(|&sample| decode(&pictures.png(sample)?)) {
        if count == 0 {
            size = (picture.width(), picture.height());
            sum = vec![0; 3 * size.0 as usize * size.1 as usize];
        }
        let picture = match (picture.width(), picture.height()) == size {
            true => picture,
            false => picture.resize_exact(size.0, size.1, FilterType::Triangle),
        };
        sum.iter_mut().zip(picture.to_rgb8().as_raw()).for_each(|(sum, value)| *sum += u32::from(*value));
        count += 1;
    }
    let mean = sum.iter().map(|sum| (sum / count.max(1)) as u8).collect();
    let picture = RgbImage::from_raw(size.0, size.1, mean).filter(|_| count > 0).ok_or_else(none)?;
    let mut png = Cursor::new(Vec::new());
    DynamicImage::from(picture)
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|error| Refusal::bad(format!("the average cannot be drawn: {error}")))?;
    Ok(png.into_inner())
}

fn decode(png: &[u8]) -> Option<DynamicImage> {
    let mut reader = image::ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    let mut limits = image::Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST_SIDE), Some(LARGEST_SIDE));
    reader.limits(limits);
    reader.decode().ok()
}
