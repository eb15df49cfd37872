// Why samples are noise, read off the tree: they leave it before it splits into patterns, or in a branch that holds none.

import type { Clustering } from "./api";

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
