/** Records to examples of tokens, by what a method trains. Knows no files, losses or batches. */
import { z } from "zod";
import { type AnyRecord, type Example, type RecordKinds, writeTranscript } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { Message, type Text } from "../../records/index.js";
import {
  ChatTemplate,
  chatTemplateOf,
  type TokenisedRow,
  tokenizeCompletions,
  tokenizeMessages,
  tokenizePreference,
  tokenizePromptCompletion,
  tokenizeRows,
  tokenizeText,
  type TokeniseOptions,
  type Tokenizer,
} from "../../text/index.js";

export interface TokeniseSettings {
  tokenizer: Tokenizer;
  /** Template to use instead of the tokenizer's own. */
  template?: ChatTemplate | undefined;
  /** Demonstrations with a prompt: only the completion is trained. */
  completionOnly: boolean;
  /** Conversations: only the assistant's turns are trained. */
  assistantOnly: boolean;
  /** Pairs: column with a third answer, which stands behind chosen and rejected. */
  goldColumn?: string | undefined;
}

/** The template that conversations will be written with; undefined: as transcripts, because the tokenizer has none. */
export function conversationTemplate({
  tokenizer,
  template,
}: Pick<TokeniseSettings, "tokenizer" | "template">): ChatTemplate | undefined {
  if (template !== undefined) return template;
  return tokenizer.chatTemplates.has("default") ? chatTemplateOf(tokenizer) : undefined;
}

export const isConversation = (record: AnyRecord): boolean =>
  "messages" in record || ("prompt" in record && typeof record.prompt !== "string");

/** Tokenised rows, an error in the place of each that could not be. */
export function tokeniseRecords(
  records: readonly AnyRecord[],
  settings: TokeniseSettings,
): Promise<(TokenisedRow | AttuneError)[]> {
  return tokenizeRows(records, (record) => tokeniseRecord(record, settings));
}

export async function tokeniseRecord(record: AnyRecord, settings: TokeniseSettings): Promise<TokenisedRow> {
  const { tokenizer, template, completionOnly, assistantOnly } = settings;
  const plain = isConversation(record) && conversationTemplate(settings) === undefined;
  const row = plain ? asTranscript(record) : record;
  const { tools, chat_template_kwargs: variables } = row as {
    tools?: TokeniseOptions["tools"];
    chat_template_kwargs?: Record<string, unknown>;
  };
  const options: TokeniseOptions = {
    where: record.source ?? record.id,
    ...(template && { template }),
    ...(tools && { tools }),
    ...(variables && { variables }),
  };
  if ("chosen" in row) {
    if (settings.goldColumn === undefined) return tokenizePreference(tokenizer, row, options);
    const gold = goldAnswer(record, { column: settings.goldColumn, plain, options });
    const { prompt, chosen, rejected } = row;
    return tokenizeCompletions(tokenizer, { prompt, completions: [chosen, rejected, gold] }, options);
  }
  if ("text" in row) return tokenizeText(tokenizer, row, options);
  if ("messages" in row) return tokenizeMessages(tokenizer, row, { ...options, assistantOnly });
  if ("completion" in row) {
    const tokens = await tokenizePromptCompletion(tokenizer, row, {
      ...options,
      assistantOnly: assistantOnly && typeof row.prompt !== "string",
    });
    return completionOnly ? tokens : wholeRow(tokens);
  }
  throw new AttuneError("data", {
    where: options.where!,
    expected: "a pair, a demonstration or a judged answer",
    got: Object.keys(row).join(", "),
  });
}

/** The text or the messages of a column that stands beside the pair. */
function goldAnswer(
  record: AnyRecord,
  { column, plain, options }: { column: string; plain: boolean; options: TokeniseOptions },
): Text {
  const value = record.extra?.[column];
  const messages = z.array(Message).min(1).safeParse(value);
  const conversation = isConversation(record);
  const said = (found: Message[]): Text => (plain ? asAnswer(found) : found);
  if (conversation && messages.success) return said(messages.data);
  if (typeof value === "string" && value !== "")
    return conversation ? said([{ role: "assistant", content: value }]) : value;
  throw new AttuneError("data", {
    where: options.where!,
    expected: `the best answer in the column ${column}`,
    got:
      value === undefined
        ? `only ${Object.keys(record.extra ?? {}).join(", ") || "the pair"}`
        : JSON.stringify(value),
    fix: "--gold-column names another column; --tpo-alpha 0 needs none",
  });
}

/** The prompt is trained too. */
const wholeRow = ({ prompt, completions, prefixBreaks }: TokenisedRow): TokenisedRow => ({
  prompt: [],
  completions: completions.map(({ tokens }) => ({ tokens: [...prompt, ...tokens] })),
  prefixBreaks,
});

const transcript = (text: Text): string => (typeof text === "string" ? text : writeTranscript(text));

const asAnswer = (text: Text): string => transcript(text).replace(/^\n\nAssistant:/, "");

/** A prompt that ends with the assistant's mark; the answer follows it. */
function asTranscript(record: AnyRecord): AnyRecord {
  const prompt = (text: Text): string => `${transcript(text)}\n\nAssistant:`;
  if ("chosen" in record)
    return {
      ...record,
      prompt: prompt(record.prompt),
      chosen: asAnswer(record.chosen),
      rejected: asAnswer(record.rejected),
    };
  if ("completion" in record)
    return { ...record, prompt: prompt(record.prompt), completion: asAnswer(record.completion) };
  if (!("messages" in record)) return record;
  const { messages, ...rest } = record as RecordKinds["trajectory"] & { messages: Message[] };
  return { id: rest.id, ...(rest.source && { source: rest.source }), text: writeTranscript(messages) };
}

/** A tokenised row as an example for batches, with the numbers its loss reads. */
export function asExample(record: AnyRecord, { prompt, completions }: TokenisedRow): Example {
  const values: Record<string, number> = {};
  if ("label" in record && typeof record.label === "boolean") values["label"] = record.label ? 1 : 0;
  if ("margin" in record && typeof record.margin === "number") values["margin"] = record.margin;
  return { id: record.id, prompt, completions, ...(Object.keys(values).length > 0 && { values }) };
}
