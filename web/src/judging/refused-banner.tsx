/** Judgements that the server refused for good: said, to be saved as a file or discarded, never silently lost. Knows no item. */
import { useState } from "preact/hooks";
import { discardRefused, refused } from "./outbox.js";

export function RefusedBanner() {
  const [, discarded] = useState(0);
  const entries = refused();
  if (entries.length === 0) return null;
  const save = (): void => {
    const lines = entries.map((each) => JSON.stringify(each)).join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${lines}\n`], { type: "application/x-ndjson" }));
    link.download = "refused-judgements.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  return (
    <div class="banner bad" role="status">
      {entries.length} {entries.length === 1 ? "judgement was" : "judgements were"} not taken by the server:{" "}
      {entries.at(-1)!.reason} {entries.length === 1 ? "It is" : "They are"} kept on this device.{" "}
      <button type="button" class="quiet" onClick={save}>
        Save as a file
      </button>
      <button type="button" class="quiet" onClick={() => (discardRefused(), discarded((n) => n + 1))}>
        Discard
      </button>
    </div>
  );
}
