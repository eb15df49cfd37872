// What is selected: a list of conditions, all of which a sample meets. A permalink holds the conditions, not the samples.

import * as api from "./api";
import type { Asked, Clustering } from "./api";
import { patternName, plural, short } from "./words";

export type Condition =
  | { kind: "pattern"; layer: number; asked: Asked; ids: number[] }
  | { kind: "node"; layer: number; asked: Asked; node: number }
  | { kind: "words"; column: number; codes: number[] }
  | { kind: "range"; column: number; from: number; to: number }
  | { kind: "area"; layer: number; projection: number; corners: [number, number][] }
  | { kind: "wrong" }
  | { kind: "samples"; samples: number[] };

export interface Selected { mask: Uint8Array; count: number }

/** The clusters of the tree at or below a node. */
export function below(clustering: Clustering, node: number): Uint8Array {
  const inside = new Uint8Array(clustering.nodes.length);
  inside[node] = 1;
  // Parents come before their children.
  clustering.nodes.forEach(({ parent }, at) => { if (at > node && inside[parent]) inside[at] = 1; });
  return inside;
}

/** Even-odd rule; a corner that repeats harms nothing. */
export function inPolygon(x: number, y: number, corners: [number, number][]): boolean {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [ax, ay] = corners[i], [bx, by] = corners[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** The columns that say what a sample is and what the network takes it for; where both exist. */
export function verdictColumns(facts: api.RunFacts): { truth: number; guess: number } | null {
  const { columns } = facts;
  const guess = columns.findIndex((column) => column.name === "prediction" && column.kind === "category");
  if (guess < 0) return null;
  const words = new Set(columns[guess].words);
  const fits = (at: number) => at >= 0 && at !== guess && columns[at].kind === "category" && columns[at].words!.every((word) => words.has(word));
  const candidates = [columns.findIndex((column) => column.name === facts.report.label), columns.findIndex((column) => column.name === "label")];
  const truth = candidates.find(fits);
  return truth === undefined ? null : { truth, guess };
}

async function mask(run: number, facts: api.RunFacts, condition: Condition): Promise<Uint8Array> {
  const n = facts.report.samples, mask = new Uint8Array(n);
  const fill = (meets: (i: number) => boolean) => { for (let i = 0; i < n; i++) if (meets(i)) mask[i] = 1; };
  switch (condition.kind) {
    case "pattern": {
      const { labels } = await api.clustering(run, condition.layer, condition.asked);
      const wanted = new Set(condition.ids);
      fill((i) => wanted.has(labels[i]));
      break;
    }
    case "node": {
      const clustering = await api.clustering(run, condition.layer, condition.asked);
      const inside = below(clustering, condition.node);
      fill((i) => inside[clustering.left[i]] === 1);
      break;
    }
    case "words":
    case "range": {
      const values = await api.column(run, condition.column, facts.columns[condition.column]);
      if (values && "codes" in values && condition.kind === "words") {
        const wanted = new Set(condition.codes);
        fill((i) => wanted.has(values.codes[i]));
      } else if (values && "numbers" in values && condition.kind === "range") {
        fill((i) => values.numbers[i] >= condition.from && values.numbers[i] <= condition.to);
      }
      break;
    }
    case "area": {
      const { x, y } = await api.points(run, condition.layer, condition.projection);
      const xs = condition.corners.map((corner) => corner[0]), ys = condition.corners.map((corner) => corner[1]);
      const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      fill((i) => x[i] >= left && x[i] <= right && y[i] >= low && y[i] <= high && inPolygon(x[i], y[i], condition.corners));
      break;
    }
    case "wrong": {
      const which = verdictColumns(facts);
      if (!which) break;
      const [truth, guess] = await Promise.all([which.truth, which.guess].map((at) => api.column(run, at, facts.columns[at])));
      if (!truth || !guess || !("codes" in truth) || !("codes" in guess)) break;
      fill((i) => truth.words[truth.codes[i]] !== guess.words[guess.codes[i]]);
      break;
    }
    case "samples":
      for (const sample of condition.samples) if (sample < n) mask[sample] = 1;
  }
  return mask;
}

/** The samples that meet all conditions; null where there is none to meet. */
export async function evaluate(run: number, facts: api.RunFacts, conditions: Condition[]): Promise<Selected | null> {
  if (!conditions.length) return null;
  const masks = await Promise.all(conditions.map((condition) => mask(run, facts, condition)));
  const all = masks[0].slice();
  for (const other of masks.slice(1)) for (let i = 0; i < all.length; i++) all[i] &= other[i];
  return { mask: all, count: all.reduce((sum, bit) => sum + bit, 0) };
}

/** A condition in words. */
export function told(facts: api.RunFacts, condition: Condition): string {
  const layer = (at: number) => facts.report.layers[at]?.name ?? "?";
  switch (condition.kind) {
    case "pattern": {
      const ids = condition.ids.map((id) => (id < 0 ? "noise" : String(id)));
      return `${condition.ids.length === 1 ? patternName(condition.ids[0]) : `patterns ${ids.join(", ")}`} of ${layer(condition.layer)}`;
    }
    case "node": return `tree cluster ${condition.node} of ${layer(condition.layer)}`;
    case "words": return `${facts.columns[condition.column].name} = ${condition.codes.map((code) => facts.columns[condition.column].words?.[code] ?? "missing").join(" or ")}`;
    case "range": return `${facts.columns[condition.column].name} ${short(condition.from)} … ${short(condition.to)}`;
    case "area": return `area drawn in ${layer(condition.layer)}`;
    case "wrong": return "misclassified";
    case "samples": return condition.samples.length === 1 ? `sample ${condition.samples[0]}` : plural(condition.samples.length, "sample");
  }
}
