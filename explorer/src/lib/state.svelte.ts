// What all views share. A view reads from here and calls what is here; no view knows another one.

import * as api from "./api";
import type { Asked, Clustering, Evaluation, LayerFacts, Points, RunFacts, Values } from "./api";
import { first, type Judged } from "./evaluation";
import { evaluate, told, verdictColumns, type Condition, type Selected } from "./selection";

export interface Pin { run: number; layer: number; asked: Asked; id: number }
export interface Shown { typical: number; least: number; average: boolean; labels: boolean; channels: boolean; membership: boolean }
/** A column of the features of the layer that is looked at. */
export interface Feature { layer: number; column: number; name: string; values: Float32Array }
/** The part of the picture that is seen: its middle, and how much closer than the whole. */
export interface Zoom { x: number; y: number; factor: number }
export type Below = "tree" | "channels" | "columns" | "flow" | "verdict" | "ood";
export type Beside = "patterns" | "samples" | "sample" | "compare";
/** Each with the one first that holds until another is chosen. */
export const ORDERS = {
  patterns: ["size", "persistence", "purity", "misclassified", "in selection"],
  samples: ["membership", "outlier score", "number", "feature"],
} as const;
export const TOOLS = ["lasso", "move", "box"] as const;
/** So many of a list are shown before more are asked for. */
export const FEW = { patterns: 24, samples: 120, compare: 24 };

/** Somebody who stays so long on a layer looks at it. */
const AHEAD_MS = 400;

class Explorer {
  list = $state.raw<{ name: string; samples: number; layers: number }[]>([]);
  runAt = $state(0);
  facts = $state.raw<RunFacts | null>(null);
  layerAt = $state(0);
  layer = $state.raw<LayerFacts | null>(null);
  projectionAt = $state(0);
  points = $state.raw<Points | null>(null);
  /** Nothing: all of the picture. */
  zoom = $state.raw<Zoom | null>(null);
  asked = $state.raw<Asked>({});
  clustering = $state.raw<Clustering | null>(null);
  colourBy = $state("pattern");
  palette = $state("viridis");
  conditions = $state.raw<Condition[]>([]);
  selected = $state.raw<Selected | null>(null);
  narrow = $state(false);
  pins = $state.raw<Pin[]>([]);
  sample = $state<number | null>(null);
  hovered = $state<number | null>(null);
  below = $state<Below>("tree");
  beside = $state<Beside>("patterns");
  shown = $state<Shown>({ typical: 6, least: 3, average: true, labels: true, channels: false, membership: false });
  feature = $state.raw<Feature | null>(null);
  patternOrder = $state<(typeof ORDERS.patterns)[number]>("size");
  sampleOrder = $state<(typeof ORDERS.samples)[number]>("membership");
  most = $state({ ...FEW });
  tool = $state<(typeof TOOLS)[number]>("lasso");
  /** Are small effects hidden? */
  quiet = $state(true);
  evaluations = $state.raw<{ name: string; evaluation: Evaluation }[]>([]);
  judged = $state.raw<Judged | null>(null);
  theme = $state<"auto" | "light" | "dark">("auto");
  split = $state(58);
  busy = $state(0);
  private waiting = 0;
  private ahead: ReturnType<typeof setTimeout> | undefined;
  error = $state<string | null>(null);
  /** Spoken by screen readers. */
  said = $state("");

  get samples() { return this.facts?.report.samples ?? 0; }
  get layers() { return this.facts?.report.layers ?? []; }
  /** Slots of a radio link are drawn as three panels, twice as wide as high. */
  get areSlots() { return this.facts?.report.pictures === "slot"; }
  pictureWidth(height: number) { return this.areSlots ? Math.round((height * 292) / 144) : height; }
  get isWhole() { return this.selected === null; }

  /** Runs work that the user waits for; what fails is told, the page stays. */
  async wait<T>(work: () => Promise<T>): Promise<T | undefined> {
    // Counted apart: an effect that waits must not run again because somebody waits.
    this.busy = ++this.waiting;
    try {
      return await work();
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = --this.waiting;
    }
  }

  async openRun(at: number) {
    await this.wait(async () => {
      this.facts = await api.run(at);
      if (at !== this.runAt) this.dropFeature();
      this.runAt = at;
    });
    // A damaged evaluation is told, and the run is shown all the same.
    this.evaluations = (await this.wait(() => api.evaluations(at))) ?? [];
    this.judge(0);
  }

  /** Looks at an evaluation, as it is looked at first. */
  judge(at: number) {
    this.judged = this.evaluations.length ? first(this.evaluations.map((one) => one.evaluation), at) : null;
    if (!this.judged && this.below === "ood") this.below = "tree";
  }

  /** Shows a layer; parameters that were asked for stay asked for. */
  async openLayer(at: number) {
    if (!this.facts) return;
    at = Math.min(Math.max(at, 0), this.layers.length - 1);
    const run = this.runAt;
    clearTimeout(this.ahead);
    await this.wait(async () => {
      const layer = await api.layer(run, at);
      const projection = Math.min(this.projectionAt, layer.projections.length - 1);
      const [points, clustering] = await Promise.all([api.points(run, at, projection), api.clustering(run, at, this.asked)]);
      if (run !== this.runAt) return;
      // Another picture is seen whole at first.
      if (points !== this.points) this.zoom = null;
      if (clustering !== this.clustering) this.rewind("patterns", "samples");
      Object.assign(this, { layer, points, clustering, layerAt: at, projectionAt: projection });
      if (this.feature && this.feature.layer !== at) this.dropFeature();
      this.said = `${layer.summary.name}: ${clustering.patterns.length} patterns`;
    });
    // What comes next is likely a neighbour: it is read beforehand, unless somebody goes on at once and would wait for it.
    clearTimeout(this.ahead);
    this.ahead = setTimeout(() => {
      for (const near of [at + 1, at - 1]) if (near >= 0 && near < this.layers.length) void api.clustering(run, near, {}).catch(() => {});
    }, AHEAD_MS);
  }

  async openProjection(at: number) {
    await this.wait(async () => {
      this.points = await api.points(this.runAt, this.layerAt, at);
      this.projectionAt = at;
      this.zoom = null;
    });
  }

  /** Reads other patterns off the stored tree. */
  async ask(asked: Asked) {
    const { runAt, layerAt } = this;
    this.asked = asked;
    await this.wait(async () => {
      const clustering = await api.clustering(runAt, layerAt, asked);
      // A later question may have been answered first.
      if (asked === this.asked && layerAt === this.layerAt && runAt === this.runAt) {
        this.clustering = clustering;
        this.rewind("patterns", "samples");
        this.said = `${clustering.patterns.length} patterns, ${clustering.noise} noise`;
      }
    });
    this.tidyConditions();
  }

  /** Patterns of parameters that are no longer asked for name nothing that can be seen. */
  private tidyConditions() {
    const stale = (condition: Condition) =>
      (condition.kind === "pattern" || condition.kind === "node") && condition.layer === this.layerAt && api.query(condition.asked) !== api.query(this.asked);
    if (this.conditions.some(stale)) void this.where(this.conditions.filter((condition) => !stale(condition)));
  }

  async where(conditions: Condition[]) {
    const facts = this.facts;
    if (!facts) return;
    this.conditions = conditions;
    await this.wait(async () => {
      const selected = await evaluate(this.runAt, facts, conditions);
      if (conditions !== this.conditions) return;
      this.selected = selected;
      this.rewind("samples");
      this.said = selected ? `${selected.count} samples selected: ${conditions.map((condition) => told(facts, condition)).join(", and ")}` : "nothing is selected";
    });
  }

  /** A new condition takes the place of all others, or (narrow) comes in addition. */
  select(condition: Condition, narrow = this.narrow) {
    if (!narrow) return this.where([condition]);
    const same = (other: Condition) =>
      other.kind === condition.kind && (!("column" in condition) || !("column" in other) || other.column === condition.column) && (!("layer" in condition) || !("layer" in other) || other.layer === condition.layer);
    return this.where([...this.conditions.filter((other) => !same(other)), condition]);
  }

  /** The pattern goes into the selection, or out of it; `more` keeps the patterns that are in. */
  togglePattern(id: number, more: boolean) {
    const mine = this.patternCondition();
    const ids = mine?.ids ?? [];
    const next = ids.includes(id) ? (more || ids.length === 1 ? ids.filter((other) => other !== id) : [id]) : more ? [...ids, id] : [id];
    const rest = this.conditions.filter((condition) => condition !== mine && (this.narrow || more || condition.kind === "words" || condition.kind === "range" || condition.kind === "wrong"));
    return this.where(next.length ? [...rest, { kind: "pattern", layer: this.layerAt, asked: this.asked, ids: next }] : rest);
  }
  patternCondition() {
    return this.conditions.find((condition): condition is Extract<Condition, { kind: "pattern" }> =>
      condition.kind === "pattern" && condition.layer === this.layerAt && api.query(condition.asked) === api.query(this.asked));
  }
  isPatternSelected(id: number) { return this.patternCondition()?.ids.includes(id) ?? false; }

  /** A value of a column narrows the selection, or stops doing so. */
  toggleWord(column: number, code: number) {
    const mine = this.conditions.find((condition) => condition.kind === "words" && condition.column === column);
    const codes = mine?.kind === "words" ? mine.codes : [];
    const next = codes.includes(code) ? codes.filter((other) => other !== code) : [...codes, code];
    const rest = this.conditions.filter((condition) => condition !== mine);
    return this.where(next.length ? [...rest, { kind: "words", column, codes: next }] : rest);
  }

  /** Another list is seen from its beginning. */
  private rewind(...lists: (keyof typeof FEW)[]) {
    for (const list of lists) this.most[list] = FEW[list];
  }

  /** Reads a column of the features: samples can be coloured and ordered by it. */
  async readFeature(column: number, name: string) {
    const { runAt, layerAt } = this;
    await this.wait(async () => {
      const values = await api.feature(runAt, layerAt, column);
      if (layerAt === this.layerAt && runAt === this.runAt) this.feature = { layer: layerAt, column, name, values };
    });
  }
  /** Of a channel that was just chosen one wants to see the strongest samples. */
  async showFeature(column: number, name: string) {
    await this.readFeature(column, name);
    if (this.feature?.column === column) [this.colourBy, this.sampleOrder] = ["feature", "feature"];
  }
  dropFeature() {
    this.feature = null;
    if (this.colourBy === "feature") this.colourBy = "pattern";
    if (this.sampleOrder === "feature") this.sampleOrder = "membership";
  }

  drop(condition: Condition) { return this.where(this.conditions.filter((other) => other !== condition)); }
  clear() { return this.where([]); }

  showSample(sample: number) {
    this.sample = sample;
    this.beside = "sample";
  }

  isPinned(id: number) { return this.pins.some((pin) => this.same(pin, id)); }
  private same(pin: Pin, id: number) {
    return pin.id === id && pin.layer === this.layerAt && pin.run === this.runAt && api.query(pin.asked) === api.query(this.asked);
  }
  togglePin(id: number) {
    this.pins = this.isPinned(id) ? this.pins.filter((pin) => !this.same(pin, id)) : [...this.pins, { run: this.runAt, layer: this.layerAt, asked: this.asked, id }];
  }
  unpin(pin: Pin) { this.pins = this.pins.filter((other) => other !== pin); }

  column(at: number): Promise<Values | null> { return api.column(this.runAt, at, this.facts!.columns[at]); }

  /** For every sample whether the network was wrong, where the data tells. */
  wrong = $state.raw<Uint8Array | null>(null);
  labelColumn = $state.raw<{ at: number; codes: Uint16Array; words: string[] } | null>(null);
  async readLabels() {
    const facts = this.facts!, which = verdictColumns(facts);
    this.wrong = which ? ((await evaluate(this.runAt, facts, [{ kind: "wrong" }]))?.mask ?? null) : null;
    const at = facts.columns.findIndex((column) => column.name === facts.report.label && column.kind === "category");
    const values = at >= 0 ? await this.column(at) : null;
    this.labelColumn = values && "codes" in values ? { at, ...values } : null;
  }
}

export const explorer = new Explorer();
