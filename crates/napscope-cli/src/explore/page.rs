//! The explorer with a run inside, as one file: what the server would answer, by address, in base64.
//!
//! The page looks there before it asks a server. What cannot be told beforehand (any selection against the rest) it computes
//! itself from the features, which are inside too; patterns can be asked for anew with a few settings.

use super::assets::{HTML, SCRIPT, STYLE};
use super::clustering::Wanted;
use super::run::Run;
use super::{routes, tell};
use crate::files::atomic;
use crate::patterns::word;
use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use napscope::{Error, ErrorKind};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// A browser opens a page of so many bytes of data without trouble.
const LARGEST: u64 = 96 << 20;
/// Multiples of the run's min_cluster_size that the page knows the patterns for.
const SIZES: [usize; 4] = [1, 2, 4, 8];

/// Writes the page to `path` and returns its size in bytes.
///
/// # Errors
/// When the run is too large for a page, is damaged, or the file cannot be written.
pub fn write_page(run: &Run, path: &Path) -> anyhow::Result<u64> {
    check_size(run)?;
    let mut answers = Answers::default();
    answers.collect(run).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let html = render(&answers)?;
    atomic::write(path, html.as_bytes())?;
    Ok(html.len() as u64)
}

fn check_size(run: &Run) -> anyhow::Result<()> {
    let of_layer = |columns: usize, projections: usize| {
        run.samples() as u64 * (4 * columns + 12 * projections + 20 * (1 + 2 * SIZES.len())) as u64
    };
    let projections = run.report.recipe.as_ref().map_or(1, |recipe| recipe.projections.len());
    let bytes: u64 = run.report.layers.iter().map(|layer| of_layer(layer.columns, projections)).sum();
    if bytes <= LARGEST {
        return Ok(());
    }
    let told = crate::terminal::bytes;
    let message = format!("the run is too large for one page: {} of data, the limit is {}", told(bytes), told(LARGEST));
    Err(Error::new(ErrorKind::MemoryLimit, message)
        .hint("look at it with napscope explore, or analyze fewer layers (--layer) or samples (--limit)")
        .into())
}

/// What the server would answer.
#[derive(Default)]
struct Answers(BTreeMap<String, Vec<u8>>);

impl Answers {
    fn collect(&mut self, run: &Run) -> Result<(), super::refusal::Refusal> {
        let list = json!([{ "name": run.name, "samples": run.samples(), "layers": run.report.layers.len() }]);
        self.json("runs", &list);
        self.json("runs/0", &tell::run(run));
        self.json("runs/0/ood", &tell::evaluations(run)?);
        for column in 0..run.columns.len() {
            // Columns that are told sample by sample only are not looked for by the page.
            if let Ok(bytes) = tell::column(run, column) {
                self.0.insert(format!("runs/0/columns/{column}"), bytes);
            }
        }
        let samples: Vec<_> = (0..run.samples()).map(|sample| tell::sample(run, sample)).collect::<Result<_, _>>()?;
        self.json("runs/0/samples", &json!(samples));
        if let Some(pictures) = &run.pictures {
            for sample in 0..run.samples() {
                if let Some(png) = pictures.png(sample) {
                    self.0.insert(format!("runs/0/pictures/{sample}"), png);
                }
            }
        }
        (0..run.report.layers.len()).try_for_each(|at| self.layer(run, at))
    }

    fn layer(&mut self, run: &Run, at: usize) -> Result<(), super::refusal::Refusal> {
        let layer = run.layer(at)?;
        let place = format!("runs/0/layers/{at}");
        self.json(&place, &tell::layer(&layer));
        for projection in 0..layer.report.projections.len() {
            self.0.insert(format!("{place}/projections/{projection}"), tell::projection(&layer, projection)?);
        }
        let embedded = run.embedded(at)?;
        let columns: Vec<_> = embedded
            .features
            .columns()
            .iter()
            .map(|column| json!({ "channel": column.channel, "statistic": word(column.statistic) }))
            .collect();
        let mut block = super::clustering::head_block(&columns)?;
        block.extend(embedded.features.values().iter().flat_map(|value| value.to_le_bytes()));
        self.0.insert(format!("{place}/features"), block);
        let smallest = run.recipe()?.hdbscan.min_cluster_size;
        let anew = SIZES.iter().flat_map(|times| ["leaf", "eom"].map(|kind| (times * smallest, kind)));
        let anew = anew.map(|(size, kind)| {
            let wanted = Wanted { min_cluster_size: Some(size), epsilon: None, selection: Some(kind.to_owned()) };
            (format!("?min_cluster_size={size}&selection={kind}"), wanted)
        });
        for (query, wanted) in std::iter::once((String::new(), Wanted::default())).chain(anew) {
            self.0.insert(format!("{place}/clustering{query}"), routes::clustering_block(run, at, &wanted)?);
            self.json(&format!("{place}/noise{query}"), &tell::noise(run, at, &wanted)?);
        }
        Ok(())
    }

    fn json(&mut self, name: &str, value: &serde_json::Value) {
        self.0.insert(name.to_owned(), value.to_string().into_bytes());
    }
}

fn render(answers: &Answers) -> anyhow::Result<String> {
    // Base64 and plain keys: nothing in it could end the element.
    let data: BTreeMap<&str, String> =
        answers.0.iter().map(|(name, bytes)| (name.as_str(), STANDARD.encode(bytes))).collect();
    let data = serde_json::to_string(&data)?;
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let head = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<style>{STYLE}</style>");
    let body = format!("<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>");
    let (linked, loaded) = ("<link rel=\"stylesheet\" href=\"app.css\">", "<script defer src=\"app.js\"></script>");
    ensure!(HTML.contains(linked) && HTML.contains(loaded), "the page was built in another way than it is used");
    ensure!(!SCRIPT.contains("</script") && !STYLE.contains("</style"), "the page's script ends its own element");
    Ok(HTML
        .replacen(linked, "", 1)
        .replacen(loaded, "", 1)
        .replacen("<meta charset=\"utf-8\">", &format!("<meta charset=\"utf-8\">\n{head}"), 1)
        .replacen("</body>", &format!("{body}\n</body>"), 1))
}
