/** A rule on structured answers: JSON that keeps to a JSON Schema. The validator is zod's. */
import { z } from "zod";
import { AttuneError } from "../../errors.js";
import { answerText, type Reward } from "../contract.js";

export interface JsonSchemaOptions {
  /** For logs. Default "json_schema". */
  name?: string;
  /** What an answer that is JSON, but not of the schema, earns. Default 0. */
  partial?: number;
  /** Look inside a ```json fence, where there is one. Default true. */
  fenced?: boolean;
}

/** 1 where the answer is JSON of the schema, `partial` where it is only JSON, else 0. Throws `config` for a schema it cannot take. */
export function jsonSchemaReward(
  schema: Readonly<Record<string, unknown>>,
  { name = "json_schema", partial = 0, fenced = true }: JsonSchemaOptions = {},
): Reward {
  let type: z.ZodType;
  try {
    type = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (cause) {
    throw new AttuneError("config", {
      where: `rewards: ${name}`,
      expected: "a JSON Schema without if, then, else or not",
      got: (cause as Error).message,
      cause,
    });
  }
  return {
    name,
    score: (items) =>
      items.map((item) => {
        const text = answerText(item);
        const inside = fenced ? /```(?:json)?\s*\n([^]*?)```/.exec(text)?.[1] : undefined;
        try {
          return type.safeParse(JSON.parse(inside ?? text)).success ? 1 : partial;
        } catch {
          return 0;
        }
      }),
  };
}
