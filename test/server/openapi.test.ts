/** The interface's own description says what the table says, and what the server does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openApi } from "../../src/server/openapi.js";
import { routes, type Route } from "../../src/server/api.js";
import { judge, pairs, project, start, type Running } from "./running.js";

type Json = Record<string, unknown>;
interface Operation {
  operationId: string;
  security: Json[];
  parameters?: { name: string; in: string; required: boolean; schema: Json }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { content: Record<string, { schema: Json }> }>;
}
const description = openApi() as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: Json;
};
const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);

describe("the OpenAPI description", () => {
  it("has every route once, with its method, its parts and a security of its role", () => {
    expect(description.openapi).toBe("3.1.0");
    expect(operations.map(({ operationId }) => operationId).toSorted()).toEqual(
      Object.keys(routes).toSorted(),
    );
    for (const { path, method, operationId, parameters = [], security, requestBody } of operations) {
      const route: Route = routes[operationId as keyof typeof routes];
      expect(method).toBe(route.method.toLowerCase());
      const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, part]) => part);
      expect(parameters.filter((each) => each.in === "path").map(({ name }) => name)).toEqual(parts);
      expect(security.length === 0).toBe(route.role === "public");
      expect(requestBody !== undefined).toBe(route.body !== undefined);
    }
  });

  it("refers to nothing that is not there", () => {
    const references = [...JSON.stringify(description).matchAll(/"\$ref":"(#[^"]*)"/g)].map(
      ([, reference]) => reference!,
    );
    expect(references.length).toBeGreaterThan(0);
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split("/")
        .reduce<unknown>((value, part) => (value as Json | undefined)?.[part], description);
      expect(found, reference).toBeDefined();
    }
  });
});

describe("what the server replies", () => {
  let running: Running;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.close());

  it("is what the description promises", async () => {
    const id = await project(running, { items: pairs(3), settings: { overlap: 2 } });
    const owner = await running.owner();
    await judge(owner, id);
    await judge(await running.join(id), id);
    expect((await running.ask("/openapi.json")).body).toEqual(JSON.parse(JSON.stringify(description)));
    const asked = operations.filter(
      ({ path, method, responses }) =>
        method === "get" &&
        !/\{(?!project)/.test(path) &&
        responses["200"]!.content["application/json"] !== undefined,
    );
    expect(asked.length).toBeGreaterThan(12);
    for (const { path, operationId, responses } of asked) {
      const reply = await owner.get(path.replace("{project}", id));
      expect(reply.status, operationId).toBe(200);
      const schema = z.fromJSONSchema(responses["200"]!.content["application/json"]!.schema as never);
      expect(schema.safeParse(reply.body).error?.message, operationId).toBeUndefined();
    }
  });
});
