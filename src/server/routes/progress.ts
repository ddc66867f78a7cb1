/** How far a project is: asked for, or told as it changes (server-sent events). */
import { findSession, progressOf } from "../../store/index.js";
import type { Progress } from "../api-schemas.js";
import type { Handler, LoadedProject, ServerContext } from "../call.js";
import { Refusal } from "../refusal.js";
import type { z } from "zod";

export async function readProgress(
  { store }: Pick<ServerContext, "store">,
  { id, settings }: Pick<LoadedProject, "id" | "settings">,
): Promise<z.output<typeof Progress>> {
  const { practice: _, ...row } = await progressOf(store, { project: id, overlap: settings.overlap });
  return row;
}

/** A comment so often keeps proxies from cutting the line, and shows who has gone. */
const keepAliveMs = 15_000;

/** Of one person at once: a page has one, and a browser opens no more than six to a server. */
const mostStreams = 20;

export const handlers = {
  progress: ({ context, project }) => readProgress(context, project),

  async events({ context, store, caller, project, request }) {
    const { streams } = context;
    const own = streams.get(caller.annotator) ?? 0;
    if (own >= mostStreams)
      throw new Refusal("too_many", "Too many streams of yours are open; close some of the pages.", 60);
    streams.set(caller.annotator, own + 1);
    const encoder = new TextEncoder();
    let stop = (): void => undefined;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const send = (text: string): void => {
          // Somebody who does not read is not waited for.
          if ((controller.desiredSize ?? 0) > -100) controller.enqueue(encoder.encode(text));
        };
        const silence = context.feed.listen(
          project.id,
          (state) => send(`event: progress\ndata: ${JSON.stringify(state)}\n\n`),
          () => stop(),
        );
        const beat = setInterval(() => {
          send(": still here\n\n");
          // A session that has ended, or whose person was shut out, hears no more.
          if (caller.session !== null)
            void findSession(store, caller.session).then(
              (row) => row ?? stop(),
              () => undefined,
            );
        }, keepAliveMs);
        context.metrics.move("streams", 1);
        let open = true;
        stop = () => {
          if (!open) return;
          open = false;
          clearInterval(beat);
          silence();
          const left = streams.get(caller.annotator)! - 1;
          if (left > 0) streams.set(caller.annotator, left);
          else streams.delete(caller.annotator);
          context.metrics.move("streams", -1);
          try {
            controller.close();
          } catch {
            // The other end closed it first.
          }
        };
        request.signal.addEventListener("abort", () => stop());
        send("retry: 3000\n\n");
      },
      cancel: () => stop(),
    });
    return new Response(body, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      },
    });
  },
} satisfies { [N in "progress" | "events"]: Handler<N> };
