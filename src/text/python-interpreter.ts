/**
 * The Jinja engine with Python's answers where JavaScript's differ, so that a template prints what transformers prints
 * or fails where it fails; knows nothing of messages or tokens.
 *
 * Where they differ: text + something else fails (not "[object Map]"); none, true and mappings print as Python's `None`,
 * `True`, `{'a': 1}`; text filters take none and undefined; a loop over undefined or text; `==` compares type and
 * contents; U+FEFF is not a space.
 */
import * as jinja from "@huggingface/jinja";

/** A parsed template or a part of it. */
export interface Node {
  type: string;
}
type Fields = Node & Record<string, unknown>;

interface Value {
  type: string;
  value: unknown;
  toString(): string;
}

/** The engine's declarations import without file extensions, which Node's resolution does not follow: what we use of it. */
interface Environment {
  set(name: string, value: unknown): Value;
}
interface Interpreter {
  run(program: Node): Value;
  evaluate(node: Node | undefined, environment: Environment): Value;
}
interface Engine {
  Environment: new () => Environment;
  Interpreter: new (environment: Environment) => Interpreter;
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): unknown;
  parse(tokens: unknown): Node;
}
const engine = jinja as unknown as Engine;

/** Filters that Python applies to `str(value)`, whatever the value. */
const TEXT_FILTERS = new Set(["trim", "string", "upper", "lower", "title", "capitalize", "replace"]);

/** Nodes that print nothing by themselves or are printed by the engine as they should be. */
const NOT_PRINTED = new Set(
  "StringLiteral Comment Set If For Macro CallStatement FilterStatement Break Continue".split(" "),
);

/** Stands in for U+FEFF while rendering, because `String.prototype.trim` takes that for a space and Python does not. */
const FEFF = "\ufdd0";

/** Parses a template as transformers does, with `lstrip_blocks` and `trim_blocks`. Throws what the engine throws. */
export function parseTemplate(source: string): Node {
  const program = engine.parse(engine.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  prepare(program);
  return program;
}

/** Renders a parsed template with these global variables. */
export function renderTemplate(program: Node, globals: Record<string, unknown>): string {
  const environment = new engine.Environment();
  for (const [name, value] of Object.entries(globals)) environment.set(name, hideFeff(value));
  return String(new PythonInterpreter(environment).run(program).value).replaceAll(FEFF, "\ufeff");
}

class PythonInterpreter extends engine.Interpreter {
  override evaluate(node: Node | undefined, environment: Environment): Value {
    const fields = node as Fields | undefined;
    switch (fields?.type) {
      case "Evaluated":
        return fields["value"] as Value;
      case "Printed":
        return this.#printed(this.evaluate(fields["expression"] as Node, environment));
      case "Looped":
        return this.#looped(this.evaluate(fields["expression"] as Node, environment));
      case "FilterExpression":
        return this.#filter(fields, environment);
      case "BinaryExpression":
        return this.#binary(fields, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  #printed(value: Value): Value {
    return value.type === "StringValue" || value.type === "UndefinedValue" ? value : text(pythonText(value));
  }

  #looped(value: Value): Value {
    if (value.type === "UndefinedValue") return runtime([]);
    return value.type === "StringValue" ? runtime(Array.from(String(value.value))) : value;
  }

  #filter(node: Fields, environment: Environment): Value {
    const filter = node["filter"] as Fields;
    const name = filter.type === "CallExpression" ? (filter["callee"] as Fields)["value"] : filter["value"];
    let operand = this.evaluate(node["operand"] as Node, environment);
    if (TEXT_FILTERS.has(String(name)) && operand.type !== "StringValue") operand = text(pythonText(operand));
    return super.evaluate(withParts(node, { operand: evaluated(operand) }), environment);
  }

  #binary(node: Fields, environment: Environment): Value {
    const operator = (node["operator"] as { value: string }).value;
    if (operator === "and" || operator === "or") return super.evaluate(node, environment);
    let left = this.evaluate(node["left"] as Node, environment);
    let right = this.evaluate(node["right"] as Node, environment);
    if (operator === "==" || operator === "!=") return runtime(equal(left, right) === (operator === "=="));
    if (operator === "~") [left, right] = [text(pythonText(left)), text(pythonText(right))];
    if (operator === "+" && (left.type === "StringValue") !== (right.type === "StringValue")) {
      const other = left.type === "StringValue" ? right : left;
      throw new Error(
        `text cannot be joined with ${KINDS[other.type] ?? other.type} (${pythonText(other) || "nothing"})`,
      );
    }
    return super.evaluate(withParts(node, { left: evaluated(left), right: evaluated(right) }), environment);
  }
}

const KINDS: Record<string, string> = {
  UndefinedValue: "a missing value",
  NullValue: "none",
  ObjectValue: "a mapping",
  ArrayValue: "a list",
  IntegerValue: "a number",
  FloatValue: "a number",
  BooleanValue: "a truth value",
};

/** Python's `str(value)`. */
function pythonText(value: Value): string {
  return value.type === "StringValue"
    ? String(value.value)
    : value.type === "UndefinedValue"
      ? ""
      : pythonRepr(value);
}

function pythonRepr(value: Value): string {
  switch (value.type) {
    case "StringValue":
      return quoted(String(value.value));
    case "NullValue":
    case "UndefinedValue":
      return "None";
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "ArrayValue":
      return `[${(value.value as Value[]).map(pythonRepr).join(", ")}]`;
    case "ObjectValue": {
      const entries = [...(value.value as unknown as Map<string, Value>)];
      return `{${entries.map(([key, item]) => `${quoted(key)}: ${pythonRepr(item)}`).join(", ")}}`;
    }
    default:
      return value.toString();
  }
}

/** Python's quotes: single ones, unless the text has single and no double ones. */
function quoted(value: string): string {
  const mark = value.includes("'") && !value.includes('"') ? '"' : "'";
  const escapes: Record<string, string> = {
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\\": "\\\\",
    [mark]: `\\${mark}`,
  };
  return mark + value.replace(/[\n\r\t\\'"]/g, (char) => escapes[char] ?? char) + mark;
}

function equal(left: Value, right: Value): boolean {
  const numeric = (value: Value): boolean =>
    ["IntegerValue", "FloatValue", "BooleanValue"].includes(value.type);
  if (numeric(left) && numeric(right)) return Number(left.value) === Number(right.value);
  if (left.type !== right.type) return false;
  if (left.type === "ArrayValue" || left.type === "TupleValue") {
    const [a, b] = [left.value as Value[], right.value as Value[]];
    return a.length === b.length && a.every((item, i) => equal(item, b[i]!));
  }
  if (left.type === "ObjectValue") {
    const [a, b] = [left.value, right.value] as unknown as [Map<string, Value>, Map<string, Value>];
    return a.size === b.size && [...a].every(([key, item]) => b.has(key) && equal(item, b.get(key)!));
  }
  return left.value === right.value;
}

/** The engine exports no value classes; an environment makes them. */
const runtime = (value: unknown): Value => new engine.Environment().set("value", value);
const text = (value: string): Value => runtime(value);

const evaluated = (value: Value): Node => ({ type: "Evaluated", value }) as Node;
const withParts = (node: Fields, parts: Record<string, Node>): Node => ({ ...node, ...parts });

/** Printed expressions and looped-over ones become nodes of our own, in place. */
function prepare(node: unknown): void {
  if (node instanceof Map) for (const pair of node) prepare(pair);
  else if (Array.isArray(node)) node.forEach(prepare);
  else if (typeof node === "object" && node !== null) {
    const fields = node as Record<string, unknown>;
    for (const list of ["body", "alternate", "defaultBlock"]) {
      if (Array.isArray(fields[list])) fields[list] = (fields[list] as Fields[]).map(printed);
    }
    if (fields["type"] === "For") fields["iterable"] = looped(fields["iterable"] as Fields);
    Object.values(fields).forEach(prepare);
  }
}

const printed = (node: Fields): unknown =>
  NOT_PRINTED.has(node.type) ? node : { type: "Printed", expression: node };

/** `for x in items if test` is one node, of which only `items` is looped over. */
function looped(node: Fields): unknown {
  if (node.type !== "SelectExpression") return { type: "Looped", expression: node };
  node["lhs"] = { type: "Looped", expression: node["lhs"] };
  return node;
}

function hideFeff(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll("\ufeff", FEFF);
  if (Array.isArray(value)) return value.map(hideFeff);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replaceAll("\ufeff", FEFF), hideFeff(item)]),
  );
}
