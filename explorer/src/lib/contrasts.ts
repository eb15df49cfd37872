// What the server computes of a selection and of a sample, for a page without a server. The e2e tests hold both side by side.

import type { Clustering, Contrast, Near, Part } from "./api";

const BARS = 32;

export function contrasts(values: Float32Array, columns: { channel: number; statistic: string }[], mask: Uint8Array, most = 64): Contrast[] {
  const width = columns.length, n = mask.length;
  const sums = (wanted: number) => {
    const mean = new Float64Array(width), squares = new Float64Array(width);
    let samples = 0;
    for (let i = 0; i < n; i++) if (mask[i] === wanted) {
      samples++;
      for (let c = 0; c < width; c++) mean[c] += values[i * width + c];
    }
    for (let c = 0; c < width; c++) mean[c] /= Math.max(samples, 1);
    for (let i = 0; i < n; i++) if (mask[i] === wanted) for (let c = 0; c < width; c++) squares[c] += (values[i * width + c] - mean[c]) ** 2;
    return { mean, squares, samples };
  };
  const within = sums(1), without = sums(0), freedom = within.samples + without.samples - 2;
  const effect = (c: number) => {
    const pooled = Math.sqrt((within.squares[c] + without.squares[c]) / freedom);
    return freedom > 0 && within.samples && without.samples && pooled > 0 ? (within.mean[c] - without.mean[c]) / pooled : 0;
  };
  const effects = columns.map((_, c) => effect(c));
  const order = columns.map((_, c) => c).sort((x, y) => Math.abs(effects[y]) - Math.abs(effects[x]) || x - y).slice(0, most);
  return order.map((c) => {
    const parts: [number[], number[]] = [[], []];
    for (let i = 0; i < n; i++) parts[mask[i] ? 0 : 1].push(values[i * width + c]);
    let low = Infinity, high = -Infinity;
    for (const part of parts) for (const value of part) { low = Math.min(low, value); high = Math.max(high, value); }
    const part = (all: number[], mean: number): Part => {
      const bars = new Array<number>(BARS).fill(0);
      for (const value of all) bars[Math.min(BARS - 1, Math.floor((high > low ? (value - low) / (high - low) : 0) * BARS))]++;
      all.sort((a, b) => a - b);
      const quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => all[Math.round(share * (all.length - 1))] ?? 0);
      return { samples: all.length, mean, quantiles, bars };
    };
    return { column: c, ...columns[c], effect: effects[c], range: [low, high], inside: part(parts[0], within.mean[c]), outside: part(parts[1], without.mean[c]) };
  });
}

/** By the Euclidean distance of the features, each column divided by its largest magnitude: the page knows no other metric. */
export function neighbors(values: Float32Array, width: number, sample: number, clustering: Clustering): Near {
  const n = clustering.labels.length, scale = new Float32Array(width);
  for (let i = 0; i < n; i++) for (let c = 0; c < width; c++) scale[c] = Math.max(scale[c], Math.abs(values[i * width + c]));
  const all = [];
  for (let i = 0; i < n; i++) if (i !== sample) {
    let sum = 0;
    for (let c = 0; c < width; c++) if (scale[c]) sum += ((values[i * width + c] - values[sample * width + c]) / scale[c]) ** 2;
    const label = clustering.labels[i];
    all.push({ sample: i, distance: Math.sqrt(sum), pattern: label < 0 ? null : label });
  }
  all.sort((x, y) => x.distance - y.distance || x.sample - y.sample);
  const inPattern = all.find((other) => other.pattern !== null) as Near["nearest_in_pattern"] | undefined;
  const label = clustering.labels[sample];
  return {
    neighbors: all.slice(0, 8), nearest_in_pattern: inPattern ?? null, pattern: label < 0 ? null : label,
    membership: clustering.membership[sample], outlier_score: clustering.outlier[sample],
  };
}

/** The mean of up to 256 pictures, evenly chosen. */
export async function average(addresses: (string | null)[]): Promise<Blob> {
  const step = Math.max(1, Math.ceil(addresses.length / 256));
  const wanted = addresses.filter((address, at) => at % step === 0 && address !== null) as string[];
  const pictures = await Promise.all(wanted.map(async (address) => {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    return picture;
  }));
  if (!pictures.length) throw new Error("there is no such picture");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [pictures[0].naturalWidth, pictures[0].naturalHeight];
  const pen = canvas.getContext("2d", { willReadFrequently: true })!;
  const sum = new Float64Array(4 * canvas.width * canvas.height);
  for (const picture of pictures) {
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    pen.getImageData(0, 0, canvas.width, canvas.height).data.forEach((value, at) => (sum[at] += value));
  }
  const mean = pen.createImageData(canvas.width, canvas.height);
  mean.data.set(sum.map((value) => value / pictures.length));
  pen.putImageData(mean, 0, 0);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture")))));
}
