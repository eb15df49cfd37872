// Colours: the same pattern has the same colour in every view and in every run of the same data.

/** Paul Tol's colour-blind-safe hues first, then hues by the golden angle: neighbours in number differ. */
const HUES = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99", "#bbcc33", "#99ddff", "#ffaabb", "#aaaa00"];
export const NOISE = "#9aa3af";

export type Rgb = [number, number, number];
const hex = (text: string): Rgb => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)) as Rgb;
function hsl(hue: number, saturation: number, lightness: number): Rgb {
  const a = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  }) as Rgb;
}
const known = new Map<number, Rgb>();
export function hue(index: number): Rgb {
  let rgb = known.get(index);
  if (!rgb) {
    rgb = index < 0 ? hex(NOISE) : index < HUES.length ? hex(HUES[index]) : hsl((index * 137.508) % 360, 0.55, index % 2 ? 0.45 : 0.62);
    known.set(index, rgb);
  }
  return rgb;
}
/** Words of a column: paler, so that nobody takes a class for a pattern. */
export const tint = (code: number): Rgb => (code < 0 ? hex(NOISE) : hsl((code * 137.508 + 205) % 360, code % 3 === 1 ? 0.38 : 0.6, [0.66, 0.52, 0.76][code % 3]));
export const css = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`;
export const patternColour = (id: number) => css(hue(id));

/** Perceptually even ramps that stay ordered for colour-blind eyes: cividis and viridis rise, the other one parts at its middle. */
export const RAMPS: Record<string, Rgb[]> = {
  viridis: [[68, 1, 84], [70, 50, 127], [54, 92, 141], [39, 127, 142], [31, 161, 135], [110, 206, 88], [253, 231, 37]],
  cividis: [[0, 32, 77], [40, 66, 109], [82, 89, 109], [124, 123, 120], [166, 157, 117], [211, 193, 100], [255, 234, 70]],
  diverging: [[33, 102, 172], [103, 169, 207], [209, 229, 240], [225, 225, 225], [253, 219, 199], [239, 138, 98], [178, 24, 43]],
};
export function ramp(name: string, share: number): Rgb {
  const stops = RAMPS[name] ?? RAMPS.viridis;
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2), part = at - low;
  return stops[low].map((from, i) => Math.round(from + part * (stops[low + 1][i] - from))) as Rgb;
}
export const gradient = (name: string) => `linear-gradient(to right, ${RAMPS[name].map(css).join(", ")})`;
