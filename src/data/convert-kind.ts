/** Makes one kind of record out of another, where nothing has to be invented. Knows no files. */
import type { Demonstration, Preference, PromptOnly, Unpaired } from "../records/index.js";
import type { RecordKind, RecordKinds } from "./formats/format.js";

export type AnyRecord = RecordKinds[RecordKind];

function common(
  record: Preference | Unpaired | Demonstration,
): Pick<Preference, "id" | "source" | "tools" | "chat_template_kwargs" | "extra"> {
  const { id, source, tools, chat_template_kwargs, extra } = record;
  return {
    id,
    ...(source !== undefined && { source }),
    ...(tools !== undefined && { tools }),
    ...(chat_template_kwargs !== undefined && { chat_template_kwargs }),
    ...(extra !== undefined && { extra }),
  };
}

/** Both answers, the chosen one liked. */
export function preferenceToUnpaired(record: Preference): Unpaired[] {
  const { prompt, chosen, rejected } = record;
  const rest = common(record);
  return [
    { ...rest, id: `${rest.id}#chosen`, prompt, completion: chosen, label: true },
    { ...rest, id: `${rest.id}#rejected`, prompt, completion: rejected, label: false },
  ];
}

interface Conversion {
  /** For the report. */
  note: string;
  convert: (record: never) => AnyRecord[];
}

const promptOnly = (record: Preference | Unpaired): PromptOnly[] => [
  { ...common(record), prompt: record.prompt },
];

/** From each kind to others; what is not here cannot be had. */
const conversions: { readonly [From in RecordKind]: { readonly [To in RecordKind]?: Conversion } } = {
  preference: {
    unpaired: { note: "each pair becomes a liked and a disliked answer", convert: preferenceToUnpaired },
    demonstration: {
      note: "the chosen answers are learned from, the rejected ones not used",
      convert: (record: Preference) => [
        { ...common(record), prompt: record.prompt, completion: record.chosen },
      ],
    },
    prompt: { note: "only the prompts are used", convert: promptOnly },
  },
  unpaired: {
    demonstration: {
      note: "the liked answers are learned from, the others not used",
      convert: (record: Unpaired) =>
        record.label ? [{ ...common(record), prompt: record.prompt, completion: record.completion }] : [],
    },
    prompt: { note: "only the prompts are used", convert: promptOnly },
  },
  demonstration: {
    prompt: {
      note: "only the prompts are used",
      convert: (record: Demonstration) =>
        "prompt" in record ? [{ ...common(record), prompt: record.prompt }] : [],
    },
  },
  stepwise: {},
  prompt: {},
  trajectory: {
    demonstration: {
      note: "every trajectory is learned from, whatever its reward",
      convert: ({ id, source, messages, tools }: RecordKinds["trajectory"]) => [
        { id, messages, ...(source !== undefined && { source }), ...(tools !== undefined && { tools }) },
      ],
    },
  },
};

/** How `from` becomes `to`; undefined when it cannot. The same kind is kept as it is. */
export function kindConversion(
  from: RecordKind,
  to: RecordKind,
): { note: string; convert: (record: AnyRecord) => AnyRecord[] } | undefined {
  if (from === to) return { note: "kept as it is", convert: (record) => [record] };
  const conversion = conversions[from][to];
  // The table is keyed by the kind of the record that it is given.
  return conversion as { note: string; convert: (record: AnyRecord) => AnyRecord[] } | undefined;
}

/** The kinds that `from` can become, itself first. */
export function reachableKinds(from: RecordKind): RecordKind[] {
  return [from, ...(Object.keys(conversions[from]) as RecordKind[])];
}
