// The view as an address: everything that decides what is seen, behind the #. Nothing of it is trusted when it is read.

import type { Asked } from "./api";
import type { Condition } from "./selection";
import { explorer, FEW, ORDERS, TOOLS, type Below, type Beside, type Pin } from "./state.svelte";

function asked(text: string | null): Asked {
  const [size, epsilon, selection] = (text ?? "").split("~");
  return {
    ...(Number(size) >= 2 ? { size: Math.floor(Number(size)) } : {}),
    ...(Number(epsilon) > 0 ? { epsilon: Number(epsilon) } : {}),
    ...(selection === "leaf" || selection === "eom" ? { selection } : {}),
  };
}
const unasked = ({ size, epsilon, selection }: Asked) => (size || epsilon || selection ? [size ?? "", epsilon ?? "", selection ?? ""].join("~") : "");

const LISTS = ["patterns", "samples", "compare"] as const;
/** An address shows no more of a list than that many times the first few: a browser must be able to draw it. */
const MOST_TIMES = 50;

export function write(): string {
  const parts = new URLSearchParams(), { facts, shown } = explorer;
  if (!facts) return "";
  const put = (name: string, value: string | number | boolean | null | undefined) => { if (value !== "" && value !== null && value !== undefined) parts.set(name, String(value)); };
  put("run", explorer.runAt || null);
  put("layer", explorer.layers[explorer.layerAt]?.name);
  put("projection", explorer.projectionAt || null);
  const { feature, zoom } = explorer;
  put("zoom", zoom && [zoom.x, zoom.y, zoom.factor].map((value) => Number(value.toPrecision(6))).join("~"));
  put("colour", explorer.colourBy === "pattern" ? null : explorer.colourBy);
  put("feature", feature && `${feature.column}:${feature.name}`);
  put("palette", explorer.palette === "viridis" ? null : explorer.palette);
  put("tree", unasked(explorer.asked));
  put("where", explorer.conditions.length ? JSON.stringify(explorer.conditions) : null);
  put("narrow", explorer.narrow || null);
  put("pins", explorer.pins.length ? JSON.stringify(explorer.pins) : null);
  put("sample", explorer.sample);
  put("below", explorer.below === "tree" ? null : explorer.below);
  put("beside", explorer.beside === "patterns" ? null : explorer.beside);
  put("show", [shown.typical, shown.least, +shown.average, +shown.labels, +shown.channels, +shown.membership].join("~"));
  const { patternOrder, sampleOrder, tool, most } = explorer;
  put("patterns-by", patternOrder === ORDERS.patterns[0] ? null : patternOrder);
  put("samples-by", sampleOrder === ORDERS.samples[0] ? null : sampleOrder);
  for (const list of LISTS) put(`${list}-most`, most[list] === FEW[list] ? null : most[list]);
  put("quiet", explorer.quiet ? null : false);
  put("tool", tool === TOOLS[0] ? null : tool);
  put("split", explorer.split === 58 ? null : explorer.split);
  const { judged, evaluations } = explorer;
  put("ood", judged && explorer.below === "ood" ? JSON.stringify([evaluations[judged.at].name, judged.set, judged.detector]) : null);
  put("theme", explorer.theme === "auto" ? null : explorer.theme);
  return `#${parts.toString()}`;
}

const natural = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const finite = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const list = (value: any, of: (item: any) => boolean) => Array.isArray(value) && value.length <= 1e5 && value.every(of);

function sound(value: any): value is Condition {
  const { layers } = explorer, columns = explorer.facts?.columns ?? [];
  const at = natural(value?.layer) && value.layer < layers.length, column = natural(value?.column) && value.column < columns.length;
  const tree = at && typeof value.asked === "object" && value.asked !== null;
  switch (value?.kind) {
    case "pattern": return tree && list(value.ids, (id) => Number.isInteger(id));
    case "node": return tree && natural(value.node);
    case "words": return column && list(value.codes, natural);
    case "range": return column && finite(value.from) && finite(value.to);
    case "area": return at && natural(value.projection) && list(value.corners, (corner: any) => list(corner, finite) && corner.length === 2);
    case "wrong": return true;
    case "samples": return list(value.samples, natural);
    default: return false;
  }
}
function parsed(text: string | null): any[] {
  try {
    const value = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
const clean = (given: any): Asked => asked(unasked({ size: given?.size, epsilon: given?.epsilon, selection: given?.selection }));

/** Goes to the view that the address names; what it does not name is as at the start. */
export async function read(hash: string) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name: string, fallback: number) => { const value = Number(parts.get(name) ?? NaN); return natural(value) ? value : fallback; };
  const one = <T extends string>(name: string, of: readonly T[]): T => (of.includes(parts.get(name) as T) ? (parts.get(name) as T) : of[0]);
  const run = Math.min(number("run", 0), explorer.list.length - 1);
  if (run !== explorer.runAt || !explorer.facts) await explorer.openRun(run);
  if (!explorer.facts) return;
  const layer = explorer.layers.findIndex((layer) => layer.name === parts.get("layer"));
  explorer.projectionAt = number("projection", 0);
  explorer.asked = asked(parts.get("tree"));
  explorer.palette = one("palette", ["viridis", "cividis", "diverging"]);
  explorer.theme = one("theme", ["auto", "light", "dark"]);
  explorer.below = one<Below>("below", ["tree", "channels", "columns", "flow", "verdict", "ood"]);
  explorer.beside = one<Beside>("beside", ["patterns", "samples", "sample", "compare"]);
  const [known, set, detector] = parsed(parts.get("ood")), at = explorer.evaluations.findIndex((one) => one.name === known);
  explorer.judge(Math.max(at, 0));
  if (at >= 0 && explorer.evaluations[at].evaluation.lines.some((line) => line.ood === set && (detector === "" || line.detector === detector))) explorer.judged = { at, set, detector };
  explorer.narrow = parts.get("narrow") === "true";
  explorer.split = Math.min(Math.max(number("split", 58), 25), 75);
  explorer.dropFeature();
  const columns = explorer.facts.columns.filter((column) => column.kind !== "text").map((column) => `column:${column.name}`);
  const colour = one("colour", ["pattern", "membership", "outlier", "kept", "feature", ...columns]);
  explorer.colourBy = colour === "feature" ? "pattern" : colour;
  explorer.patternOrder = one("patterns-by", ORDERS.patterns);
  const order = one("samples-by", ORDERS.samples);
  explorer.sampleOrder = order === "feature" ? "membership" : order;
  explorer.quiet = parts.get("quiet") !== "false";
  explorer.tool = one("tool", TOOLS);
  const sample = parts.get("sample");
  explorer.sample = sample !== null && natural(Number(sample)) && Number(sample) < explorer.samples ? Number(sample) : null;
  const [typical, least, average, labels, channels, membership] = (parts.get("show") ?? "6~3~1~1~0~0").split("~").map(Number);
  const few = (value: number) => (natural(value) ? Math.min(value, 12) : 0);
  explorer.shown = { typical: few(typical), least: few(least), average: !!average, labels: !!labels, channels: !!channels, membership: !!membership };
  explorer.pins = parsed(parts.get("pins"))
    .filter((pin) => natural(pin?.run) && pin.run < explorer.list.length && natural(pin.layer) && Number.isInteger(pin.id) && pin.id >= -1)
    .map((pin): Pin => ({ run: pin.run, layer: pin.layer, asked: clean(pin.asked), id: pin.id }));
  await explorer.wait(() => explorer.readLabels());
  const conditions = parsed(parts.get("where")).filter(sound);
  await explorer.where(conditions.map((condition) => ("asked" in condition ? { ...condition, asked: clean(condition.asked) } : condition)));
  // Last: what is shown is whole, and nothing that the user does then is undone by what comes later.
  await explorer.openLayer(Math.max(layer, 0));
  const [x, y, factor] = (parts.get("zoom") ?? "").split("~").map(Number);
  if ([x, y, factor].every(finite) && factor > 0) explorer.zoom = { x, y, factor };
  for (const list of LISTS) explorer.most[list] = Math.min(Math.max(number(`${list}-most`, FEW[list]), FEW[list]), MOST_TIMES * FEW[list]);
  const [column, ...name] = (parts.get("feature") ?? "").split(":");
  if (!column || !natural(Number(column)) || Number(column) >= (explorer.layer?.summary.columns ?? 0)) return;
  await explorer.readFeature(Number(column), name.join(":") || `column ${column}`);
  if (explorer.feature) [explorer.colourBy, explorer.sampleOrder] = [colour, order];
}
