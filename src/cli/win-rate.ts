/**
 * `attune win-rate`: how often models beat one baseline, as it is and with length taken out. Comparisons come from a file or a project
 * of the store. Knows no ranking.
 */
import { AttuneError } from "../errors.js";
import {
  bootstrapInterval,
  type LengthComparison,
  lengthControlledWinRate,
  type RateWithInterval,
  wilsonInterval,
} from "../stats/index.js";
import { flag, list, optionalText, whole } from "../train/job/setting.js";
import { nearestName } from "../util/nearest-name.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { type Comparison, readComparisons } from "./comparison-rows.js";
import { defineRun, needed } from "./define-run.js";
import { wrap } from "./help.js";
import { storeSettings } from "./open-store.js";
import { count, counted, percent, table } from "./show.js";
import { readProject, shownPairs } from "./store/judged-rows.js";

const settings = {
  baseline: optionalText({ doc: "The model that the others are compared with. Needed.", source: "none" }),
  gamed: list({
    doc: "Models of FILE that are the baseline told to be brief or verbose: they show what length alone buys.",
    source: "none; Dubois et al. 2024, section 3",
  }),
  resamples: whole(1000, {
    min: 1,
    doc: "Resamples of every interval.",
    source: "Efron and Tibshirani 1993",
  }),
  seed: whole(0, { min: 0, doc: "The same seed gives the same intervals.", source: "" }),
  ...storeSettings,
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune win-rate",
  about:
    "How often each model beats one baseline, ties as half: the raw win rate, and AlpacaEval 2's length-controlled one (what it would be if both wrote equally long), each with a 95% bootstrap interval. FILE is attune:PROJECT (whose answers say which model wrote them), or holds AlpacaEval's annotations (generator_1, generator_2, output_1, output_2, preference) or rows of model_a, model_b, winner, response_a, response_b. Several votes on the same two answers are one comparison. instruction_difficulty, where every row has it, goes into the fit. A leaderboard of all against all: attune rank.",
  positionals: ["FILE"],
  examples: [
    "attune win-rate annotations.json --baseline gpt4_1106_preview",
    "attune win-rate attune:my-project --baseline base --json",
    "attune win-rate votes.jsonl --baseline base --gamed base-brief,base-verbose",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const source = needed(words[0], { help, what: "FILE" });
  const judged = await readProject(source, s.store);
  const { comparisons, leftOut } = await readComparisons(source, judged && shownPairs(judged));
  const models = [...new Set(comparisons.flatMap(({ first, second }) => [first, second]))].toSorted();
  const baseline = among(s.baseline, { models, flag: "--baseline" });
  const gamed = (s.gamed ?? []).map((name) => among(name, { models, flag: "--gamed" }));
  const plan = { ...s, source, baseline, gamed, models };
  const result = { baseline, rows: winRates(comparisons, plan), leftOut };
  io.out(s.json ? JSON.stringify(result) : asText(result, io.columns));
  return exitCodes.ok;
});

/** A model that the file names. Throws `usage`, with the nearest. */
function among(name: string | undefined, { models, flag }: { models: string[]; flag: string }): string {
  if (name !== undefined && models.includes(name)) return name;
  const near = name === undefined ? undefined : nearestName(name, models);
  const shown =
    models.slice(0, 10).join(", ") + (models.length > 10 ? `, and ${models.length - 10} more` : "");
  throw new AttuneError("usage", {
    where: `${help.name}: ${flag}`,
    expected: `one of the models in the file: ${shown}`,
    got: name ?? "nothing",
    fix: near === undefined ? `${help.name} FILE ${flag} ${models[0]}` : `did you mean ${near}?`,
  });
}

interface Row {
  model: string;
  comparisons: number;
  votes: number;
  raw: RateWithInterval;
  /** Null where it cannot be told, for the reason in `note`. */
  controlled: RateWithInterval | null;
  coefficients: { length: number; difficulty: number | null; model: number } | null;
  /** Mean length of the model's answers less the baseline's, in characters; null where not known. */
  longer: number | null;
  note: string | null;
}

interface Plan {
  baseline: string;
  gamed: readonly string[];
  models: readonly string[];
  source: string;
  resamples: number;
  seed: number;
}

function winRates(comparisons: readonly Comparison[], plan: Plan): Row[] {
  const { baseline, gamed, models } = plan;
  const all = comparisons.filter(({ first, second }) => first === baseline || second === baseline);
  const hard = all.every(({ difficulty }) => Number.isFinite(difficulty));
  const against = (model: string): Judged[] => judgedAgainst(all, { model, baseline });
  const versions = gamed.map((model) => {
    const full = withLengths(against(model), { hard });
    if (full !== undefined && full.length >= fewest) return full;
    throw new AttuneError("data", {
      where: `${plan.source}: ${model}`,
      expected: `at least ${fewest} comparisons of ${model} and ${baseline}, with their answers`,
      got: full === undefined ? "rows without answers" : String(full.length),
      fix: `leave ${model} out of --gamed`,
    });
  });
  return models
    .filter((model) => model !== baseline && !gamed.includes(model))
    .flatMap((model) => {
      const judged = against(model);
      return judged.length === 0 ? [] : [{ model, ...rowOf(judged, { ...plan, hard, versions }) }];
    })
    .toSorted((x, y) => (y.controlled ?? y.raw).winRate - (x.controlled ?? x.raw).winRate);
}

/** With fewer, length cannot be told from merit. */
const fewest = 10;

/** A model's answer beside the baseline's. */
interface Judged {
  /** Mean of the votes on these two answers: 1 is the model's. */
  preference: number;
  votes: number;
  lengthDifference: number | undefined;
  difficulty: number | undefined;
}

function judgedAgainst(
  comparisons: readonly Comparison[],
  { model, baseline }: { model: string; baseline: string },
): Judged[] {
  const found = new Map<string, Judged>();
  for (const [k, { first, second, share, lengths, difficulty, subject }] of comparisons.entries()) {
    const turned = first === baseline && second === model;
    if (!turned && !(first === model && second === baseline)) continue;
    const preference = turned ? 1 - share : share;
    const name = subject ?? `row ${k}`;
    const known = found.get(name);
    if (known === undefined) {
      const lengthDifference = lengths && (turned ? -1 : 1) * (lengths.first - lengths.second);
      found.set(name, { preference, votes: 1, lengthDifference, difficulty });
    } else {
      known.votes += 1;
      known.preference += (preference - known.preference) / known.votes;
    }
  }
  return [...found.values()];
}

/** As the fit takes them; undefined where some have no lengths. */
function withLengths(judged: readonly Judged[], { hard }: { hard: boolean }): LengthComparison[] | undefined {
  const full = judged.flatMap(({ preference, lengthDifference, difficulty }) =>
    lengthDifference === undefined
      ? []
      : [{ preference, lengthDifference, ...(hard && { difficulty: difficulty! }) }],
  );
  return full.length === judged.length ? full : undefined;
}

function rowOf(
  judged: readonly Judged[],
  o: Plan & { hard: boolean; versions: readonly LengthComparison[][] },
): Omit<Row, "model"> {
  const { resamples, seed } = o;
  const rates = judged.map(({ preference }) => preference);
  const row = {
    comparisons: judged.length,
    votes: judged.reduce((n, { votes }) => n + votes, 0),
    // Where all fell the same way a bootstrap has no width.
    raw: rates.every((rate) => rate === rates[0]!)
      ? { winRate: mean(rates), ...wilsonInterval(Math.round(mean(rates) * rates.length), rates.length) }
      : { winRate: mean(rates), ...bootstrapInterval(rates, mean, { resamples, seed })! },
    controlled: null,
    coefficients: null,
  };
  const full = withLengths(judged, o);
  if (full === undefined) return { ...row, longer: null, note: "rows without their answers have no lengths" };
  const longer = mean(full.map(({ lengthDifference }) => lengthDifference));
  try {
    const { controlled, coefficients } = lengthControlledWinRate(full, {
      gamed: o.versions,
      resamples,
      seed,
    });
    return { ...row, controlled, coefficients, longer, note: null };
  } catch (cause) {
    // Too few, or lengths that never differ: the raw rate stands alone.
    if (!(cause instanceof AttuneError)) throw cause;
    return { ...row, longer, note: `it needs ${cause.expected}; here: ${cause.got}` };
  }
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

interface Result {
  baseline: string;
  rows: readonly Row[];
  leftOut: Readonly<Record<string, number>>;
}

function asText({ baseline, rows, leftOut }: Result, width: number): string {
  const say = (text: string): string => wrap(text, { width, indent: 2 });
  const cells = ({ winRate, low, high }: RateWithInterval): string[] => [
    percent(winRate),
    `${percent(low)} to ${percent(high)}`,
  ];
  const lines = rows.map(({ model, raw, controlled, longer, comparisons }) => [
    model,
    ...cells(raw),
    ...(controlled === null ? ["-", ""] : cells(controlled)),
    longer === null ? "-" : `${longer < 0 ? "-" : "+"}${count(Math.abs(longer))}`,
    count(comparisons),
  ]);
  const voted = rows.some(({ votes, comparisons }) => votes > comparisons);
  return [
    `Win rates against ${baseline}, ties as half`,
    ...Object.entries(leftOut).map(([reason, n]) => `  left out: ${n} x ${reason}`),
    "",
    table(
      [
        ["model", "raw", "95% interval", "length-controlled", "95% interval", "longer by", "comparisons"],
        ...lines,
      ],
      { right: [1, 3, 5, 6] },
    ),
    "",
    ...rows.flatMap(({ model, note }) =>
      note === null ? [] : [say(`No length-controlled rate for ${model}: ${note}.`)],
    ),
    ...(voted
      ? [
          say(
            `Several votes on the same two answers are one comparison (${counted(
              rows.reduce((n, { votes }) => n + votes, 0),
              "vote",
            )}).`,
          ),
        ]
      : []),
    say(
      'Length-controlled: what the rate would be if both wrote equally long, by AlpacaEval 2\'s regression, fitted to these comparisons alone. It takes length out even where longer answers deserve to win. "Longer by" is the mean in characters. 50% is as good as the baseline; an interval that holds 50% leaves open who is better.',
    ),
  ].join("\n");
}
