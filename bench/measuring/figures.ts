// Figures of many runs: the middle of them, and how far they lie apart.

/** @param share from 0 to 1; the values need no order. 0 of no values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [below = 0, above = below] = sorted.slice(Math.ceil(sorted.length / 2) - 1);
  return sorted.length % 2 === 1 ? below : (below + above) / 2;
}

/** Least, middle and greatest of several runs: what a noisy machine may say. */
export type Spread = { readonly median: number; readonly least: number; readonly most: number };

export function spreadOf(runs: readonly number[]): Spread {
  return { median: median(runs), least: Math.min(...runs), most: Math.max(...runs) };
}

/** `12,345 (11,000 to 13,000)`. */
export function shown({ median: middle, least, most }: Spread, digits = 0): string {
  const text = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${text(middle)} (${text(least)} to ${text(most)})`;
}
