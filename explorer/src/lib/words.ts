// Numbers as people read them.

export const count = (value: number) => value.toLocaleString("en-US");
export const percent = (part: number, whole: number) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  return size >= 1e4 || (size !== 0 && size < 1e-2) ? value.toExponential(1) : value.toPrecision(3);
}
/** A value of the data as it is read: six digits of a number that has more. */
export function brief(value: string): string {
  return value.length > 9 && value.includes(".") && Number.isFinite(Number(value)) ? String(Number(Number(value).toPrecision(6))) : value;
}
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
export const shape = ([c, h, w]: [number, number, number]) => (h * w === 1 ? `${c}` : `${c}×${h}×${w}`);
export const patternName = (id: number | null) => (id === null || id < 0 ? "noise" : `pattern ${id}`);
