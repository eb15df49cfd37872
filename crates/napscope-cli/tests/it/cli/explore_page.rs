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
/// Ready, whatever stands beside the picture.
const READY_TABS: &str = "document.querySelector('#scatter')?.width > 300 && !!document.querySelector('#beside-panel')";

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

/// Slots of the embedded receiver in two layers, run once for all tests.
fn slots() -> &'static Scratch {
    static RUN: OnceLock<Scratch> = OnceLock::new();
    RUN.get_or_init(|| {
        let scratch = Scratch::new();
        let told = napscope(
            &scratch,
            "analyze --limit 120 --layer block2.relu2 --layer block3.relu2 --min-cluster-size 5 -o run",
        );
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
    let ([x, y], [start, top, width, height]) = (coordinates(&layer), frame(&mut browser));
    let places = places(&x, &y, [start, top, width, height]);
    let on_page = |[a, b]: [f64; 2]| [(start + a * width).round() + 0.5, (top + b * height).round() + 0.5];
    let square = [[0.3, 0.25], [0.7, 0.25], [0.7, 0.7], [0.3, 0.7]].map(on_page).to_vec();
    // What a box cannot do: a hook, into whose mouth a part of the square falls.
    let hook = [[0.3, 0.25], [0.7, 0.25], [0.7, 0.7], [0.3, 0.7], [0.3, 0.6], [0.6, 0.6], [0.6, 0.35], [0.3, 0.35]];
    let hook = hook.map(on_page).to_vec();

    for (tool, drawn) in [("Box", &square), ("Lasso", &hook)] {
        let expected: Vec<usize> = (0..x.len()).filter(|&i| lies_in(places[i], drawn)).collect();
        assert!((20..770).contains(&expected.len()), "the test needs points inside and outside: {}", expected.len());
        browser.value(&format!(
            "[...document.querySelectorAll('.tools button')].find((one) => one.innerText.startsWith('{tool}')).click()"
        ));
        browser
            .wait_for(&format!("document.querySelector('.tools [aria-checked=true]').innerText.startsWith('{tool}')"));
        let path: Vec<[f64; 2]> =
            if tool == "Box" { vec![drawn[0], drawn[2]] } else { [&drawn[..], &drawn[..1]].concat() };
        browser.drag(&path);
        browser.wait_for("!!document.querySelector('#selected') && location.hash.includes('area')");
        let count = selected(&mut browser) as f64;
        assert!(
            (count - expected.len() as f64).abs() <= 1.0,
            "{tool}: {count} selected, {} lie inside",
            expected.len()
        );
        // Which ones: what the page exports.
        let exported: Vec<usize> = exported(&mut browser).iter().map(number_of).collect();
        assert_eq!(exported.len(), count as usize, "the export is the selection");
        let strays = exported.iter().filter(|sample| !expected.contains(sample)).count();
        assert!(strays <= 1, "{tool}: {strays} samples outside of the drawn area");
        // To the last sample: those inside of the area as the address has it, in the coordinates of the data.
        assert_eq!(exported, inside_of_the_address(&mut browser, &x, &y), "{tool}");
        browser.strike("Escape");
        browser.wait_for("!document.querySelector('#selected')");
    }
    sound(&browser);
}

/// Where the samples of a layer lie in its first projection.
fn coordinates(layer: &Value) -> [Vec<f64>; 2] {
    ["x", "y"]
        .map(|axis| layer["projections"][0][axis].as_array().expect(axis).iter().filter_map(Value::as_f64).collect())
}

/// Left, top, width and height of the picture on the page.
fn frame(browser: &mut Browser) -> [f64; 4] {
    let frame = browser.value("(() => { const box = document.querySelector('#scatter').getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()");
    serde_json::from_value(frame).expect("four numbers")
}

/// Where samples stand on the page: all are shown, with a margin of 20 pixels.
fn places(x: &[f64], y: &[f64], [start, top, width, height]: [f64; 4]) -> Vec<[f64; 2]> {
    let ends = |values: &[f64]| {
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
    };
    let ((left, right), (low, high)) = (ends(x), ends(y));
    let scale = ((right - left) / (width - 40.0)).max((high - low) / (height - 40.0));
    let place = |(x, y): (&f64, &f64)| {
        let (across, up) = (x - (left + right) / 2.0, y - (low + high) / 2.0);
        [start + width / 2.0 + across / scale, top + height / 2.0 - up / scale]
    };
    x.iter().zip(y).map(place).collect()
}

/// Does a place lie inside of a closed path? Counted by the edges that a ray to the right crosses.
fn lies_in([x, y]: [f64; 2], path: &[[f64; 2]]) -> bool {
    let edges = path.iter().zip(path.iter().cycle().skip(1));
    let crossed = |([ax, ay], [bx, by]): &(&[f64; 2], &[f64; 2])| {
        (*ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
    };
    edges.filter(crossed).count() % 2 == 1
}

/// The samples inside of the area that the address holds, given where the samples lie.
fn inside_of_the_address(browser: &mut Browser, x: &[f64], y: &[f64]) -> Vec<usize> {
    browser.wait_for("location.hash.includes('area')");
    let corners = browser.value("JSON.parse(new URLSearchParams(location.hash.slice(1)).get('where')).find((one) => one.kind === 'area').corners");
    let corners: Vec<[f64; 2]> = serde_json::from_value(corners).expect("corners");
    // The page has the coordinates in single precision.
    let place = |i: usize| [f64::from(x[i] as f32), f64::from(y[i] as f32)];
    (0..x.len()).filter(|&i| lies_in(place(i), &corners)).collect()
}

/// The rows that the page exports as JSON.
fn exported(browser: &mut Browser) -> Vec<Value> {
    let folder = Scratch::new();
    browser.save_to(folder.path());
    browser.value("document.querySelector('.menu button').click()");
    browser.wait_for("!!document.querySelector('.sheet')");
    browser.value("[...document.querySelectorAll('.sheet button')].find((one) => one.innerText === 'json').click()");
    let rows = serde_json::from_slice(&std::fs::read(saved(folder.path())).expect("saved")).expect("JSON");
    browser.value("document.querySelector('.menu button').click()");
    rows
}

fn number_of(row: &Value) -> usize {
    row["sample"].as_u64().expect("a number") as usize
}

/// The file that the page saves, once it is whole.
fn saved(folder: &Path) -> PathBuf {
    for _ in 0..1500 {
        let done =
            std::fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
                // The browser keeps the name with an empty file while it writes.
                path.metadata().is_ok_and(|file| file.len() > 0)
                    && path.extension().is_some_and(|ending| ending != "crdownload")
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
fn every_sample_is_drawn_where_it_lies_with_a_graphics_card_and_without() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let layer = layer_json(scratch, "002-dense.json");
    let [x, y] = coordinates(&layer);
    let server = Server::start(scratch, &["run"]);
    for (query, pen) in [("", "webgl2"), ("?canvas", "canvas")] {
        browser.visit(&format!("{}{query}#layer=dense", server.url), WINDOW, READY);
        assert_eq!(browser.value("document.querySelector('#scatter').dataset.pen"), pen);
        let [_, _, width, height] = frame(&mut browser);
        let places = places(&x, &y, [0.0, 0.0, width, height]);
        // Red, green, blue and cover at each place.
        let ink = format!(
            "(() => {{ const from = document.querySelector('#scatter'), copy = Object.assign(document.createElement('canvas'), {{ width: from.width, height: from.height }}), pen = copy.getContext('2d');
                pen.drawImage(from, 0, 0);
                const {{ data }} = pen.getImageData(0, 0, copy.width, copy.height);
                return {places:?}.map(([x, y]) => [0, 1, 2, 3].map((byte) => data[4 * (Math.floor(y) * copy.width + Math.floor(x)) + byte])); }})()"
        );
        browser.wait_for(&format!("{ink}.every(([, , , cover]) => cover > 0)"));
        let labels: Vec<i64> = exported(&mut browser).iter().filter_map(|row| row["cluster"].as_i64()).collect();
        let inks =
            |browser: &mut Browser| -> Vec<[i64; 4]> { serde_json::from_value(browser.value(&ink)).expect("bytes") };
        // Pattern 1 is #ee6677, but where others lie above it.
        let own =
            |[red, green, blue, _]: &[i64; 4]| (red - 0xee).abs() + (green - 0x66).abs() + (blue - 0x77).abs() < 60;
        let drawn = inks(&mut browser);
        let coloured = |wanted: bool| -> f64 {
            let chosen: Vec<_> = drawn.iter().zip(&labels).filter(|(_, label)| (**label == 1) == wanted).collect();
            chosen.iter().filter(|(ink, _)| own(ink)).count() as f64 / chosen.len() as f64
        };
        assert!(coloured(true) > 0.7 && coloured(false) < 0.2, "{pen}: {} and {}", coloured(true), coloured(false));
        // What is not selected is dimmed, never hidden.
        click(&mut browser, ".card[data-pattern=\"1\"] .title");
        selected(&mut browser);
        let cover = |browser: &mut Browser, wanted: bool| -> Vec<i64> {
            let chosen = inks(browser).into_iter().zip(&labels).filter(|(_, label)| (**label == 1) == wanted);
            chosen.map(|([.., cover], _)| cover).collect()
        };
        browser.wait_for(&format!("{ink}.filter(([, , , cover]) => cover < 128).length > 100"));
        assert!(cover(&mut browser, true).iter().all(|cover| *cover > 128), "{pen}: the selected stand out");
        let others = cover(&mut browser, false);
        assert!(others.iter().all(|cover| *cover > 0), "{pen}: nothing is hidden");
        assert!(others.iter().filter(|cover| **cover < 128).count() * 2 > others.len(), "{pen}: the others are dimmed");
    }
    sound(&browser);
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
    let odd = "#run=99&layer=nowhere&where=%5B%7B%22kind%22%3A%22pattern%22%2C%22layer%22%3A9e9%7D%2C7%2Cnull%5D&pins=%7B%7D&sample=-3&colour=column%3Aconstructor&split=NaN&show=x&feature=1e3%3Ax&samples-by=feature&patterns-by=constructor&tool=axe&patterns-most=1e99&samples-most=-1";
    browser.visit(&format!("{}{odd}", server.url), WINDOW, READY);
    browser.wait_for("!document.querySelector('.busy.on')");
    assert_eq!(browser.value("document.querySelector('#selected')"), Value::Null);
    sound(&browser);
}

#[test]
fn orders_counts_and_the_tool_in_hand_are_in_the_permalink() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let layer = layer_json(scratch, "002-dense.json");
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=dense&below=channels", server.url), WINDOW, READY);
    let choose = |browser: &mut Browser, value: &str| {
        browser.value(&format!("(() => {{ const it = document.querySelector('#beside-panel .bar select'); it.value = {value:?}; it.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"));
    };
    choose(&mut browser, "persistence");
    browser.value(
        "[...document.querySelectorAll('.tools button')].find((one) => one.innerText.startsWith('Box')).click()",
    );
    click(&mut browser, ".card[data-pattern=\"1\"] .title");
    browser.wait_for("document.querySelectorAll('.channels article').length > 2");
    click(&mut browser, "#below-panel .check input");
    // A channel orders the samples by itself; the order that is chosen then is another one.
    click(&mut browser, ".channels article .link");
    browser.wait_for("document.querySelector('#beside-panel .bar select')?.value === 'feature'");
    browser.strike("Escape");
    browser.wait_for("!document.querySelector('#selected')");
    choose(&mut browser, "number");
    click(&mut browser, "#beside-panel > button");
    let first = |count: usize| {
        format!(
            "[...document.querySelectorAll('.gallery .picture')].map((one) => parseInt(one.title.slice(7))).join() === [...Array({count}).keys()].join()"
        )
    };
    browser.wait_for(&first(240));

    let told = [
        "samples-by=number",
        "samples-most=240",
        "patterns-by=persistence",
        "tool=box",
        "quiet=false",
        "colour=feature",
    ];
    browser.wait_for(&format!("{told:?}.every((part) => location.hash.includes(part))"));
    let hash = browser.value("location.hash");
    browser.visit(&format!("{}{}", server.url, hash.as_str().expect("text")), WINDOW, READY_TABS);
    browser.wait_for(&first(240));
    browser.wait_for("document.querySelector('.tools [aria-checked=true]').innerText.startsWith('Box')");
    browser
        .wait_for("!document.querySelector('.busy.on') && document.querySelector('.bar select').value === 'feature'");
    assert_eq!(
        browser.value("document.querySelector('#beside-panel .bar select').value"),
        "number",
        "not the channel's"
    );
    click(&mut browser, "#beside-patterns");
    let persistence = |id: usize| layer["patterns"][id]["persistence"].as_f64().expect("a number");
    let mut ids: Vec<usize> = (0..layer["patterns"].as_array().expect("patterns").len()).collect();
    ids.sort_by(|&x, &y| persistence(y).total_cmp(&persistence(x)).then(x.cmp(&y)));
    let cards = browser
        .value("[...document.querySelectorAll('.card')].map((card) => +card.dataset.pattern).filter((id) => id >= 0)");
    assert_eq!(cards, json!(ids), "the steadiest first");
    click(&mut browser, "#beside-samples");
    browser.wait_for("!location.hash.includes('beside=patterns') && location.hash.includes('beside=samples')");
    assert_eq!(browser.value("location.hash"), hash, "and the address says the same");

    // The channel orders where the link says so, whatever colours.
    let hash =
        hash.as_str().expect("text").replace("samples-by=number", "samples-by=feature").replace("colour=feature&", "");
    browser.visit(&format!("{}{hash}", server.url), WINDOW, READY_TABS);
    browser.wait_for("document.querySelector('#beside-panel .bar select').value === 'feature'");
    assert_eq!(browser.value("document.querySelector('.bar select').value"), "pattern");
    let column: usize =
        hash.split("feature=").nth(1).and_then(|part| part.split("%3A").next()?.parse().ok()).expect("a column");
    let file = scratch.path().join("run/features/002-dense.safetensors");
    let (_, features) = napscope_cli::files::features::read(&file).expect("written");
    let mut strongest: Vec<usize> = (0..features.samples()).collect();
    strongest.sort_by(|&x, &y| features.row(y)[column].total_cmp(&features.row(x)[column]).then(x.cmp(&y)));
    let shown =
        browser.value("[...document.querySelectorAll('.gallery .picture')].map((one) => parseInt(one.title.slice(7)))");
    assert_eq!(shown, json!(strongest[..240]));
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
    // Closer by keys, and all that is seen is selected.
    for _ in 0..4 {
        browser.strike("+");
    }
    browser.strike("s");
    let seen = selected(&mut browser);
    assert!((1..800).contains(&seen), "a part of the samples: {seen}");
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
    let run = small_run(&scratch);
    // A folder from anybody: names of data, layers, columns and the folder itself may be markup, too.
    let markup = "<img src=x onerror=document.title='taken'>";
    for file in ["report.json", "layers/000-conv.json"] {
        let text = std::fs::read_to_string(run.join(file)).expect("written");
        let text = text.replace("\"conv\"", &format!("{markup:?}")).replace("act.npz", markup);
        std::fs::write(run.join(file), text).expect("writable");
    }
    std::fs::rename(&run, scratch.path().join(markup)).expect("a name like any other");
    let server = Server::start(&scratch, &[markup]);
    for size in [[1280, 720], [3840, 2160]] {
        browser.visit(&server.url, size, READY);
        for tab in ["channels", "columns", "flow", "tree"] {
            click(&mut browser, &format!("#below-{tab}"));
            browser.wait_for("!document.querySelector('.busy.on')");
        }
        assert_eq!(browser.value("document.title"), "napscope explorer", "no script of the data has run");
        assert_eq!(browser.value("document.querySelectorAll('.card b b, main img').length"), 0, "labels are text");
        shows(&mut browser, ".card .labels", "<");
        shows(&mut browser, ".strip", markup);
        shows(&mut browser, ".about", markup);
        assert_eq!(browser.value("document.querySelectorAll('img[src=x]').length"), 0, "names are text");
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
fn the_strip_says_what_the_verdicts_measured() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    let path = small_run(&scratch).join("report.json");
    // A layer that tells its columns no better than chance does.
    let mut report: Value = serde_json::from_slice(&std::fs::read(&path).expect("written")).expect("JSON");
    for told in report["layers"][1]["verdict"]["alignment"].as_array_mut().expect("columns") {
        told["p_value_adjusted"] = 0.2.into();
    }
    std::fs::write(&path, report.to_string()).expect("writable");
    for scratch in [slots(), &scratch] {
        let path = scratch.path().join("run/report.json");
        let report: Value = serde_json::from_slice(&std::fs::read(path).expect("written")).expect("JSON");
        let number = |value: &Value| value.as_f64().expect("a number");
        let layers = report["layers"].as_array().expect("layers").iter().map(|layer| {
            let columns = layer["verdict"]["alignment"].as_array().expect("columns");
            // Of the columns that are told, the one that is told best, by the better of both ways to ask.
            let told = columns.iter().filter(|one| number(&one["p_value_adjusted"]) <= 0.05).map(|one| {
                let better = if number(&one["ridge"]["r2"]) > number(&one["knn"]["r2"]) { "ridge" } else { "knn" };
                (one["column"].as_str().expect("a name"), &one[better])
            });
            let told = told.filter(|(_, found)| number(&found["r2"]) > 0.0);
            told.reduce(|best, next| if number(&next.1["r2"]) > number(&best.1["r2"]) { next } else { best })
        });
        let layers: Vec<_> = layers.collect();
        assert!(layers[0].is_some(), "the test needs a layer that tells something");
        let server = Server::start(scratch, &["run"]);
        browser.visit(&server.url, WINDOW, READY);
        for (at, told) in layers.into_iter().enumerate() {
            let selector = format!(".strip li:nth-child({}) .tells", at + 1);
            let shown = browser.value(&format!(
                "(({{ textContent, title }}) => [textContent, title])(document.querySelector({selector:?}))"
            ));
            let expected = match told {
                Some((column, found)) => {
                    let [r2, low, high] = ["r2", "low", "high"].map(|key| format!("{:.2}", number(&found[key])));
                    json!([
                        format!("tells {column} {r2}"),
                        format!(
                            "Of the columns of the data, the layer tells {column} best: R² {r2} [{low}, {high}] on samples that were not fitted on"
                        )
                    ])
                }
                None => json!(["tells no column", "The layer tells no column of the data better than chance would"]),
            };
            assert_eq!(shown, expected);
        }
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
    browser.wait_for(&format!("location.hash.includes('layer=' + encodeURIComponent({}))", last[0]));
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
    let scratch = slots();
    let server = Server::start(scratch, &["run"]);
    browser.visit(
        &format!("{}#layer=block3.relu2&beside=sample&sample=7", server.url),
        [1280, 720],
        "!!document.querySelector('.slot img')",
    );
    browser.wait_for("document.querySelector('.slot img').naturalWidth === 292");
    for words in ["DMRS", "equalised symbols", "LLRs", "uncoded_ber"] {
        shows(&mut browser, "#beside-panel", words);
    }
    browser.wait_for("document.querySelectorAll('tr.on .picture img').length === 8");
    click(&mut browser, "#beside-patterns");
    browser.wait_for("[...document.querySelectorAll('.card[data-pattern=\"0\"] img')].filter((img) => img.naturalWidth === 292 && img.width > 50).length >= 6");
    sound(&browser);
}

/// What holds for every run, whatever its samples look like. `layer` is its last one, whose file is `file`.
fn works(browser: &mut Browser, scratch: &Scratch, layer: &str, file: &str) {
    let server = Server::start(scratch, &["run"]);
    let told = layer_json(scratch, &format!("{file}.json"));
    let patterns = told["patterns"].as_array().expect("patterns").len();
    let samples = told["projections"][0]["x"].as_array().expect("x").len();
    browser.visit(&format!("{}#layer={layer}", server.url), [1280, 720], READY);
    browser.wait_for(&format!("document.querySelectorAll('.card').length === {}", patterns + 1));

    // From the cards to the tree, and from the tree to the cards.
    let node = |pattern: usize| told["pattern_nodes"][pattern].as_u64().expect("a node") as usize - samples;
    let opacity = |node: usize| format!("+document.querySelector('#node-{node}').getAttribute('fill-opacity')");
    click(browser, ".card[data-pattern=\"1\"] .title");
    assert_eq!(selected(browser) as u64, told["patterns"][1]["size"].as_u64().expect("a size"));
    browser.wait_for(&format!("{} === 1 && {} < 1", opacity(node(1)), opacity(0)));
    let rows = exported(browser);
    assert!(rows.iter().all(|row| row["cluster"] == 1 && row["layer"] == layer), "the pattern is exported");
    click(browser, &format!("#node-{}", node(0)));
    browser.wait_for("!document.querySelector('.card[data-pattern=\"0\"]').classList.contains('dim') && document.querySelector('.card[data-pattern=\"1\"]').classList.contains('dim')");

    // Every view says something of the selection.
    for (tab, words) in [
        ("#below-channels", "against the other"),
        ("#below-columns", "Grey: all samples"),
        ("#below-flow", "A band are the samples"),
        ("#below-verdict", "Everything that was measured"),
        ("#below-tree", "min_cluster_size"),
        ("#beside-samples", "selected"),
        ("#beside-sample", "Click a picture or a point"),
        ("#beside-compare", "Pin patterns"),
        ("#beside-patterns", "pattern"),
    ] {
        click(browser, tab);
        shows(browser, if tab.starts_with("#below") { "#below-panel" } else { "#beside-panel" }, words);
    }

    // All that is seen, once one has gone closer, by the data's own coordinates.
    let [x, y] = coordinates(&told);
    browser.value("document.querySelector('#scatter').focus()");
    for key in ["+", "+", "s"] {
        browser.strike(key);
    }
    browser.wait_for("location.hash.includes('area')");
    let seen = inside_of_the_address(browser, &x, &y);
    assert!(!seen.is_empty() && seen.len() < samples, "{} are seen", seen.len());
    assert_eq!(exported(browser).iter().map(number_of).collect::<Vec<_>>(), seen);

    // Other patterns, sample by sample those that the command finds; and the address brings all of it back.
    browser.value("(() => { const it = document.querySelector('#min-cluster-size'); it.value = 12; it.dispatchEvent(new Event('change', { bubbles: true })); })()");
    shows(browser, "#beside-panel", "size 12");
    browser.value("document.activeElement.blur()");
    browser.strike("Escape");
    browser.wait_for("!document.querySelector('#selected')");
    let command = format!("cluster run/features/{file}.safetensors --min-cluster-size 12 --quiet");
    let expected: Vec<i64> = napscope(scratch, &command)
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a label").parse().expect("a number"))
        .collect();
    let clusters: Vec<i64> = exported(browser).iter().filter_map(|row| row["cluster"].as_i64()).collect();
    assert_eq!(clusters, expected);
    browser.wait_for("location.hash.includes('tree=12') && !location.hash.includes('area')");
    let hash = browser.value("location.hash");
    browser.visit(&format!("{}{}", server.url, hash.as_str().expect("text")), [1280, 720], READY);
    shows(browser, "#beside-panel", "size 12");
    assert_eq!(browser.value("location.hash"), hash);
    assert!(browser.value("location.hash.includes('zoom=')") == true, "how close one was is in the address");

    if let Some(axe) = axe() {
        for (theme, view) in [("light", "below=verdict"), ("dark", "beside=sample&sample=3&below=columns")] {
            let url = format!("{}#layer={layer}&theme={theme}&{view}", server.url);
            browser.visit(&url, [1280, 720], &format!("{READY_TABS} && !document.querySelector('.busy.on')"));
            scan(browser, &axe, view);
        }
    }
    let wide = browser.value("document.documentElement.scrollWidth - window.innerWidth");
    assert!(wide.as_f64() <= Some(0.0), "the page is {wide} pixels too wide");
    sound(browser);

    // And without a server.
    let told = napscope(scratch, "report run --interactive -o alone.html --force");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let page = format!("file://{}#layer={layer}", scratch.path().join("alone.html").display());
    browser.visit(&page, [1280, 720], READY);
    browser.wait_for(&format!("document.querySelectorAll('.card').length === {}", patterns + 1));
    click(browser, ".card[data-pattern=\"1\"] .title");
    let rows = exported(browser);
    assert_eq!(rows.len(), selected(browser));
    assert!(rows.iter().all(|row| row["cluster"] == 1), "the page writes its rows itself");
    sound(browser);
}

#[test]
fn slots_of_a_radio_link_are_shown_in_every_view() {
    let Some(mut browser) = Browser::start() else { return };
    works(&mut browser, slots(), "block3.relu2", "001-block3.relu2");
}

#[test]
fn a_run_without_pictures_is_shown_in_every_view() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    small_run(&scratch);
    works(&mut browser, &scratch, "fc", "001-fc");
}

#[test]
fn noise_is_a_group_and_says_why() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=dense", server.url), WINDOW, READY);
    click(&mut browser, ".card[data-pattern=\"-1\"] .title");
    let rows = exported(&mut browser);
    assert!(rows.len() > 20 && rows.iter().all(|row| row["cluster"] == -1), "noise is selected like a pattern");
    let card = text(&mut browser, ".card[data-pattern=\"-1\"]");
    let counts: Vec<usize> = card
        .lines()
        .find(|line| line.contains("before it splits"))
        .expect("the card says why")
        .split_whitespace()
        .filter_map(|word| word.replace(',', "").parse().ok())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), rows.len(), "{card}: each leaves in one way or in the other");
    click(&mut browser, ".card[data-pattern=\"-1\"] .pin");
    shows(&mut browser, "#beside-compare", "(1)");

    // The nearest sample in a pattern, by the distance of the run: Euclidean, each column divided by its largest magnitude.
    browser.strike("Escape");
    browser.wait_for("!document.querySelector('#selected')");
    let labels: Vec<i64> = exported(&mut browser).iter().filter_map(|row| row["cluster"].as_i64()).collect();
    let file = scratch.path().join("run/features/002-dense.safetensors");
    let (_, features) = napscope_cli::files::features::read(&file).expect("written");
    let columns = features.row(0).len();
    let most: Vec<f32> = (0..columns)
        .map(|column| (0..labels.len()).fold(0.0, |most: f32, sample| most.max(features.row(sample)[column].abs())))
        .collect();
    let apart = |x: usize, y: usize| -> f64 {
        let part = |column: usize| f64::from((features.row(x)[column] - features.row(y)[column]) / most[column]);
        (0..columns).filter(|&column| most[column] > 0.0).map(|column| part(column).powi(2)).sum()
    };
    let nearest = |sample: usize| {
        let inside = (0..labels.len()).filter(|&other| labels[other] >= 0);
        inside.min_by(|&x, &y| apart(sample, x).total_cmp(&apart(sample, y))).expect("patterns")
    };
    // Of the group: the three patterns that most are nearest to, and the rest.
    let mut counts = vec![0; layer_json(scratch, "002-dense.json")["patterns"].as_array().expect("patterns").len()];
    rows.iter().for_each(|row| counts[labels[nearest(number_of(row))] as usize] += 1);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&id| std::cmp::Reverse(counts[id]));
    let percent = |part: usize| format!("({} %)", (100.0 * part as f64 / rows.len() as f64).round());
    let mut told: Vec<String> = order[..3].iter().map(|&id| format!("pattern {id} {}", percent(counts[id]))).collect();
    told.push(format!("others {}", percent(order[3..].iter().map(|&id| counts[id]).sum())));
    browser.value("document.querySelector('.card[data-pattern=\"-1\"]').scrollIntoView()");
    shows(&mut browser, ".card[data-pattern=\"-1\"] .nearest", &format!("Nearest: {}.", told.join(", ")));
    for row in rows.iter().step_by(rows.len() / 4) {
        let sample = number_of(row);
        let nearest = nearest(sample);
        browser.visit(&format!("{}#layer=dense&beside=sample&sample={sample}", server.url), WINDOW, READY_TABS);
        shows(&mut browser, ".why", &format!("sample in a pattern is {nearest} of pattern {}", labels[nearest]));
        shows(&mut browser, ".why", "It leaves ");
    }
    sound(&browser);
}

#[test]
fn patterns_of_two_runs_stand_side_by_side() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let told =
        napscope(scratch, "analyze --example vision --layer dense --limit 300 --min-cluster-size 6 -o other --force");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let server = Server::start(scratch, &["run", "other"]);
    browser.visit(&format!("{}#layer=dense", server.url), WINDOW, READY);
    let colour = "getComputedStyle(document.querySelector('.card[data-pattern=\"2\"] .title i')).backgroundColor";
    let first = browser.value(colour);
    click(&mut browser, ".card[data-pattern=\"0\"] .pin");
    browser.value("(() => { const it = document.querySelector('.run select'); it.value = 1; it.dispatchEvent(new Event('change', { bubbles: true })); })()");
    browser.wait_for("document.querySelectorAll('.strip li').length === 1 && !document.querySelector('.busy.on')");
    assert_eq!(browser.value(colour), first, "a number has one colour, in every run");
    click(&mut browser, ".card[data-pattern=\"1\"] .pin");
    click(&mut browser, "#beside-compare");
    shows(&mut browser, "#beside-panel", "2 patterns side by side");
    let size = |file: &str, at: usize| {
        let json: Value =
            serde_json::from_slice(&std::fs::read(scratch.path().join(file)).expect("written")).expect("JSON");
        json["patterns"][at]["size"].as_u64().expect("a size")
    };
    for (run, members) in
        [("run", size("run/layers/002-dense.json", 0)), ("other", size("other/layers/000-dense.json", 1))]
    {
        shows(&mut browser, ".sides", &format!("{run} · {members} samples"));
    }
    browser.wait_for("[...document.querySelectorAll('.sides img')].filter((img) => img.naturalWidth > 0).length > 8");
    // The address follows a little later: what came last must be in it.
    browser.wait_for("location.hash.includes('run=1') && location.hash.includes('beside=compare')");
    let hash = browser.value("location.hash");
    browser.visit(&format!("{}{}", server.url, hash.as_str().expect("text")), WINDOW, READY_TABS);
    shows(&mut browser, "#beside-panel", "2 patterns side by side");
    sound(&browser);
}

#[test]
fn a_search_finds_samples_labels_and_layers() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = example();
    let server = Server::start(scratch, &["run"]);
    browser.visit(&format!("{}#layer=dense", server.url), WINDOW, READY);
    let all = exported(&mut browser);
    let look_for = |browser: &mut Browser, words: &str| {
        browser.value(&format!("(() => {{ const it = document.querySelector('#search'); it.value = {words:?}; it.dispatchEvent(new Event('input', {{ bubbles: true }})); it.form.requestSubmit(); }})()"));
        browser.wait_for("!document.querySelector('.busy.on')");
    };
    look_for(&mut browser, "stage1");
    browser.wait_for("document.querySelector('.strip .on').innerText.startsWith('stage1.relu2')");
    look_for(&mut browser, "sandal");
    shows(&mut browser, "#beside-panel", "samples selected");
    let expected: Vec<usize> = all.iter().filter(|row| row["class_name"] == "Sandal").map(number_of).collect();
    assert!(expected.len() > 20, "the data has sandals: {}", expected.len());
    assert_eq!(exported(&mut browser).iter().map(number_of).collect::<Vec<_>>(), expected);
    look_for(&mut browser, "5");
    shows(&mut browser, "#beside-sample", "Sample 5");
    look_for(&mut browser, "no such thing");
    shows(&mut browser, ".error", "no such thing");
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
        browser.value("document.querySelector('.card[data-pattern=\"-1\"]').scrollIntoView()");
        shows(&mut browser, ".nearest", "Nearest: pattern");
        let told = json!([
            text(&mut browser, ".nearest"),
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
        ("dark", "below=verdict"),
    ] {
        browser.visit(
            &format!("{}#layer=dense&theme={theme}&{view}&{pattern}&{pins}", server.url),
            WINDOW,
            "!!document.querySelector('#selected') && document.querySelector('#scatter')?.width > 300",
        );
        browser.wait_for("!document.querySelector('.busy.on')");
        scan(&mut browser, &axe, &format!("{theme} {view}"));
    }
    browser.value("document.querySelector('.menu button').click()");
    browser.wait_for("!!document.querySelector('.sheet')");
    scan(&mut browser, &axe, "what leaves the page");
    browser.value("document.activeElement.blur()");
    browser.strike("?");
    browser.wait_for("document.querySelector('dialog')?.open");
    scan(&mut browser, &axe, "help");
}

#[test]
fn a_screenshot_is_the_view_that_was_asked_for() {
    // The program looks for the same browser as the tests do.
    if Browser::start().is_none() {
        return;
    }
    let scratch = example();
    let views = ["layer=dense&theme=light", "layer=dense&theme=dark"].map(|view| {
        let line = format!("explore run --no-open --size 900x640 --view {view} --screenshot-to view.png");
        let told = napscope(scratch, &line);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        let picture = image::open(scratch.path().join("view.png")).expect("a picture").to_rgb8();
        assert_eq!(picture.dimensions(), (900, 640));
        picture
    });
    let brightness = views.each_ref().map(|picture| picture.iter().map(|value| u64::from(*value)).sum::<u64>());
    assert!(brightness[0] > 3 * brightness[1], "light and dark: {brightness:?}");
}
