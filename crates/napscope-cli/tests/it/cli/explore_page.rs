//! The explorer as a person sees it: every view, what links them, and what a page without a server can do.

use super::browser::Browser;
use super::explore::{Server, small_run};
use super::harness::napscope;
use crate::scratch::Scratch;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const WINDOW: [u32; 2] = [1440, 900];
const READY: &str = "document.querySelectorAll('.card').length > 0 && document.querySelector('#scatter')?.width > 300";

/// The embedded example with three layers, run once for all tests.
fn example() -> &'static Scratch {
    static RUN: OnceLock<Scratch> = OnceLock::new();
    RUN.get_or_init(|| {
        let scratch = Scratch::new();
        let told = napscope(&scratch, "analyze --example vision --layer stage1.relu2 --layer stage3.relu2 --layer dense --limit 800 --min-cluster-size 8 -o run");
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        scratch
    })
}

fn layer_json(scratch: &Scratch, file: &str) -> Value {
    let path = scratch.path().join("run/layers").join(file);
    serde_json::from_slice(&std::fs::read(path).expect("written")).expect("JSON")
}

/// Words of the page under a selector.
fn text(browser: &mut Browser, selector: &str) -> String {
    let value = browser.value(&format!("document.querySelector({selector:?})?.innerText ?? null"));
    value.as_str().unwrap_or_else(|| panic!("{selector} has no text")).to_owned()
}

fn click(browser: &mut Browser, selector: &str) {
    let done = browser.value(&format!(
        "(() => {{ const it = document.querySelector({selector:?}); it?.dispatchEvent(new MouseEvent('click', {{ bubbles: true }})); return !!it; }})()"
    ));
    assert_eq!(done, true, "there is no {selector}");
}

/// How many samples are selected, once the page has settled.
fn selected(browser: &mut Browser) -> usize {
    browser.wait_for("!document.querySelector('.busy.on')");
    let told = text(browser, "#selected");
    told.split(" of ")
        .next()
        .and_then(|count| count.replace(',', "").parse().ok())
        .unwrap_or_else(|| panic!("{told:?}"))
}

fn shows(browser: &mut Browser, selector: &str, words: &str) {
    browser.wait_for(&format!("(document.querySelector({selector:?})?.innerText ?? '').includes({words:?})"));
}

fn sound(browser: &Browser) {
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn every_view_is_drawn_and_a_selection_in_one_is_the_selection_in_all() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let layer = layer_json(scratch, "002-dense.json");
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=dense", server.url), WINDOW, READY);
    assert_eq!(browser.value("document.querySelectorAll('.strip li').length"), 3, "a button a layer");
    let patterns = layer["patterns"].as_array().expect("patterns").len();
    assert_eq!(
        browser.value("document.querySelectorAll('.card').length"),
        patterns + 1,
        "a card a pattern, one for noise"
    );
    browser.wait_for("[...document.querySelectorAll('.card[data-pattern=\"0\"] img')].filter((img) => img.naturalWidth > 0).length >= 6");
    assert!(browser.value("document.querySelectorAll('.icicle path').length").as_u64() > Some(patterns as u64));

    // A card selects in the tree, the legend, the columns, the channels, the flow and the gallery.
    click(&mut browser, ".card[data-pattern=\"1\"] .title");
    let size = layer["patterns"][1]["size"].as_u64().expect("a size") as usize;
    assert_eq!(selected(&mut browser), size);
    browser.wait_for("document.querySelector('.card[data-pattern=\"1\"]').classList.contains('on') && document.querySelector('.card[data-pattern=\"0\"]').classList.contains('dim')");
    browser.wait_for("[...document.querySelectorAll('.legend button.on')].map((one) => one.innerText.trim()).join().startsWith('pattern 1')");
    let node = layer["pattern_nodes"][1].as_u64().expect("a node") - 800;
    assert_eq!(
        browser.value(&format!("+document.querySelector('#node-{node}').getAttribute('fill-opacity')")),
        1,
        "its branch stands out"
    );
    assert!(
        browser.value("+document.querySelector('#node-0').getAttribute('fill-opacity')").as_f64() < Some(0.5),
        "the root does not"
    );
    for (tab, view, words) in [
        ("channels", "#below-panel", "against the other"),
        ("columns", "#below-panel", &format!("{size} / ")),
        ("flow", "#below-panel", "noise"),
        ("tree", "#below-panel", "min_cluster_size"),
    ] {
        click(&mut browser, &format!("#below-{tab}"));
        shows(&mut browser, view, words);
    }
    click(&mut browser, "#beside-samples");
    shows(&mut browser, "#beside-panel", &format!("{size} samples selected"));
    assert_eq!(browser.value("document.querySelectorAll('.gallery .picture').length"), size.min(120));

    // And back: a branch of the tree selects in the cards, a word of a column narrows.
    click(&mut browser, &format!("#node-{}", layer["pattern_nodes"][0].as_u64().expect("a node") - 800));
    let inside = selected(&mut browser);
    assert!(
        inside >= layer["patterns"][0]["size"].as_u64().expect("a size") as usize,
        "a branch holds its pattern: {inside}"
    );
    click(&mut browser, "#beside-patterns");
    browser.wait_for("document.querySelector('.card[data-pattern=\"1\"]').classList.contains('dim') && !document.querySelector('.card[data-pattern=\"0\"]').classList.contains('dim')");
    click(&mut browser, "#below-columns");
    browser.wait_for("document.querySelectorAll('.word').length > 5");
    click(&mut browser, ".word");
    assert!(selected(&mut browser) < inside, "a word narrows");
    assert_eq!(browser.value("document.querySelectorAll('.pill').length"), 2, "both conditions can be removed");
    click(&mut browser, ".pill");
    browser.wait_for("document.querySelectorAll('.pill').length === 1");
    sound(&browser);
}

#[test]
fn a_box_and_a_lasso_select_the_points_inside() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=stage3.relu2", server.url), WINDOW, READY);
    let layer = layer_json(scratch, "001-stage3.relu2.json");
    let axis = |name: &str| -> Vec<f64> {
        layer["projections"][0][name].as_array().expect(name).iter().filter_map(Value::as_f64).collect()
    };
    let (x, y) = (axis("x"), axis("y"));
    let ends = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
    };
    let ((left, right), (low, high)) = (ends(&x), ends(&y));
    let frame = browser.value("(() => { const box = document.querySelector('#scatter').getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()");
    let frame: Vec<f64> = frame.as_array().expect("a frame").iter().filter_map(Value::as_f64).collect();
    let [start, top, width, height] = frame[..] else { panic!("a frame has four numbers") };
    // All points are shown with a margin of 20 pixels.
    let scale = ((right - left) / (width - 40.0)).max((high - low) / (height - 40.0));
    let place = |i: usize| {
        [
            start + width / 2.0 + (x[i] - (left + right) / 2.0) / scale,
            top + height / 2.0 - (y[i] - (low + high) / 2.0) / scale,
        ]
    };
    let corners = [[0.3, 0.25], [0.7, 0.25], [0.7, 0.7], [0.3, 0.7]]
        .map(|[a, b]| [(start + a * width).round() + 0.5, (top + b * height).round() + 0.5]);
    let within = |i: usize| {
        let [px, py] = place(i);
        px > corners[0][0] && px < corners[1][0] && py > corners[0][1] && py < corners[2][1]
    };
    let expected: Vec<usize> = (0..x.len()).filter(|&i| within(i)).collect();
    assert!((30..770).contains(&expected.len()), "the test needs points inside and outside: {}", expected.len());

    for tool in ["Box", "Lasso"] {
        browser.value(&format!(
            "[...document.querySelectorAll('.tools button')].find((one) => one.innerText.startsWith('{tool}')).click()"
        ));
        browser
            .wait_for(&format!("document.querySelector('.tools [aria-checked=true]').innerText.startsWith('{tool}')"));
        let path: Vec<[f64; 2]> =
            if tool == "Box" { vec![corners[0], corners[2]] } else { [&corners[..], &corners[..1]].concat() };
        browser.drag(&path);
        browser.wait_for("!!document.querySelector('#selected') && location.hash.includes('area')");
        let count = selected(&mut browser) as f64;
        assert!(
            (count - expected.len() as f64).abs() <= 1.0,
            "{tool}: {count} selected, {} lie inside",
            expected.len()
        );
        // Which ones: what the page exports.
        let folder = Scratch::new();
        browser.save_to(folder.path());
        browser.value("[...document.querySelectorAll('.menu button')][0].click()");
        browser.wait_for("!!document.querySelector('.sheet')");
        browser
            .value("[...document.querySelectorAll('.sheet button')].find((one) => one.innerText === 'json').click()");
        let file = saved(folder.path());
        let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(file).expect("saved")).expect("JSON");
        let exported: Vec<usize> =
            rows.iter().filter_map(|row| row["sample"].as_u64()).map(|sample| sample as usize).collect();
        assert_eq!(exported.len(), count as usize, "the export is the selection");
        let strays = exported.iter().filter(|sample| !expected.contains(sample)).count();
        assert!(strays <= 1, "{tool}: {strays} samples outside of the drawn area");
        browser.value("[...document.querySelectorAll('.menu button')][0].click()");
        browser.strike("Escape");
        browser.wait_for("!document.querySelector('#selected')");
    }
    sound(&browser);
}

/// The file that the page saves, once it is whole.
fn saved(folder: &Path) -> PathBuf {
    for _ in 0..1500 {
        let done =
            std::fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
                path.extension().is_some_and(|ending| ending != "crdownload")
                    && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
            });
        if let Some(path) = done {
            return path;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("nothing was saved");
}

#[test]
fn asking_the_tree_anew_shows_what_the_command_finds_and_the_permalink_restores_it() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=dense", server.url), WINDOW, READY);
    browser.value("(() => { const it = document.querySelector('#min-cluster-size'); it.value = 20; it.dispatchEvent(new Event('change', { bubbles: true })); })()");
    shows(&mut browser, "#beside-panel", "size 20");
    browser
        .value("[...document.querySelectorAll('.tools [role=radio]')].find((one) => one.innerText === 'eom').click()");
    shows(&mut browser, "#beside-panel", "eom, size 20");
    let told =
        napscope(scratch, "cluster run/features/002-dense.safetensors --min-cluster-size 20 --selection eom --quiet");
    let labels: Vec<i64> = told
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a label").parse().expect("a number"))
        .collect();
    let patterns = labels.iter().max().expect("rows") + 1;
    let noise = labels.iter().filter(|label| **label < 0).count();
    let pattern = if patterns == 1 { "pattern" } else { "patterns" };
    assert_eq!(text(&mut browser, "#tree-told"), format!("{patterns} {pattern}, {noise} noise"));
    for id in 0..patterns {
        let size = labels.iter().filter(|label| **label == id).count();
        let card = text(&mut browser, &format!(".card[data-pattern=\"{id}\"] header .note"));
        assert!(card.starts_with(&format!("{size} samples")), "pattern {id}: {card} and {size}");
    }

    click(&mut browser, ".card[data-pattern=\"1\"] .title");
    click(&mut browser, ".card[data-pattern=\"0\"] .pin");
    click(&mut browser, "#below-flow");
    browser.value("(() => { const it = document.querySelector('.bar select'); it.value = 'membership'; it.dispatchEvent(new Event('change', { bubbles: true })); })()");
    let count = selected(&mut browser);
    browser.wait_for(
        "location.hash.includes('pins') && location.hash.includes('membership') && location.hash.includes('flow')",
    );
    let hash = browser.value("location.hash");
    let hash = hash.as_str().expect("a hash");
    browser.visit(&format!("{}{hash}", server.url), WINDOW, READY);
    browser.wait_for("!!document.querySelector('#selected')");
    assert_eq!(selected(&mut browser), count, "the selection is back");
    assert_eq!(browser.value("location.hash"), hash, "and the address says the same");
    shows(&mut browser, "#beside-panel", "eom, size 20");
    shows(&mut browser, "#beside-compare", "(1)");
    assert_eq!(browser.value("document.querySelector('#below-flow').getAttribute('aria-selected')"), "true");
    assert_eq!(browser.value("document.querySelector('.bar select').value"), "membership");
    // What somebody has made up harms nothing.
    let odd = "#run=99&layer=nowhere&where=%5B%7B%22kind%22%3A%22pattern%22%2C%22layer%22%3A9e9%7D%2C7%2Cnull%5D&pins=%7B%7D&sample=-3&colour=column%3Aconstructor&split=NaN&show=x";
    browser.visit(&format!("{}{odd}", server.url), WINDOW, READY);
    browser.wait_for("!document.querySelector('.busy.on')");
    assert_eq!(browser.value("document.querySelector('#selected')"), Value::Null);
    sound(&browser);
}

#[test]
fn the_keyboard_alone_is_enough() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    browser.visit(&server.url, WINDOW, READY);
    browser.strike("j");
    browser.wait_for("document.querySelector('.strip .on').innerText.startsWith('stage3.relu2')");
    // From the top, Tab comes to everything; the strip is one stop, arrows go on within it.
    let stops = (0..16).map(|_| {
        browser.strike("Tab");
        browser
            .value("document.activeElement.id || document.activeElement.className || document.activeElement.tagName")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    let stops: Vec<String> = stops.collect();
    for wanted in ["search", "layer-1", "scatter"] {
        assert!(stops.iter().any(|stop| stop == wanted), "Tab comes to {wanted}: {stops:?}");
    }
    browser.value("document.querySelector('#layer-1').focus()");
    browser.strike("ArrowRight");
    browser.wait_for("document.activeElement.id === 'layer-2'");
    browser.value("document.querySelector('.card .title').focus()");
    browser.strike("Enter");
    assert!(selected(&mut browser) > 0);
    browser.strike("Escape");
    browser.wait_for("!document.querySelector('#selected')");
    browser.value("document.querySelector('#node-0').focus()");
    browser.strike("ArrowDown");
    browser.wait_for("document.activeElement.id.startsWith('node-') && document.activeElement.id !== 'node-0'");
    browser.strike("Enter");
    assert!(selected(&mut browser) > 0);
    browser.value("document.querySelector('#scatter').focus()");
    browser.strike("ArrowRight");
    shows(&mut browser, ".tip", "sample ");
    browser.strike("Enter");
    shows(&mut browser, "#beside-panel", "Nearest in every layer");
    browser.wait_for("document.querySelectorAll('.near .picture').length >= 24");
    browser.strike("/");
    browser.wait_for("document.activeElement.id === 'search'");
    for letter in "417".chars() {
        browser.strike(&letter.to_string());
    }
    browser.strike("Enter");
    shows(&mut browser, "#beside-sample", "Sample 417");
    browser.value("document.activeElement.blur()");
    browser.strike("?");
    browser.wait_for("document.querySelector('dialog')?.open");
    sound(&browser);
}

#[test]
fn nothing_of_the_data_is_run_and_a_run_without_pictures_is_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    small_run(&scratch);
    let server = Server::start(&scratch, &["run"]);
    for size in [[1280, 720], [3840, 2160]] {
        browser.visit(&server.url, size, READY);
        for tab in ["channels", "columns", "flow", "tree"] {
            click(&mut browser, &format!("#below-{tab}"));
            browser.wait_for("!document.querySelector('.busy.on')");
        }
        assert_eq!(browser.value("document.title"), "napscope explorer", "no script of the data has run");
        assert_eq!(browser.value("document.querySelectorAll('.card b b, main img').length"), 0, "labels are text");
        shows(&mut browser, ".card .labels", "<");
        let wide = browser.value("document.documentElement.scrollWidth - window.innerWidth");
        assert!(wide.as_f64() <= Some(0.0), "{size:?}: the page is {wide} pixels too wide");
        let foreign: Vec<&str> = browser
            .requests()
            .into_iter()
            .filter(|url| !url.starts_with(&server.url) && !url.starts_with("data:") && !url.starts_with("blob:"))
            .collect();
        assert_eq!(foreign, Vec::<&str>::new(), "only the server is asked");
        sound(&browser);
    }
}

#[test]
fn what_detectors_made_of_other_data_is_drawn_and_linked() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    super::ood::evaluated_run(&scratch);
    // Names of data are text, whatever they look like.
    let path = scratch.path().join("run/ood/a.json");
    let written = std::fs::read_to_string(&path).expect("written").replace("nearby.npz", "<img src=x>.npz");
    std::fs::write(&path, &written).expect("writable");
    let evaluation: Value = serde_json::from_str(&written).expect("JSON");
    let line = |layer: &str, detector: &str| -> Value {
        let mut lines = evaluation["lines"].as_array().expect("lines").iter();
        let wanted =
            |line: &&Value| line["ood"] == "shifted.npz" && line["layer"] == layer && line["detector"] == detector;
        lines.find(wanted).cloned().expect("a line")
    };
    let three = |value: &Value| format!("{:.3}", value.as_f64().expect("a number"));
    let server = Server::start(&scratch, &["run"]);
    browser.visit(&format!("{}#layer=conv&below=ood", server.url), [1280, 720], READY);
    browser.value("document.querySelector('#ood-detector').value = 'knn:k=5'; document.querySelector('#ood-detector').dispatchEvent(new Event('change')); 1");
    let conv = line("conv", "knn:k=5");
    shows(&mut browser, "#auroc", &three(&conv["auroc"]));
    // The mean over both sets stands in the strip; alarms are counted for each set.
    let mean = |layer: &str| -> f64 {
        let lines = evaluation["lines"].as_array().expect("lines").iter();
        let found = lines.filter(|line| line["layer"] == layer && line["detector"] == "knn:k=5");
        found.map(|line| line["auroc"].as_f64().expect("a number")).sum::<f64>() / 2.0
    };
    let strip = browser.value("[...document.querySelectorAll('.strip .auroc')].map((one) => one.textContent.trim())");
    assert_eq!(strip, json!(["conv", "fc"].map(|layer| format!("AUROC {:.2}", mean(layer)))));
    let alarms = (conv["false_alarm_rate"].as_f64().expect("a share") * 200.0).round();
    shows(&mut browser, "#alarms tbody tr", &format!("200\t{alarms}\t"));
    shows(&mut browser, "#alarms", "<img src=x>.npz");
    // The band's corners at no false alarms: Wilson's upper end at the root of 95 %, for 200 samples.
    let z = 2.236_477_f64;
    let end = (z * z / 200.0) / (1.0 + z * z / 200.0);
    let corners = browser.value(
        "document.querySelector('.roc polygon').getAttribute('points').split(' ').at(-1).split(',').map(Number)",
    );
    assert!((corners[0].as_f64().expect("a number") - end).abs() < 1e-4, "{corners} begins {end} to the right");

    // A line of the table opens its layer and detector, and the address holds them.
    click(&mut browser, "#judgements tbody tr:last-child button");
    let last = browser.value(
        "[...document.querySelectorAll('#judgements tbody tr:last-child > *')].map((cell) => cell.innerText.trim())",
    );
    browser.wait_for(&format!("document.querySelector('.strip .on').innerText.startsWith({})", last[0]));
    shows(&mut browser, "#auroc", last[3].as_str().expect("a number"));
    let hash = browser.value("location.hash");
    browser.visit(&format!("{}{}", server.url, hash.as_str().expect("text")), [1280, 720], READY);
    shows(&mut browser, "#auroc", last[3].as_str().expect("a number"));
    assert_eq!(browser.value("document.querySelector('#ood-detector').value"), last[1]);
    let wide = browser.value("document.documentElement.scrollWidth - window.innerWidth");
    assert!(wide.as_f64() <= Some(0.0), "the page is {wide} pixels too wide");
    if let Some(axe) = axe() {
        for theme in ["light", "dark"] {
            let view = format!("{}#layer=fc&below=ood&theme={theme}", server.url);
            browser.visit(
                &view,
                [1280, 720],
                "!!document.querySelector('#auroc') && !document.querySelector('.busy.on')",
            );
            scan(&mut browser, &axe, theme);
        }
    }
    sound(&browser);
}

#[test]
fn a_slot_of_a_radio_link_is_drawn_with_its_legend() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    let told = napscope(&scratch, "analyze --limit 120 --layer block3.relu2 --min-cluster-size 5 -o run");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let server = Server::start(&scratch, &["run"]);
    browser.visit(
        &format!("{}#beside=sample&sample=7", server.url),
        [1280, 720],
        "!!document.querySelector('.slot img')",
    );
    browser.wait_for("document.querySelector('.slot img').naturalWidth === 292");
    for words in ["DMRS", "equalised symbols", "LLRs", "uncoded_ber"] {
        shows(&mut browser, "#beside-panel", words);
    }
    browser.wait_for("document.querySelectorAll('.near .picture img').length === 8");
    click(&mut browser, "#beside-patterns");
    browser.wait_for("[...document.querySelectorAll('.card[data-pattern=\"0\"] img')].filter((img) => img.naturalWidth === 292 && img.width === 65).length >= 6");
    sound(&browser);
}

#[test]
fn the_static_page_shows_the_same_without_a_server() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let page = scratch.path().join("page.html");
    let told = napscope(scratch, "report run --interactive -o page.html --force");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let server = Server::start(scratch, &["run"]);
    let view = |file: &str| format!("{file}#layer=dense&below=channels");
    let mut seen = Vec::new();
    for url in [view(&server.url), view(&format!("file://{}", page.display()))] {
        browser.visit(&url, WINDOW, READY);
        click(&mut browser, ".card[data-pattern=\"1\"] .title");
        browser.wait_for("document.querySelectorAll('.channels article').length > 2");
        let told = json!([
            selected(&mut browser),
            browser.value("[...document.querySelectorAll('.card header .note')].map((note) => note.innerText)"),
            browser
                .value("[...document.querySelectorAll('.channels header')].slice(0, 8).map((head) => head.innerText)"),
        ]);
        seen.push(told);
        browser.wait_for("[...document.querySelectorAll('.card[data-pattern=\"0\"] img')].filter((img) => img.naturalWidth > 0).length >= 6");
        sound(&browser);
    }
    assert_eq!(seen[0], seen[1], "with a server and without");
    let foreign: Vec<&str> = browser
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with("data:") && !url.starts_with("blob:") && !url.contains("/page.html"))
        .collect();
    assert_eq!(foreign, Vec::<&str>::new(), "the page is whole in itself");
    click(&mut browser, "#below-tree");
    browser
        .value("[...document.querySelectorAll('.tools [role=radio]')].find((one) => one.innerText === 'eom').click()");
    shows(&mut browser, "#beside-panel", "eom, size 8");
    sound(&browser);
}

/// axe-core comes with the front end's packages (`cargo xtask explorer`); where CI is set it must be there.
#[allow(clippy::print_stderr, reason = "whoever runs the tests should know what was not tested")]
fn axe() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../explorer/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(path).ok();
    if axe.is_none() {
        assert!(std::env::var_os("CI").is_none(), "explorer/node_modules is missing: run `npm ci` in explorer/");
        eprintln!("note: axe-core is not installed (npm ci in explorer/): accessibility is not scanned");
    }
    axe
}

/// Nothing serious is wrong with the page for those who cannot see it, or not well.
fn scan(browser: &mut Browser, axe: &str, view: &str) {
    browser.value(&format!("{axe}; true"));
    let found = browser.awaited(
        "axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes.slice(0, 4).map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`))",
    );
    assert_eq!(found, json!([]), "{view}");
}

#[test]
fn an_accessibility_scan_finds_nothing_serious() {
    let Some(axe) = axe() else { return };
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    let pattern =
        "where=%5B%7B%22kind%22%3A%22pattern%22%2C%22layer%22%3A2%2C%22asked%22%3A%7B%7D%2C%22ids%22%3A%5B1%5D%7D%5D";
    let pins = "pins=%5B%7B%22run%22%3A0%2C%22layer%22%3A2%2C%22asked%22%3A%7B%7D%2C%22id%22%3A0%7D%2C%7B%22run%22%3A0%2C%22layer%22%3A2%2C%22asked%22%3A%7B%7D%2C%22id%22%3A1%7D%5D";
    for (theme, view) in [
        ("light", "beside=patterns"),
        ("dark", "beside=patterns&below=channels"),
        ("light", "beside=samples&below=columns"),
        ("dark", "beside=sample&sample=5&below=flow"),
        ("light", "beside=compare&colour=membership"),
    ] {
        browser.visit(
            &format!("{}#layer=dense&theme={theme}&{view}&{pattern}&{pins}", server.url),
            WINDOW,
            "!!document.querySelector('#selected') && document.querySelector('#scatter')?.width > 300",
        );
        browser.wait_for("!document.querySelector('.busy.on')");
        scan(&mut browser, &axe, &format!("{theme} {view}"));
    }
}
