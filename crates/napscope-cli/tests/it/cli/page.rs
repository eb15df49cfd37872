//! `report.html` as a person sees it, in a browser.

use super::browser::Browser;
use super::harness::napscope;
use super::runs::activations;
use crate::scratch::Scratch;
use serde_json::Value;

/// A run of 90 samples in three groups and two layers, drawn in every way; the label holds what would do harm as markup.
fn run(scratch: &Scratch) -> std::path::PathBuf {
    scratch.file("act.npz", activations(&(0..90).collect::<Vec<_>>()));
    let words = ["<b>bold</b>", "</script><script>document.title='taken'</script>", "\"><img src=x onerror=alert(1)>"];
    let rows: String = (0..90).map(|i| format!("\"{}\",{}\n", words[i % 3].replace('"', "\"\""), i % 7)).collect();
    scratch.file("meta.csv", format!("kind,day\n{rows}"));
    let told = napscope(
        scratch,
        "analyze --data act.npz --metadata meta.csv --label kind --projection pca,umap:epochs=100,min_dist=0.2 --projection diffusion -o run",
    );
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    scratch.path().join("run/report.html")
}

/// Words of the page under a selector.
fn text(browser: &mut Browser, selector: &str) -> String {
    let value = browser.value(&format!("document.querySelector({selector:?}).innerText"));
    value.as_str().unwrap_or_else(|| panic!("{selector} has no text")).to_owned()
}

/// Chooses an entry of a list of choices of the first layer, by its name, as a person does.
fn choose(browser: &mut Browser, list: &str, entry: &str) {
    let chosen = browser.value(&format!(
        "(() => {{ const list = document.querySelector('.plot select[aria-label=\"{list}\"]');
           const at = [...list.options].findIndex((option) => option.text === {entry:?});
           list.selectedIndex = at; list.dispatchEvent(new Event('change', {{ bubbles: true }})); return at; }})()"
    ));
    assert!(chosen.as_i64().is_some_and(|at| at >= 0), "{list} has no entry {entry}");
}

/// Colours of the first picture and how many of its pixels bear each, without the ground.
fn colours(browser: &mut Browser) -> Value {
    browser.value(
        "(() => { const canvas = document.querySelector('.plot canvas'), copy = document.createElement('canvas');
           copy.width = canvas.width; copy.height = canvas.height;
           const pen = copy.getContext('2d', { willReadFrequently: true });
           pen.drawImage(canvas, 0, 0);
           const pixels = pen.getImageData(0, 0, copy.width, copy.height).data, counts = {};
           for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) { const key = [0, 1, 2].map((k) => pixels[i + k] >> 3).join(); counts[key] = (counts[key] ?? 0) + 1; }
           return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 40)); })()",
    )
}

#[test]
fn a_person_sees_the_layers_the_pictures_and_what_they_mean() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    let page = run(&scratch);
    browser.open(&page, [1280, 720]);
    browser.wait_for("document.querySelector('.plot canvas')?.width > 300");

    let rows = browser.value("[...document.querySelectorAll('#layers tbody tr')].map((row) => row.innerText)");
    let rows: Vec<&str> = rows.as_array().expect("rows").iter().filter_map(Value::as_str).collect();
    assert_eq!(rows.len(), 2, "a row a layer: {rows:?}");
    assert!(rows[0].starts_with("conv\t6 × 4 × 4\t3\t") && rows[1].starts_with("fc\t"), "{rows:?}");
    assert_eq!(browser.value("document.querySelectorAll('.card').length"), 6, "a card a pattern");
    assert!(text(&mut browser, "#summary").starts_with("90 samples, 2 layers: mean of each channel"));

    // The picture: three patterns, in their colours.
    let by_pattern = colours(&mut browser);
    assert!(by_pattern.as_object().is_some_and(|colours| colours.len() >= 3), "three colours: {by_pattern}");
    let legend = text(&mut browser, ".plot .legend");
    for pattern in ["pattern 0 (30)", "pattern 1 (30)", "pattern 2 (30)"] {
        assert!(legend.contains(pattern), "{pattern} in {legend:?}");
    }
    let note = text(&mut browser, ".plot .note");
    for words in
        ["of the variance", "a sample's 15 nearest neighbors (by chance: 17 %)", "in all 6 dimensions, not in two"]
    {
        assert!(note.contains(words), "{words:?} in {note:?}");
    }

    // Another colour, another picture.
    choose(&mut browser, "Colour by", "day");
    assert!(text(&mut browser, ".plot .legend").contains("6 (12)"), "the legend follows");
    assert_ne!(colours(&mut browser), by_pattern, "the dots follow");
    choose(&mut browser, "Colour by", "neighbors kept");
    assert!(browser.value("!!document.querySelector('.plot .ramp')") == true, "a share is drawn on a scale");
    choose(&mut browser, "Colour by", "pattern");
    for (name, means) in [
        ("UMAP (epochs=100,min_dist=0.2)", "UMAP draws neighbors together"),
        ("diffusion map", "near is what a random walk along the data soon reaches"),
    ] {
        let before = browser.value("document.querySelector('.plot canvas').toDataURL()");
        choose(&mut browser, "Picture", name);
        assert!(
            browser.value("document.querySelector('.plot canvas').toDataURL()") != before,
            "{name}: another picture"
        );
        let note = text(&mut browser, ".plot .note");
        assert!(note.contains(means), "{name}: {means:?} in {note:?}");
    }
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn samples_tell_what_they_are_to_the_mouse_and_to_the_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    let page = run(&scratch);
    browser.open(&page, [1280, 720]);
    browser.wait_for("document.querySelector('.plot canvas')?.width > 300");
    browser.value("document.querySelector('.plot canvas').scrollIntoView({ block: 'center' })");
    let place = browser.value(
        "(() => { const canvas = document.querySelector('.plot canvas'), frame = canvas.getBoundingClientRect();
           const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
           const at = pixels.findIndex((value, i) => i % 4 === 3 && value > 200) >> 2;
           return [frame.left + at % canvas.width, frame.top + Math.floor(at / canvas.width) + 1]; })()",
    );
    let place = [0, 1].map(|axis| place[axis].as_f64().expect("a place"));
    browser.point(place);
    browser.wait_for("document.querySelector('.plot .tip').innerText.startsWith('sample ')");
    let tip = text(&mut browser, ".plot .tip");
    assert!(tip.contains("pattern ") && tip.contains("day "), "{tip}");
    browser.point([1.0, 1.0]);
    browser.wait_for("document.querySelector('.plot .tip').innerText === ''");

    browser.value("document.querySelector('.plot canvas').focus()");
    browser.press("ArrowRight");
    browser.wait_for("document.querySelector('.plot .tip').innerText.startsWith('sample 0:')");
    browser.press("ArrowLeft");
    browser.wait_for("document.querySelector('.plot .tip').innerText.startsWith('sample 89:')");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing_of_the_data() {
    let Some(mut browser) = Browser::start() else { return };
    let scratch = Scratch::new();
    let page = run(&scratch);
    for size in [[1280, 720], [400, 800]] {
        browser.open(&page, size);
        browser.wait_for("document.querySelector('.plot canvas')?.width > 200");
        let foreign: Vec<&str> = browser
            .requests()
            .into_iter()
            .filter(|url| !url.starts_with("data:") && !url.ends_with("/run/report.html"))
            .collect();
        assert_eq!(foreign, Vec::<&str>::new(), "the page is whole in itself");
        assert_eq!(browser.complaints(), Vec::<&Value>::new());
        assert_eq!(browser.value("document.title"), "napscope report", "no script of the data has run");
        assert_eq!(browser.value("document.querySelectorAll('main b, main img').length"), 0, "labels are text");
        assert!(text(&mut browser, ".card .mixwords").contains('<'), "and are shown as they are");
        let wide = browser.value("document.documentElement.scrollWidth - window.innerWidth");
        assert!(wide.as_f64().is_some_and(|wide| wide <= 0.0), "{size:?}: the page is {wide} pixels too wide");
    }
}
