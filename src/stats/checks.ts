/** Refusals shared by the statistics: what is no number, count or rate. Knows no formula. */
import { AttuneError } from "../errors.js";

/** Both whole, 0 <= successes <= trials, trials > 0. Halves are allowed where a tie counts half. */
export function checkProportion(where: string, successes: number, trials: number): void {
  if (
    !Number.isFinite(successes) ||
    !Number.isFinite(trials) ||
    trials <= 0 ||
    successes < 0 ||
    successes > trials
  ) {
    throw new AttuneError("usage", {
      where,
      expected: "0 <= successes <= trials, trials > 0",
      got: `${successes} of ${trials}`,
    });
  }
}

export function checkLevel(where: string, level: number): void {
  if (!(level > 0 && level < 1)) {
    throw new AttuneError("usage", {
      where: `${where}: level`,
      expected: "a number between 0 and 1",
      got: String(level),
    });
  }
}

export function checkFinite(where: string, values: readonly number[]): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) {
    throw new AttuneError("numeric", {
      where: `${where}: value ${index}`,
      expected: "a finite number",
      got: String(values[index]),
    });
  }
}

export function checkSameLength(where: string, left: readonly unknown[], right: readonly unknown[]): void {
  if (left.length !== right.length) {
    throw new AttuneError("usage", {
      where,
      expected: "two lists of equal length",
      got: `${left.length} and ${right.length}`,
    });
  }
}

/** Rows of equal length with whole counts >= 0. */
export function checkCounts(where: string, counts: readonly (readonly number[])[]): void {
  const width = counts[0]?.length ?? 0;
  for (const [index, row] of counts.entries()) {
    if (row.length !== width || row.some((count) => !Number.isSafeInteger(count) || count < 0)) {
      throw new AttuneError("usage", {
        where: `${where}: row ${index}`,
        expected: `${width} whole counts >= 0, one a category`,
        got: JSON.stringify(row),
      });
    }
  }
}

/** Probabilities in [0, 1], one outcome each, at least one. */
export function checkForecasts(
  where: string,
  probabilities: readonly number[],
  outcomes: readonly boolean[],
): void {
  checkSameLength(where, probabilities, outcomes);
  const index = probabilities.findIndex((p) => !(p >= 0 && p <= 1));
  if (index >= 0 || probabilities.length === 0) {
    throw new AttuneError("usage", {
      where: index >= 0 ? `${where}: probability ${index}` : where,
      expected: "at least one probability, each in [0, 1]",
      got: index >= 0 ? String(probabilities[index]) : "none",
    });
  }
}
