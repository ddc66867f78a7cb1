/** The interface described as OpenAPI 3.1, made from the table of routes and its schemas. Knows no server. */
import { z } from "zod";
import { attuneVersion } from "../util/versions.js";
import { routes, type Route } from "./api.js";
import { ApiError } from "./api-schemas.js";

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType, io: "input" | "output"): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
};

let made: Json | undefined;

export function openApi(): Json {
  made ??= build();
  return made;
}

function build(): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(name, route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Attune",
      version: attuneVersion(),
      description:
        "People judge, the owner reads. Programs send a token as `Authorization: Bearer`; browsers have a cookie and send the header `x-attune-csrf` with everything that is not a GET.",
    },
    paths,
    components: {
      schemas: { ApiError: schemaOf(ApiError, "output") },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        cookie: { type: "apiKey", in: "cookie", name: "attune_session" },
        csrf: { type: "apiKey", in: "header", name: "x-attune-csrf" },
      },
    },
  };
}

function operation(
  name: string,
  { path, method, role, summary, query, body, response, produces }: Route,
): Json {
  const parts = [...path.matchAll(/:(\w+)/g)].map(([, part]) => part!);
  const asked =
    query === undefined
      ? {}
      : (schemaOf(query, "input") as { properties?: Record<string, Json>; required?: string[] });
  const parameters = [
    ...parts.map((part) => ({ name: part, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(asked.properties ?? {}).map(([each, schema]) => ({
      name: each,
      in: "query",
      required: asked.required?.includes(each) ?? false,
      schema,
    })),
  ];
  const cookie = method === "GET" ? { cookie: [] } : { cookie: [], csrf: [] };
  return {
    operationId: name,
    summary,
    ...(role !== "public" && { description: `Least role: ${role}.` }),
    security: role === "public" ? [] : [{ bearer: [] }, cookie],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } },
    }),
    responses: {
      200: {
        description: "Done",
        content: { [produces ?? "application/json"]: { schema: schemaOf(response, "output") } },
      },
      default: {
        description: "Refused",
        content: { "application/json": { schema: { $ref: "#/components/schemas/ApiError" } } },
      },
    },
  };
}
