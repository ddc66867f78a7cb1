/** For whoever runs the server: health, metrics, the interface's own description. */
import { sql } from "drizzle-orm";
import type { Handler } from "../call.js";
import { openApi } from "../openapi.js";
import { comeBackAfter } from "../refusal.js";

export const handlers = {
  async health({ store }) {
    try {
      await store.database.rows(sql`select 1`);
      return { status: "ok" as const };
    } catch {
      const headers = { "retry-after": String(comeBackAfter) };
      return Response.json({ status: "database unreachable" }, { status: 503, headers });
    }
  },

  async metrics({ context }) {
    return new Response(context.metrics.text(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  },

  async openapi() {
    return openApi();
  },
} satisfies { [N in "health" | "metrics" | "openapi"]: Handler<N> };
