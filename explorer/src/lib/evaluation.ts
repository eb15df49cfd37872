// What detectors made of other data: which line is looked at, and how far chance reaches.

import type { Evaluation, EvaluationLine } from "./api";

/** Which evaluation, which of its sets, and which detector; an empty one: all of them together. */
export interface Judged { at: number; set: string; detector: string }

/** The detectors in an evaluation that judge layers one by one. */
export const detectors = (evaluation: Evaluation) => [...new Set(evaluation.lines.filter((line) => line.layer).map((line) => line.detector))];

/** The mean AUROC over the sets; undefined where the layer was not judged. */
export function auroc(evaluation: Evaluation, layer: string, detector: string): number | undefined {
  const found = evaluation.lines.filter((line) => line.layer === layer && line.detector === detector);
  return found.length ? found.reduce((sum, line) => sum + line.auroc, 0) / found.length : undefined;
}

/** At first: the first set, and the detector with the highest AUROC over layers and sets. */
export function first(evaluations: Evaluation[], at: number): Judged {
  const evaluation = evaluations[at], mean = new Map<string, [number, number]>();
  for (const { layer, detector, auroc } of evaluation.lines) if (layer) {
    const [sum, n] = mean.get(detector) ?? [0, 0];
    mean.set(detector, [sum + auroc, n + 1]);
  }
  const best = [...mean].sort(([, [a, n]], [, [b, m]]) => b / m - a / n)[0];
  return { at, set: evaluation.sets[0]?.name ?? "", detector: best?.[0] ?? "" };
}

export const line = (evaluation: Evaluation, judged: Judged, layer: string): EvaluationLine | undefined =>
  evaluation.lines.find((line) => line.ood === judged.set && (judged.detector ? line.layer === layer && line.detector === judged.detector : !line.layer));

/** Wilson's interval of a share of n samples, at z standard deviations: 95 % at 1.96. */
export function wilson(share: number, n: number, z = 1.959964): [number, number] {
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const reach = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, middle - reach), Math.min(1, middle + reach)];
}

/** Corners of the band around a curve: each point lies within it, both ways at once, with 95 %. */
export function band(roc: [number, number][], id: number, ood: number): [number, number][] {
  const Z = 2.236477; // 95 % for two shares at once: each with the root of it.
  const boxes = roc.map(([x, y]) => [wilson(x, id, Z), wilson(y, ood, Z)]);
  return [...boxes.map(([x, y]): [number, number] => [x[0], y[1]]), ...boxes.reverse().map(([x, y]): [number, number] => [x[1], y[0]])];
}
