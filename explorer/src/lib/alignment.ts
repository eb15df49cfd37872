// How far a layer tells the columns of the data, as the run's verdicts have it: read by the layer strip and by the verdict's view.

import type { Summary } from "./api";

/** R² on samples that were not fitted on, with a 95 % interval. */
export interface Told { r2: number; low: number; high: number }
export interface Alignment { column: string; knn: Told; ridge: Told; partial: { knn: Told; ridge: Told; given: string[] } | null; p_value: number; p_value_adjusted: number | null }
export interface Judged { verdict: string; reasons: string[]; evidence: Record<string, unknown> & { samples?: number; drawn_from?: number }; alignment: Alignment[] }

/** Told by chance as often as that: not told. */
const SIGNIFICANT = 0.05;

export const judged = (layer: Summary) => (layer.verdict ?? null) as Judged | null;
/** What the better of both ways to ask finds. */
export const better = (told: Alignment): Told => (told.ridge.r2 > told.knn.r2 ? told.ridge : told.knn);

/** The column that a layer tells best; none where chance would tell them as well. */
export function toldBest(layer: Summary): Alignment | null {
  const told = (judged(layer)?.alignment ?? []).filter((one) => (one.p_value_adjusted ?? one.p_value) <= SIGNIFICANT && better(one).r2 > 0);
  return told.reduce<Alignment | null>((best, next) => (best === null || better(next).r2 > better(best).r2 ? next : best), null);
}
