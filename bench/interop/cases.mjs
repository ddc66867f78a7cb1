// What is exchanged, a case a function: each returns the numbers that must be equal. Knows no family by name.
import { join } from "node:path";
import { AttuneError } from "../../dist/errors.js";
import { mergedParameters, openModel, saveModelFolder } from "../../dist/models/index.js";
import { savePolicy } from "../../dist/train/index.js";
import { numbersOf, numbersWithout, reopen, rowsFor, train } from "./ours.mjs";

/** transformers reads a row's reward at its last token that is not padding, and refuses batches without a padding id. */
const padded = { configChanges: { pad_token_id: 0 } };
const classification = { head: "classification" };

/** Adapters as they are trained; `targets` and `saved` depend on the family. */
const adapters = {
  lora: () => ({ r: 4, alpha: 8 }),
  rslora: () => ({ r: 4, alpha: 2, rslora: true, targetModules: "all-linear" }),
  dora: () => ({ r: 4, alpha: 8, dora: true }),
  saved: (config) => ({ r: 4, alpha: 8, modulesToSave: wholeModules(config) }),
  patterns: (config) => ({
    r: 4,
    alpha: 8,
    targetModules: projections(config),
    rankPattern: { "\\D*\\.0\\..*": 2 },
    alphaPattern: { [projections(config)[1]]: 3 },
  }),
};

const projections = ({ family }) =>
  ({ gpt2: ["c_attn", "c_fc"], phi3: ["qkv_proj", "down_proj"] })[family] ?? ["q_proj", "down_proj"];

/** The output layer where it is one, and the last norm; "norm" is also the end of other norms' names. */
const wholeModules = ({ family, tiedEmbeddings }) => [
  ...(tiedEmbeddings ? [] : ["lm_head"]),
  family === "gpt2" ? "ln_f" : "norm",
];

/** The adapter's settings in PEFT's words. */
const theirSettings = {
  lora: () => ({ r: 4, lora_alpha: 8, target_modules: "all-linear" }),
  rslora: () => ({ r: 4, lora_alpha: 2, target_modules: "all-linear", use_rslora: true }),
  dora: () => ({ r: 4, lora_alpha: 8, target_modules: "all-linear", use_dora: true }),
  saved: (config) => ({
    r: 4,
    lora_alpha: 8,
    target_modules: projections(config),
    modules_to_save: wholeModules(config),
  }),
  patterns: (config) => ({
    r: 4,
    lora_alpha: 8,
    target_modules: `.*\\.(${projections(config).join("|")})`,
    rank_pattern: { [projections(config)[0]]: 2 },
    alpha_pattern: { [projections(config)[1]]: 3 },
  }),
};

/** All three lists of a loading report, as one text; empty when every key was found and used. */
function complaints(report) {
  return ["missing", "unexpected", "mismatched"]
    .flatMap((kind) => report[kind].map((key) => `${kind} ${key}`))
    .join(", ");
}

/** Numbers that training left as they were would prove nothing. */
const moved = (before, after) => (differenceOf(before, after) > 1e-3 ? "" : "training changed nothing");

/** Whole model: ours in memory, ours read again, theirs. */
async function wholeModel({ peer, folder, ours, rows, more = {} }) {
  const report = await peer.ask("logits", { model: folder, ids: rows, ...more });
  const read = await numbersOf(await reopen(folder), rows);
  return {
    pairs: [
      ["transformers", ours ?? read, report.logits],
      ["read again", ours ?? read, read],
    ],
    trouble: complaints(report),
  };
}

/** Adapter on, off, merged by them; merged by us, read by them. `off` is left out where a base's head is made up. */
async function adapted({ peer, base, folder, trained, rows, more = {}, off = true, scratch }) {
  const on = await numbersOf(trained, rows);
  const theirs = await peer.ask("adapter", { base, adapter: folder, ids: rows, ...more });
  const read = await reopen(folder);
  const pairs = [
    ["on", on, theirs.on],
    ["merged", on, theirs.merged],
    ["read again", on, await numbersOf(read, rows)],
  ];
  if (off) pairs.push(["off", await numbersWithout(trained, rows), theirs.off]);
  const merged = join(scratch, "merged");
  await mergeTo(merged, read, more.head === undefined ? {} : padded);
  const whole = await peer.ask("logits", { model: merged, ids: rows, ...more });
  pairs.push(["merged by us", on, whole.logits]);
  const still = off ? moved(await numbersWithout(trained, rows), on) : "";
  return { pairs, trouble: complaints(theirs) || complaints(whole) || still };
}

function mergeTo(folder, { policy, values }, options = {}) {
  const byKey = (key) => values.get(key.replace(/^base_model\.model\./, ""));
  const source = { has: (key) => byKey(key) !== undefined, get: byKey };
  // Float32 whatever the base is, so that no rounding stands between.
  return saveModelFolder(folder, policy.folder, {
    ...options,
    dtype: "F32",
    parameters: mergedParameters(policy.folder, { spec: policy.lora.spec, values: source }),
  });
}

async function full({ peer, base, rows, scratch }) {
  const trained = await train(base);
  const folder = join(scratch, "full");
  await savePolicy(folder, trained.policy, { values: trained.values });
  const still = moved(await numbersOf(await reopen(base), rows), await numbersOf(trained, rows));
  const result = await wholeModel({ peer, folder, trained, rows });
  return { ...result, trouble: result.trouble || still };
}

async function sharded({ peer, base, rows, scratch }) {
  const trained = await train(base, { steps: 1 });
  const folder = join(scratch, "sharded");
  await saveModelFolder(folder, trained.policy.folder, { parameters: trained.values, maxShardBytes: 20_000 });
  return wholeModel({ peer, folder, trained, rows });
}

async function halfWidth({ peer, base, rows, scratch }, dtype) {
  const trained = await train(base, { steps: 1 });
  const folder = join(scratch, dtype);
  await saveModelFolder(folder, trained.policy.folder, { parameters: trained.values, dtype });
  return wholeModel({ peer, folder, trained, rows });
}

async function adapter({ peer, base, config, rows, scratch }, kind) {
  const trained = await train(base, { lora: adapters[kind](config) });
  const folder = join(scratch, kind);
  await savePolicy(folder, trained.policy, { values: trained.values });
  return adapted({ peer, base, folder, trained, rows, scratch });
}

/** Theirs, read by us; trained on, saved and read by them. */
async function theirs({ peer, base, config, rows, scratch }, kind) {
  const folder = join(scratch, `theirs-${kind}`);
  const made = await peer.ask("make", { base, folder, ids: rows, lora: theirSettings[kind](config) });
  const read = await reopen(folder);
  const on = await numbersOf(read, rows);
  const pairs = [
    ["made by PEFT", on, made.on],
    ["merged", on, made.merged],
    ["off", await numbersWithout(read, rows), made.off],
  ];
  const trained = await train(folder);
  const further = join(scratch, `further-${kind}`);
  await savePolicy(further, trained.policy, { values: trained.values });
  const after = await adapted({ peer, base, folder: further, trained, rows, scratch });
  return {
    pairs: [...pairs, ...after.pairs.map(([name, ...numbers]) => [`trained on: ${name}`, ...numbers])],
    trouble: complaints(made) || after.trouble,
  };
}

async function rewardFull({ peer, base, rows, scratch }) {
  const trained = await train(base, { head: "sequence" });
  const folder = join(scratch, "reward");
  await saveModelFolder(folder, trained.policy.folder, { parameters: trained.values, ...padded });
  return wholeModel({ peer, folder, trained, rows, more: classification });
}

/** The base has no head and no padding id: PEFT makes the one up and then takes the adapter's; rows go one at a time. */
async function rewardAdapter({ peer, base, rows, scratch }) {
  const trained = await train(base, { head: "sequence", lora: { r: 4, alpha: 8 } });
  const folder = join(scratch, "reward-adapter");
  await savePolicy(folder, trained.policy, { values: trained.values });
  return adapted({
    peer,
    base,
    folder,
    trained,
    rows: rows.slice(0, 1),
    more: classification,
    off: false,
    scratch,
  });
}

/** The same on a base with a head of its own, so that "off" has a meaning; and PEFT's adapter for it, read by us. */
async function rewardTheirs({ peer, base, rows, scratch }) {
  const head = await train(base, { head: "sequence", steps: 1 });
  const own = join(scratch, "reward-base");
  await saveModelFolder(own, head.policy.folder, { parameters: head.values, ...padded });
  const folder = join(scratch, "reward-theirs");
  const made = await peer.ask("make", {
    base: own,
    folder,
    ids: rows,
    lora: theirSettings.lora(),
    ...classification,
  });
  const read = await reopen(folder);
  const pairs = [
    ["made by PEFT", await numbersOf(read, rows), made.on],
    ["off", await numbersWithout(read, rows), made.off],
  ];
  const trained = await train(folder);
  const further = join(scratch, "reward-further");
  await savePolicy(further, trained.policy, { values: trained.values });
  const after = await adapted({
    peer,
    base: own,
    folder: further,
    trained,
    rows,
    more: classification,
    scratch,
  });
  return { pairs: [...pairs, ...after.pairs], trouble: complaints(made) || after.trouble };
}

const kinds = Object.keys(adapters);

/** By name, in the order in which they run. */
export const cases = {
  full,
  sharded,
  bf16: (context) => halfWidth(context, "BF16"),
  f16: (context) => halfWidth(context, "F16"),
  ...Object.fromEntries(kinds.map((kind) => [kind, (context) => adapter(context, kind)])),
  ...Object.fromEntries(kinds.map((kind) => [`peft-${kind}`, (context) => theirs(context, kind)])),
  reward: rewardFull,
  "reward-adapter": rewardAdapter,
  "peft-reward": rewardTheirs,
};

/** What the cases of one model share. */
export async function contextOf(base, { peer, scratch }) {
  const { config } = (await openModel(base)).model;
  return { peer, base, config, rows: rowsFor(config.vocabSize), scratch };
}

/** The worst difference of one case, and why it failed. */
export async function runCase(name, { context, tolerance }) {
  try {
    const { pairs, trouble } = await cases[name](context);
    const worst = pairs
      .map(([what, ours, theirs]) => ({ what, difference: differenceOf(ours, theirs) }))
      .sort((a, b) => b.difference - a.difference)[0];
    const apart =
      worst.difference <= tolerance ? "" : `${worst.what}: ${worst.difference.toExponential(1)} apart`;
    return {
      difference: worst.difference,
      ok: !trouble && !apart,
      why: [trouble, apart].filter(Boolean).join("; "),
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return {
      difference: null,
      ok: false,
      why: error instanceof AttuneError ? error.message : `${error.name}: ${error.message}`,
    };
  }
}

/** Infinity where they are not even of one size, or not numbers. */
function differenceOf(ours, theirs) {
  if (ours.length !== theirs.length || ours.length === 0) return Infinity;
  let worst = 0;
  for (let i = 0; i < ours.length; i++) {
    const apart = Math.abs(ours[i] - theirs[i]);
    if (!(apart <= worst)) worst = Number.isNaN(apart) ? Infinity : apart;
  }
  return worst;
}
