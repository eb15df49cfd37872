// Why samples are noise, read off the tree (they leave it before it splits into patterns, or in a branch that holds none), and
// what they lie next to.

import type { Clustering, Nearby } from "./api";
import { count, patternName, percent } from "./words";

/** For every cluster of the tree: how many of the patterns are strictly below it. */
export function patternsBelow({ nodes, patterns }: Clustering): Uint32Array {
  const counts = new Uint32Array(nodes.length);
  for (const { node } of patterns) for (let at = node; at; at = nodes[at].parent) counts[nodes[at].parent]++;
  return counts;
}

/** Of these samples: how many leave before the tree splits into patterns. */
export function leaveBefore(clustering: Clustering, samples: number[]): number {
  const counts = patternsBelow(clustering);
  return samples.reduce((sum, sample) => sum + +(counts[clustering.left[sample]] > 0), 0);
}

/** The patterns that most samples of noise are nearest to, in words. */
export function nearest({ samples, patterns }: Nearby, noise: number): string {
  const named = patterns.slice(0, 3), others = named.reduce((left, [, of]) => left - of, samples);
  const shares = named.map(([id, of]) => `${patternName(id)} (${percent(of, samples)})`);
  if (others) shares.push(`others (${percent(others, samples)})`);
  return `Nearest${samples < noise ? ` to ${count(samples)} of them, evenly chosen` : ""}: ${shares.join(", ")}.`;
}
