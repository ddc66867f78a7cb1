/**
 * Which modules of a model an adapter changes, with which rank and scale, and under which names its tensors are stored:
 * peft's matching rules over the parameters that the config asks for. Reads no file.
 */
import { AttuneError } from "../errors.js";
import type { ModelConfig } from "./config/types.js";
import { expectedParameters, type ParameterSpec } from "./parameters.js";
import { type LoraConfig, pythonPattern } from "./peft-config.js";

/** y = W x + scaling * B (A x); W + scaling * B A when merged. */
export interface LoraTarget {
  /** `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  /** The adapted parameter: the module + `.weight`. */
  readonly parameter: string;
  /** The layer it lies in; null for the output layer. */
  readonly layer: number | null;
  readonly inSize: number;
  readonly outSize: number;
  /** The parameter is stored [in, out] (GPT-2's Conv1D); A and B are not. */
  readonly transposed: boolean;
  readonly r: number;
  readonly alpha: number;
  readonly scaling: number;
  /** Name of A [r, in] in adapter_model.safetensors. */
  readonly keyA: string;
  /** Name of B [out, r]. */
  readonly keyB: string;
  /** DoRA: name of the magnitudes [out]; else null. */
  readonly keyMagnitude: string | null;
}

/** A parameter that is trained whole and stored in the adapter. */
export interface SavedParameter {
  readonly parameter: string;
  readonly shape: readonly number[];
  /** Its name in adapter_model.safetensors. */
  readonly key: string;
}

export interface LoraSpec {
  readonly targets: readonly LoraTarget[];
  readonly saved: readonly SavedParameter[];
}

/** What peft puts before every name. */
const prefix = "base_model.model.";
const where = "lora";

/**
 * @throws AttuneError `model` when a pattern matches nothing, names what cannot be adapted, or a rank or scale is out of range.
 */
export function resolveLora(config: ModelConfig, lora: LoraConfig): LoraSpec {
  const parameters = expectedParameters(config);
  const saved = savedParameters(config, { lora, parameters });
  const wholly = new Set(saved.map(({ parameter }) => parameter));
  const isTarget = targetTest(lora);
  const targets: LoraTarget[] = [];
  for (const spec of parameters) {
    if (!spec.name.endsWith(".weight") || !isTarget(spec)) continue;
    if (wholly.has(spec.name)) {
      refuseTwice(spec, lora);
      continue;
    }
    if (spec.role !== "linear" && spec.role !== "conv1d" && spec.role !== "lm_head") {
      throw new AttuneError("model", {
        where: `${where}: target_modules`,
        expected: "linear layers",
        got: `${spec.module}, ${spec.role === "head" ? "a head" : `a${spec.role === "embedding" ? "n" : ""} ${spec.role}`}`,
        fix: "train it whole: put it into modules_to_save",
      });
    }
    targets.push(target(spec, lora));
  }
  if (targets.length === 0) {
    throw new AttuneError("model", {
      where: `${where}: target_modules`,
      expected: `modules of a ${config.family} model, such as ${linearNames(parameters).join(", ")}`,
      got: JSON.stringify(lora.targetModules),
    });
  }
  refuseUnmatched(lora, { targets, parameters });
  return { targets, saved };
}

/** What is trained whole gets no adapter, when it is named whole; of a part of its name peft would make both. */
function refuseTwice({ module, role }: ParameterSpec, { modulesToSave }: LoraConfig): void {
  if (role === "head" || endsWithName(module, modulesToSave)) return;
  throw new AttuneError("model", {
    where: `${where}: modules_to_save`,
    expected: `whole names of modules that are targets, such as ${module}`,
    got: modulesToSave.filter((name) => module.endsWith(name)).join(", "),
  });
}

const linearNames = (parameters: readonly ParameterSpec[]): string[] => [
  ...new Set(
    parameters
      .filter(({ role }) => role === "linear" || role === "conv1d")
      .map(({ module }) => module.slice(module.lastIndexOf(".") + 1)),
  ),
];

const endsWithName = (module: string, names: readonly string[]): boolean =>
  names.some((name) => module === name || module.endsWith(`.${name}`));

/** peft's rule for modules_to_save, unlike that for targets: the end of the text, so `norm` is `input_layernorm` too. */
const endsWithText = (module: string, names: readonly string[]): boolean =>
  names.some((name) => module.endsWith(name));

const fullMatch = (pattern: string, key: string): RegExp =>
  pythonPattern(`^(?:${pattern})$`, { where: `${where}: ${key}` });

function targetTest({
  targetModules,
  excludeModules,
  layersToTransform,
}: LoraConfig): (spec: ParameterSpec) => boolean {
  const excluded =
    typeof excludeModules === "string"
      ? (module: string) => fullMatch(excludeModules, "exclude_modules").test(module)
      : (module: string) => endsWithName(module, excludeModules);
  const inLayers = ({ layer }: ParameterSpec): boolean =>
    layersToTransform === null || (layer !== null && layersToTransform.includes(layer));
  if (targetModules === "all-linear") {
    return (spec) =>
      (spec.role === "linear" || spec.role === "conv1d") && inLayers(spec) && !excluded(spec.module);
  }
  if (typeof targetModules === "string") {
    const pattern = fullMatch(targetModules, "target_modules");
    if (layersToTransform !== null) {
      throw new AttuneError("model", {
        where: `${where}: layers_to_transform`,
        expected: "null, because target_modules is a regular expression that can name layers itself",
        got: JSON.stringify(layersToTransform),
      });
    }
    // A pattern such as `.*` means the linear layers that it matches, not norms and embeddings.
    return (spec) =>
      (spec.role === "linear" || spec.role === "conv1d" || spec.role === "lm_head") &&
      pattern.test(spec.module) &&
      !excluded(spec.module);
  }
  return (spec) => endsWithName(spec.module, targetModules) && inLayers(spec) && !excluded(spec.module);
}

/** A name in the list that fits no module is a typing error that peft lets pass. */
function refuseUnmatched(
  { targetModules, excludeModules, layersToTransform }: LoraConfig,
  { targets, parameters }: { targets: readonly LoraTarget[]; parameters: readonly ParameterSpec[] },
): void {
  if (typeof targetModules === "string" || excludeModules.length > 0 || layersToTransform !== null) return;
  const unmatched = targetModules.filter(
    (name) => !targets.some(({ module }) => endsWithName(module, [name])),
  );
  if (unmatched.length === 0) return;
  throw new AttuneError("model", {
    where: `${where}: target_modules`,
    expected: `names of linear layers: ${linearNames(parameters).join(", ")}`,
    got: unmatched.join(", "),
  });
}

function target(spec: ParameterSpec, lora: LoraConfig): LoraTarget {
  const r = byPattern(lora.rankPattern, { module: spec.module, key: "rank_pattern" }) ?? lora.r;
  const alpha = byPattern(lora.alphaPattern, { module: spec.module, key: "alpha_pattern" }) ?? lora.alpha;
  const transposed = spec.role === "conv1d";
  const [rows, columns] = spec.shape as [number, number];
  if (!Number.isInteger(r) || r < 1)
    throw new AttuneError("model", { where: `${where}: r`, expected: "a whole number >= 1", got: String(r) });
  if (!(alpha > 0))
    throw new AttuneError("model", {
      where: `${where}: lora_alpha`,
      expected: "a number above 0",
      got: String(alpha),
    });
  const key = prefix + spec.module;
  return {
    module: spec.module,
    parameter: spec.name,
    layer: spec.layer,
    inSize: transposed ? rows : columns,
    outSize: transposed ? columns : rows,
    transposed,
    r,
    alpha,
    scaling: lora.rslora ? alpha / Math.sqrt(r) : alpha / r,
    keyA: `${key}.lora_A.weight`,
    keyB: `${key}.lora_B.weight`,
    keyMagnitude: lora.dora ? `${key}.lora_magnitude_vector` : null,
  };
}

/** peft: the first key that matches the end of the path, at a dot or from the start. */
function byPattern(
  patterns: Readonly<Record<string, number>>,
  { module, key }: { module: string; key: string },
): number | undefined {
  const found = Object.keys(patterns).find((name) =>
    pythonPattern(`^(?:.*\\.)?(?:${name})$`, { where: `${where}: ${key}` }).test(module),
  );
  return found === undefined ? undefined : patterns[found];
}

interface SavedContext {
  lora: LoraConfig;
  parameters: readonly ParameterSpec[];
}

/** Parameters of `modules_to_save`; a classifier's head is always among them, as in peft. */
function savedParameters(config: ModelConfig, { lora, parameters }: SavedContext): SavedParameter[] {
  const classifier = config.head.kind === "sequence" || config.head.kind === "token";
  const names = classifier ? [...lora.modulesToSave, "score", "classifier"] : lora.modulesToSave;
  const saved = parameters.filter(({ module }) => endsWithText(module, names));
  const known = classifier ? ["score", "classifier"] : [];
  for (const name of lora.modulesToSave) {
    if (known.includes(name) || saved.some(({ module }) => endsWithText(module, [name]))) continue;
    const tied = name === "lm_head" && config.tiedEmbeddings;
    throw new AttuneError("model", {
      where: `${where}: modules_to_save`,
      expected: "modules of the model",
      got: tied ? "lm_head, which is the embedding matrix in this model" : name,
    });
  }
  const embedding = saved.find(({ role }) => role === "embedding");
  if (embedding !== undefined && config.tiedEmbeddings && !classifier) {
    throw new AttuneError("model", {
      where: `${where}: modules_to_save`,
      expected: "embeddings of their own",
      got: `${embedding.module}, which is also the output layer (tie_word_embeddings)`,
      fix: "leave it out: peft would train a copy and the two would drift apart",
    });
  }
  return saved.map(({ name, shape }) => ({ parameter: name, shape, key: prefix + name }));
}

/** Every tensor of adapter_model.safetensors with its shape, in the order in which it is written. */
export function adapterTensors({ targets, saved }: LoraSpec): { key: string; shape: readonly number[] }[] {
  const ofTarget = (t: LoraTarget): { key: string; shape: readonly number[] }[] => [
    { key: t.keyA, shape: [t.r, t.inSize] },
    { key: t.keyB, shape: [t.outSize, t.r] },
    ...(t.keyMagnitude === null ? [] : [{ key: t.keyMagnitude, shape: [t.outSize] }]),
  ];
  return [...targets.flatMap(ofTarget), ...saved.map(({ key, shape }) => ({ key, shape }))];
}
