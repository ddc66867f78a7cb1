/** How far the project is, kept up to date by the server's events. Knows no page. */
import { useEffect, useState } from "preact/hooks";
import type { ResponseOf } from "../../src/server/api.js";
import { call, currentProject } from "./api.js";

type State = ResponseOf<"progress">;

export function LiveProgress() {
  const [state, setState] = useState<State | null>(null);
  useEffect(() => {
    void call("progress").then(setState, () => undefined);
    const events = new EventSource(`/api/projects/${encodeURIComponent(currentProject())}/events`);
    events.addEventListener("progress", (event) => {
      try {
        setState(JSON.parse((event as MessageEvent<string>).data) as State);
      } catch {
        // A broken event is followed by a whole one.
      }
    });
    return () => events.close();
  }, []);
  if (state === null || state.items === 0) return null;
  const { items, complete, judgements, wanted, leases } = state;
  return (
    <div class="live">
      <progress max={items} value={complete} aria-label={`${complete} of ${items} items are complete`} />
      <span class="muted">
        {complete.toLocaleString("en")} of {items.toLocaleString("en")} items complete,{" "}
        {judgements.toLocaleString("en")} judgements, {wanted.toLocaleString("en")} wanted
        {leases > 0 && `, ${leases} being judged now`}
      </span>
    </div>
  );
}
