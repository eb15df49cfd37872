"use strict";
// Draws the report from the JSON in the page. Text from the data goes in as text, never as markup.
const report = JSON.parse(document.getElementById("data").textContent);
const NOISE = getComputedStyle(document.documentElement).getPropertyValue("--noise").trim();

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") node.style.cssText = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const count = (number) => number.toLocaleString("en-US");
const percent = (part, whole) => whole ? `${Math.round(100 * part / whole)} %` : "–";
const short = (number) => Math.abs(number) >= 1000 || (number && Math.abs(number) < 0.01) ? number.toExponential(1) : number.toPrecision(3);

// Paul Tol's colour-blind-safe hues first, then hues by the golden angle: neighbours in number differ in colour.
const HUES = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99", "#bbcc33", "#99ddff", "#ffaabb", "#aaaa00"];
function hue(index) {
  if (index < 0) return NOISE;
  return index < HUES.length ? HUES[index] : `hsl(${(index * 137.508) % 360} 58% ${index % 2 ? 46 : 62}%)`;
}
// Viridis at seven points.
const RAMP = [[68, 1, 84], [70, 50, 127], [54, 92, 141], [39, 127, 142], [31, 161, 135], [110, 206, 88], [253, 231, 37]];
function ramp(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1), low = Math.min(Math.floor(at), RAMP.length - 2), part = at - low;
  return `rgb(${RAMP[low].map((from, i) => Math.round(from + part * (RAMP[low + 1][i] - from))).join(" ")})`;
}

function summary() {
  const { samples, layers, recipe } = report;
  document.getElementById("summary").textContent =
    `${count(samples)} samples, ${layers.length} layer${layers.length === 1 ? "" : "s"}: ${recipe.sketch} of each channel, ${recipe.normalize}, ` +
    `${recipe.metric}, HDBSCAN with ${recipe.selection} selection (min_cluster_size ${recipe.min_cluster_size}, min_samples ${recipe.min_samples}).`;
  document.getElementById("reading").textContent =
    "A pattern is a group of samples that a layer treats alike. Noise are samples that belong to no pattern. " +
    (report.label ? `Purity is the share of samples in patterns whose ${report.label} is the commonest one of their pattern; agreement is the adjusted Rand index between patterns and ${report.label}, noise left out. ` : "") +
    "The number of patterns grows with the number of samples: compare layers of one run, not counts between runs.";
}

function layerTable() {
  const table = document.getElementById("layers");
  const labelled = report.label !== null;
  const head = ["Layer", "Shape", "Patterns", "In patterns", "", "Largest", "Median persistence"].concat(labelled ? ["Purity", "Agreement"] : [], ["Verdict"]);
  const numeric = new Set(["Patterns", "In patterns", "Largest", "Median persistence", "Purity", "Agreement"]);
  table.append(make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col", class: numeric.has(text) ? "n" : "" }, text)))));
  const body = make("tbody");
  report.layers.forEach((layer, index) => {
    const bar = make("span", { class: "bar", role: "img", "aria-label": `${percent(layer.samples - layer.noise, layer.samples)} in patterns` });
    for (const pattern of layer.patterns) bar.append(make("i", { style: `width:${100 * pattern.size / layer.samples}%;background:${hue(pattern.id)}` }));
    const largest = layer.patterns.length ? layer.patterns[0].size : 0;
    const cells = [
      make("td", {}, make("a", { href: `#layer-${index}` }, layer.name)), make("td", {}, layer.shape),
      make("td", { class: "n" }, count(layer.pattern_count)), make("td", { class: "n" }, percent(layer.samples - layer.noise, layer.samples)), make("td", {}, bar),
      make("td", { class: "n" }, count(largest)), make("td", { class: "n" }, layer.median_persistence === null ? "–" : layer.median_persistence.toFixed(3)),
    ];
    if (labelled) cells.push(
      make("td", { class: "n" }, layer.purity === null ? "–" : percent(layer.purity, 1)),
      make("td", { class: "n" }, layer.agreement === null ? "–" : layer.agreement.toFixed(2)));
    cells.push(make("td", {}, layer.verdict ? layer.verdict.verdict : "–"));
    body.append(make("tr", {}, ...cells));
  });
  table.append(body);
}

function verdict(layer) {
  const { verdict } = layer;
  if (!verdict) return null;
  const box = make("div", { class: "verdict" }, make("p", {}, make("strong", {}, `Verdict: ${verdict.verdict}.`), ` ${verdict.reasons.join("; ")}.`));
  if (verdict.alignment.length) {
    const share = (told) => `${told.r2.toFixed(2)} [${told.low.toFixed(2)}, ${told.high.toFixed(2)}]`;
    const head = ["Column", "R² of neighbors", "R² of ridge", "R² given the others", "p, adjusted"];
    box.append(make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text, i) => make("th", { scope: "col", class: i ? "n" : "" }, text)))),
      make("tbody", {}, ...verdict.alignment.map((told) => make("tr", {}, make("td", {}, told.column), make("td", { class: "n" }, share(told.knn)), make("td", { class: "n" }, share(told.ridge)),
        make("td", { class: "n" }, told.partial === null ? "–" : told.partial.toFixed(2)), make("td", { class: "n" }, told.p === null ? "–" : short(told.p))))))));
  }
  box.append(make("p", { class: "note" }, `Judged on ${count(verdict.samples)} of ${count(verdict.drawn_from)} samples; all evidence is in report.json.` +
    (verdict.alignment.length ? " R² is the share of a column's variance that the layer tells of samples that it was not fitted on, with a 95 % interval." : "")));
  return box;
}

// What the points can be coloured by: a list of { name, colour(drawn index), legend(node), word(drawn index), told }; what is told is
// said of a sample when it is pointed at.
function colourings(layer, picture) {
  const all = [category("pattern", layer.cluster.map((id) => id < 0 ? "noise" : `pattern ${id}`), layer.cluster)];
  for (const column of report.columns) {
    if (column.kind === "number") all.push(scale(column.name, column.values));
    else {
      const words = column.values.map((value) => value === null ? "–" : String(value));
      const known = [...new Set(words)].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      all.push(category(column.name, words, words.map((word) => known.indexOf(word))));
    }
  }
  for (const option of all) option.told = true;
  return all.concat(scale("membership", layer.membership), scale("outlier score", layer.outlier_score), scale("neighbors kept", picture.preservation));
}
function category(name, words, ids) {
  const legend = (node) => {
    const sizes = new Map();
    ids.forEach((id, i) => sizes.set(id, { word: words[i], size: (sizes.get(id)?.size ?? 0) + 1 }));
    const order = [...sizes].sort((a, b) => a[0] - b[0]).slice(0, 60);
    node.append(make("div", { class: "legend" }, ...order.map(([id, { word, size }]) =>
      make("span", {}, make("span", { class: "dot", style: `background:${hue(id)}` }), `${word} (${count(size)})`))));
  };
  return { name, colour: (i) => hue(ids[i]), legend, word: (i) => words[i] };
}
function scale(name, values) {
  const finite = values.filter((value) => value !== null && Number.isFinite(value));
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity), high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const legend = (node) => node.append(
    make("div", { class: "ramp", style: `background:linear-gradient(90deg,${RAMP.map((_, i) => ramp(i / (RAMP.length - 1))).join(",")})` }),
    make("div", { class: "ends" }, make("span", {}, finite.length ? short(low) : "–"), make("span", {}, finite.length ? short(high) : "–")));
  const colour = (i) => values[i] === null ? NOISE : ramp(high > low ? (values[i] - low) / (high - low) : 0.5);
  return { name, colour, legend, word: (i) => values[i] === null ? "–" : short(values[i]) };
}

// What a picture shows, and how far it can be trusted.
const KINDS = {
  pca: { name: "principal components", means: (picture) => `The two principal components hold ${percent(picture.explained[0] + picture.explained[1], 1)} of the variance.` },
  diffusion: { name: "diffusion map", means: (picture) => "In a diffusion map, near is what a random walk along the data soon reaches." +
    (picture.parts > 1 ? ` No chain of neighbors joins the ${picture.parts} parts of the data; each is drawn by itself, and where the parts lie means nothing.` : "") },
  umap: { name: "UMAP", means: () => "UMAP draws neighbors together; sizes of groups and distances between them mean nothing." },
};
function kind(picture) {
  const [name, options] = picture.method.split(/:(.*)/s);
  const known = KINDS[name] ?? { name, means: () => "" };
  return { name: options ? `${known.name} (${options})` : known.name, means: known.means(picture) };
}
function trust(layer, picture) {
  const near = Math.min(15, layer.samples - 1);
  return `${kind(picture).means} The picture keeps ${percent(picture.mean_preservation, 1)} of a sample's ${near} nearest neighbors (by chance: ${percent(near, layer.samples - 1)}). ` +
    `It is for the eye: patterns were found in all ${count(layer.dimensions)} dimensions, not in two.` +
    (report.drawn.length < report.samples ? ` ${count(report.drawn.length)} of ${count(report.samples)} samples are drawn.` : "");
}

function chooser(words, names) {
  return make("select", { "aria-label": words }, ...names.map((name, i) => make("option", { value: String(i) }, name)));
}
// A continuum shows in the column that it tells best, not in the patterns that are cut from it.
function toldBest({ verdict }) {
  if (verdict?.verdict !== "continuum") return "pattern";
  const share = ({ knn, ridge }) => Math.max(knn.r2, ridge.r2);
  const best = verdict.alignment.reduce((best, told) => best === null || share(told) > share(best) ? told : best, null);
  return best !== null && share(best) >= 0.5 ? best.column : "pattern";
}
function plot(layer) {
  const pictures = layer.projections;
  const options = pictures.map((picture) => colourings(layer, picture));
  const canvas = make("canvas", { role: "img", tabindex: "0" });
  const view = chooser("Picture", pictures.map((picture) => kind(picture).name)), colour = chooser("Colour by", options[0].map((option) => option.name));
  colour.value = String(Math.max(0, options[0].findIndex((option) => option.name === toldBest(layer))));
  const legend = make("div"), tip = make("div", { class: "tip", "aria-live": "polite" }), note = make("p", { class: "note" });
  const choices = make("div", { class: "choices" }, make("label", {}, "Colour by ", colour));
  if (pictures.length > 1) choices.prepend(make("label", {}, "Picture ", view));
  const box = make("div", { class: "plot" }, choices, canvas, legend, tip, note);
  let marked = -1;
  function shown() {
    const picture = pictures[Number(view.value)], [x0, x1] = ends(picture.x), [y0, y1] = ends(picture.y), size = Math.max(x1 - x0, y1 - y0) || 1;
    const place = (i, side) => [side / 2 + (picture.x[i] - (x0 + x1) / 2) / size * side * 0.94, side / 2 - (picture.y[i] - (y0 + y1) / 2) / size * side * 0.94];
    return { picture, place, options: options[Number(view.value)] };
  }
  function draw() {
    const { picture, place, options } = shown(), option = options[Number(colour.value)];
    const side = canvas.clientWidth || 480, dense = window.devicePixelRatio || 1, total = picture.x.length;
    canvas.width = canvas.height = Math.round(side * dense);
    canvas.setAttribute("aria-label", `Samples of layer ${layer.name}, ${kind(picture).name}, coloured by ${option.name}; arrow keys go from sample to sample`);
    const pen = canvas.getContext("2d");
    pen.scale(dense, dense);
    const radius = total > 3000 ? 1.6 : total > 800 ? 2.3 : 3.2;
    const dot = (i, size) => {
      const [x, y] = place(i, side);
      pen.beginPath();
      pen.arc(x, y, size, 0, 7);
    };
    // Noise first, so that it hides no pattern.
    for (const noise of [true, false]) {
      for (let i = 0; i < total; i++) {
        if ((layer.cluster[i] < 0) !== noise) continue;
        pen.globalAlpha = noise ? 0.55 : 0.85;
        pen.fillStyle = option.colour(i);
        dot(i, radius);
        pen.fill();
      }
    }
    if (marked >= 0) {
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      pen.strokeStyle = getComputedStyle(canvas).color;
      dot(marked, radius + 3);
      pen.stroke();
    }
    legend.replaceChildren();
    option.legend(legend);
    note.textContent = trust(layer, picture);
  }
  function mark(i) {
    if (i === marked) return;
    marked = i;
    draw();
    tip.replaceChildren();
    if (i < 0) return;
    const sample = report.drawn[i], picture = report.pictures[sample];
    if (picture) tip.append(make("img", { src: picture, alt: "" }));
    tip.append(make("span", {}, `sample ${sample}: ` + shown().options.filter((option) => option.told).map((option) => `${option.name} ${option.word(i)}`).join(" · ")));
  }
  function point(event) {
    const frame = canvas.getBoundingClientRect(), side = frame.width, { place } = shown();
    let best = -1, near = 144;
    for (let i = 0; i < layer.cluster.length; i++) {
      const [x, y] = place(i, side), distance = (x - event.clientX + frame.left) ** 2 + (y - event.clientY + frame.top) ** 2;
      if (distance < near) { near = distance; best = i; }
    }
    mark(best);
  }
  function step(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], total = layer.cluster.length;
    if (!by) return;
    event.preventDefault();
    mark(marked < 0 ? (by > 0 ? 0 : total - 1) : (marked + by + total) % total);
  }
  canvas.addEventListener("mousemove", point);
  canvas.addEventListener("mouseleave", () => mark(-1));
  canvas.addEventListener("keydown", step);
  colour.addEventListener("change", draw);
  view.addEventListener("change", draw);
  new ResizeObserver(draw).observe(canvas);
  return box;
}
function ends(values) {
  return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
}

const LABELS = [...new Set(report.layers.flatMap((layer) => layer.patterns.flatMap((pattern) => (pattern.labels ?? []).map(([word]) => word))))]
  .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));

function thumbs(samples, kind) {
  const pictures = samples.filter((sample) => report.pictures[sample]);
  if (!pictures.length) return null;
  return make("div", { class: `thumbs ${kind}` }, ...pictures.map((sample) => make("img", { src: report.pictures[sample], alt: `sample ${sample}`, title: `sample ${sample}` })));
}
function card(layer, pattern) {
  const node = make("article", { class: "card", style: `border-left-color:${hue(pattern.id)}` },
    make("h4", {}, `Pattern ${pattern.id}`, make("span", {}, `${count(pattern.size)} samples · persistence ${pattern.persistence.toFixed(3)}`)));
  const typical = thumbs(pattern.typical, ""), least = thumbs(pattern.least_typical, "least");
  if (typical) node.append(make("div", { class: "what" }, "most typical"), typical);
  else node.append(make("div", { class: "what" }, `most typical: samples ${pattern.typical.slice(0, 8).join(", ")}`));
  if (least) node.append(make("div", { class: "what" }, "least typical"), least);
  if (pattern.labels) {
    const mix = make("div", { class: "mix", role: "img", "aria-label": "label composition" });
    for (const [word, size] of pattern.labels) mix.append(make("i", { title: `${word}: ${size}`, style: `width:${100 * size / pattern.size}%;background:${hue(LABELS.indexOf(word))}` }));
    node.append(make("div", { class: "what" }, report.label), mix,
      make("div", { class: "mixwords" }, pattern.labels.slice(0, 4).map(([word, size]) => `${word} ${percent(size, pattern.size)}`).join(", ") + (pattern.labels.length > 4 ? ", …" : "")));
  }
  if (pattern.channels.length) {
    const top = Math.max(...pattern.channels.map((channel) => Math.abs(channel.effect)), 1e-9);
    node.append(make("div", { class: "what" }, "channels that set it apart (inside, outside, effect size)"),
      make("table", { class: "channels" }, make("tbody", {}, ...pattern.channels.map((channel) => make("tr", {},
        make("td", {}, `${channel.channel} ${channel.statistic}`), make("td", { class: "n" }, short(channel.inside)), make("td", { class: "n" }, short(channel.outside)),
        make("td", {}, make("i", { class: "effect", style: `width:${Math.round(46 * Math.abs(channel.effect) / top)}px` }), ` ${channel.effect > 0 ? "+" : ""}${channel.effect.toFixed(1)}`))))));
  }
  return node;
}
function section(layer, index) {
  const shown = 12;
  const cards = make("div", { class: "cards" }, ...layer.patterns.slice(0, shown).map((pattern) => card(layer, pattern)));
  const side = make("div", {}, cards);
  if (layer.patterns.length > shown) {
    const more = make("button", { type: "button" }, `Show ${layer.patterns.length - shown} more patterns`);
    more.addEventListener("click", () => { more.remove(); cards.append(...layer.patterns.slice(shown).map((pattern) => card(layer, pattern))); });
    side.append(make("p", {}, more));
  }
  if (layer.pattern_count > layer.patterns.length) side.append(make("p", { class: "note" }, `The ${layer.patterns.length} largest of ${count(layer.pattern_count)} patterns are in this page; all are in layers/ beside it.`));
  if (!layer.patterns.length) side.append(make("p", { class: "note" }, "No pattern: every sample is noise at these settings. Try --selection eom, a smaller --min-cluster-size, or another --metric; it may also be that the layer holds a continuum."));
  const title = make("h2", { id: `layer-${index}` }, layer.name);
  const line = make("p", { class: "note" }, `${count(layer.pattern_count)} patterns hold ${percent(layer.samples - layer.noise, layer.samples)} of ${count(layer.samples)} samples; ${count(layer.noise)} are noise.`);
  return make("section", { "aria-labelledby": `layer-${index}` }, title, line, ...[verdict(layer)].filter(Boolean), make("div", { class: "layer" }, plot(layer), side));
}

function made() {
  const list = document.getElementById("made");
  for (const [word, text] of report.made) list.append(make("dt", {}, word), make("dd", {}, text));
  document.getElementById("command").textContent = report.command;
}

summary();
layerTable();
document.getElementById("sections").append(...report.layers.map(section));
made();
