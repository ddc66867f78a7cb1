/** Training data or everything there is, line by line as it is read: nothing is held in memory. */
import { dumpProject, openExport, type ExportKind } from "../../store/export/index.js";
import type { Call, Handler } from "../call.js";

type Target = Call<"exportProject">["query"]["to"];

const kinds: Readonly<Record<Exclude<Target, "dump">, ExportKind>> = {
  dpo: "preference",
  reward: "preference",
  kto: "unpaired",
  stepwise: "stepwise",
  ranked: "ranked",
};

export const handlers = {
  async exportProject({ store: db, project, query: { to, ties, soft_labels } }) {
    const rows =
      to === "dump"
        ? dumpProject(db, project.id)
        : (
            await openExport(db, {
              project: project.id,
              as: kinds[to],
              ties,
              softLabels: soft_labels === "true",
            })
          ).rows();
    return new Response(asLines(rows), {
      headers: {
        "content-type": "application/x-ndjson; charset=utf-8",
        "content-disposition": `attachment; filename="${project.id}-${to}.jsonl"`,
      },
    });
  },
} satisfies { exportProject: Handler<"exportProject"> };

/** Pulled: the next row is read when the other end has taken the last. An error breaks the connection, so that half is not taken for all. */
function asLines(rows: AsyncGenerator<object>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      let text = "";
      while (text.length < 65_536) {
        const { value, done } = await rows.next();
        if (done === true) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          return controller.close();
        }
        text += `${JSON.stringify(value)}\n`;
      }
      controller.enqueue(encoder.encode(text));
    },
    cancel: async () => void (await rows.return(undefined)),
  });
}
