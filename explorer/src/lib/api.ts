// Where answers come from: the server, or, in a static page, the element that holds them.

import * as local from "./contrasts";

export interface Summary {
  name: string; file: string; shape: [number, number, number]; columns: number; dimensions: number; patterns: number;
  noise: number; largest: number; median_persistence: number | null; purity: number | null; agreement: number | null;
  [more: string]: unknown;
}
export interface ColumnFacts { name: string; kind: "number" | "category" | "text"; words?: string[] }
export interface RunFacts {
  name: string;
  report: {
    napscope: string; command: string; samples: number; label: string | null; pictures?: "sample" | "slot" | null; notes: string[]; layers: Summary[];
    model: { name: string } | null; data: { name: string }; engine: string | null; fingerprint: string;
    recipe: { sketch: string; normalize: string; metric: string; hdbscan: Record<string, unknown>; projections: string[] };
    [more: string]: unknown;
  };
  columns: ColumnFacts[];
  pictures: boolean;
}
export interface PatternFacts {
  id: number; size: number; persistence: number; typical: number[]; least_typical: number[];
  labels: [string, number][] | null;
  channels: { channel: number; statistic: string; inside: number; outside: number; effect: number }[];
}
export interface ProjectionFacts {
  method: string; mean_preservation: number; explained: [number, number] | null; eigenvalues: [number, number] | null; parts: number;
}
export interface LayerFacts { summary: Summary; patterns: PatternFacts[]; projections: ProjectionFacts[] }
export interface Points { x: Float32Array; y: Float32Array; kept: Float32Array }
/** What is asked of the stored tree; nothing: what the run has found. */
export interface Asked { size?: number; epsilon?: number; selection?: "leaf" | "eom" }
export interface Node { parent: number; birth: number | null; death: number | null; size: number }
export interface Clustering {
  min_cluster_size: number; smallest: number; epsilon: number; selection: string; of_run: boolean; noise: number; command: string;
  patterns: { size: number; persistence: number; node: number }[];
  nodes: Node[];
  labels: Int32Array; membership: Float32Array; outlier: Float32Array; left: Uint32Array; lambda: Float32Array;
}
export interface Part { samples: number; mean: number; quantiles: number[]; bars: number[] }
export interface Contrast {
  column: number; channel: number; statistic: string; effect: number; range: [number, number]; inside: Part; outside: Part;
}
export interface Near {
  neighbors: { sample: number; distance: number; pattern: number | null }[];
  nearest_in_pattern: { sample: number; distance: number; pattern: number } | null;
  pattern: number | null; membership: number; outlier_score: number;
}
/** Of so many samples of noise: how many are nearest to which pattern, most first. */
export interface Nearby { samples: number; patterns: [number, number][] }
export interface EvaluatedSet { name: string; samples: number }
export interface EvaluationLine {
  ood: string; layer: string | null; detector: string; false_alarm_rate: number; alarm_rate: number; auroc: number; auroc_interval: [number, number];
  aupr_in: number; aupr_out: number; fpr_ood_at_tpr_id_95: number; fpr_id_at_tpr_ood_95: number; roc: [number, number][];
  scores: { range: [number, number]; logarithmic: boolean; id: number[]; ood: number[]; alarm_from: number | null };
}
export interface Evaluation { command: string; id: EvaluatedSet; sets: EvaluatedSet[]; false_alarm_rate: number; lines: EvaluationLine[] }

const inside = document.getElementById("data")?.textContent ?? null;
const stored: Record<string, string> | null = inside === null ? null : JSON.parse(inside);
/** Is this page one file, without a server? */
export const isStatic = stored !== null;

function unpack(text: string): ArrayBuffer {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes.buffer;
}

async function ask(path: string, body?: Uint8Array): Promise<ArrayBuffer> {
  if (stored) {
    const text = stored[path];
    if (text === undefined) throw new Error("this page holds no answer to that: look at the run with napscope explore");
    return unpack(text);
  }
  const options: RequestInit = body ? { method: "POST", body: body as BodyInit } : {};
  const response = await fetch(`api/${path}`, options);
  if (!response.ok) {
    const told = await response.json().catch(() => null);
    throw new Error(told?.error ?? `the server answers ${response.status}`);
  }
  return response.arrayBuffer();
}

const kept = new Map<string, Promise<unknown>>();
const MOST_KEPT = 96;
/** Answers are kept, those used last: going back to a layer asks nothing. */
function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  let answer = kept.get(key) as Promise<T> | undefined;
  kept.delete(key);
  if (!answer) {
    answer = make();
    answer.catch(() => kept.delete(key));
  }
  kept.set(key, answer);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  return answer;
}
const text = (buffer: ArrayBuffer) => new TextDecoder().decode(buffer);
const json = <T>(path: string): Promise<T> => once(path, async () => JSON.parse(text(await ask(path))) as T);
const binary = (path: string) => once(path, () => ask(path));

/** A block with a JSON head, see explore/clustering.rs. */
function split(block: ArrayBuffer): [any, number] {
  const length = new DataView(block).getUint32(0, true);
  return [JSON.parse(text(block.slice(4, 4 + length))), 4 + length];
}

export function query(asked: Asked): string {
  const parts = [];
  if (asked.size !== undefined) parts.push(`min_cluster_size=${asked.size}`);
  if (asked.epsilon) parts.push(`epsilon=${asked.epsilon}`);
  if (asked.selection !== undefined) parts.push(`selection=${asked.selection}`);
  return parts.join("&");
}
const asking = (asked: Asked) => (query(asked) ? `?${query(asked)}` : "");

export const runs = () => json<{ name: string; samples: number; layers: number }[]>("runs");
export const run = (at: number) => json<RunFacts>(`runs/${at}`);
/** What detectors made of other data, see ood/evaluation.rs. */
export const evaluations = (run: number) => json<{ name: string; evaluation: Evaluation }[]>(`runs/${run}/ood`);
export const layer = (run: number, at: number) => json<LayerFacts>(`runs/${run}/layers/${at}`);

export function points(run: number, layer: number, projection: number): Promise<Points> {
  const path = `runs/${run}/layers/${layer}/projections/${projection}`;
  return once(`${path}#`, async () => {
    const all = new Float32Array(await ask(path)), n = all.length / 3;
    return { x: all.subarray(0, n), y: all.subarray(n, 2 * n), kept: all.subarray(2 * n) };
  });
}

export function clustering(run: number, layer: number, asked: Asked): Promise<Clustering> {
  const path = `runs/${run}/layers/${layer}/clustering${asking(asked)}`;
  return once(`${path}#`, async () => {
    const block = await ask(path), [head, start] = split(block), n = (block.byteLength - start) / 20;
    const at = (column: number) => start + 4 * n * column;
    return {
      ...head, labels: new Int32Array(block, at(0), n), membership: new Float32Array(block, at(1), n),
      outlier: new Float32Array(block, at(2), n), left: new Uint32Array(block, at(3), n), lambda: new Float32Array(block, at(4), n),
    };
  });
}
/** The sizes that a static page knows patterns for. */
export function knownSizes(layer: number): number[] {
  const start = `runs/0/layers/${layer}/clustering?min_cluster_size=`;
  const sizes = Object.keys(stored ?? {}).filter((key) => key.startsWith(start)).map((key) => parseInt(key.slice(start.length), 10));
  return [...new Set(sizes)].sort((a, b) => a - b);
}

export type Values = { numbers: Float32Array } | { codes: Uint16Array; words: string[] };
/** The values of a column, or null where they are told sample by sample only. */
export async function column(run: number, at: number, facts: ColumnFacts): Promise<Values | null> {
  if (facts.kind === "text") return null;
  const bytes = await binary(`runs/${run}/columns/${at}`);
  return facts.kind === "number" ? { numbers: new Float32Array(bytes) } : { codes: new Uint16Array(bytes), words: facts.words ?? [] };
}

export async function sample(run: number, at: number): Promise<{ sample: number; values: [string, string | null][] }> {
  if (stored) return (await json<{ sample: number; values: [string, string | null][] }[]>(`runs/${run}/samples`))[at];
  return json(`runs/${run}/samples/${at}`);
}

export async function search(run: number, words: string): Promise<{ samples: number[]; total: number }> {
  if (!stored) return json(`runs/${run}/search?q=${encodeURIComponent(words)}`);
  const all = await json<{ sample: number; values: [string, string | null][] }[]>(`runs/${run}/samples`);
  const wanted = words.trim().toLowerCase();
  const found = all.filter(({ sample, values }) => String(sample) === wanted || values.some(([, value]) => value !== null && isNaN(+value) && value.toLowerCase().includes(wanted)));
  return { samples: found.slice(0, 200).map((hit) => hit.sample), total: found.length };
}

/** The address of a sample's picture. */
export function picture(run: number, sample: number): string | null {
  if (!stored) return `api/runs/${run}/pictures/${sample}`;
  const text = stored[`runs/${run}/pictures/${sample}`];
  return text === undefined ? null : `data:image/png;base64,${text}`;
}

/** A selection as bits, lowest first: what the server takes. */
export function pack(mask: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  for (let i = 0; i < mask.length; i++) if (mask[i]) bits[i >> 3] |= 1 << (i & 7);
  return bits;
}

export async function contrasts(run: number, layer: number, mask: Uint8Array): Promise<Contrast[]> {
  const path = `runs/${run}/layers/${layer}`;
  if (!stored) return JSON.parse(text(await ask(`${path}/channels`, pack(mask))));
  const block = await binary(`${path}/features`), [columns, start] = split(block);
  return local.contrasts(new Float32Array(block, start), columns, mask);
}

/** One column of a layer's features. */
export async function feature(run: number, layer: number, column: number): Promise<Float32Array> {
  const path = `runs/${run}/layers/${layer}/features`;
  if (!stored) return new Float32Array(await binary(`${path}/${column}`));
  const block = await binary(path), [columns, start] = split(block), all = new Float32Array(block, start);
  return Float32Array.from({ length: all.length / columns.length }, (_, sample) => all[sample * columns.length + column]);
}

export async function neighbors(run: number, layer: number, sample: number, asked: Asked): Promise<Near> {
  const path = `runs/${run}/layers/${layer}`;
  if (!stored) return json(`${path}/neighbors/${sample}?k=8${query(asked) && `&${query(asked)}`}`);
  const block = await binary(`${path}/features`), [columns, start] = split(block);
  return local.neighbors(new Float32Array(block, start), columns.length, sample, await clustering(run, layer, asked));
}

export const nearby = (run: number, layer: number, asked: Asked) => json<Nearby>(`runs/${run}/layers/${layer}/noise${asking(asked)}`);

export async function average(run: number, mask: Uint8Array): Promise<Blob> {
  if (stored) return local.average([...mask.keys()].filter((i) => mask[i]).map((i) => picture(run, i)));
  return new Blob([await ask(`runs/${run}/average`, pack(mask))], { type: "image/png" });
}

export async function table(run: number, layer: number, mask: Uint8Array, asked: Asked, format: string): Promise<Blob> {
  return new Blob([await ask(`runs/${run}/layers/${layer}/export?format=${format}${query(asked) && `&${query(asked)}`}`, pack(mask))]);
}
