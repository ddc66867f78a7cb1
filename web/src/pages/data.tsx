/** The data browser: every item, how far it is, and all of it on a click. */
import { useState } from "preact/hooks";
import { call, type Project } from "../api.js";
import { LiveProgress } from "../live-progress.js";
import { More, Show, useLoad, usePages } from "../load.js";
import { Decision } from "./decision.js";

export function Data({ project }: { project: Project }) {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("any");
  const [open, setOpen] = useState<string | null>(null);
  const items = usePages(
    (after) =>
      call("items", { query: { search: search || undefined, status, limit: 100, after } }).then(
        ({ items: rows, ...rest }) => ({ rows, ...rest }),
      ),
    [search, status],
  );
  return (
    <>
      <h1>Data</h1>
      <LiveProgress />
      <div class="row">
        <label class="grow">
          <span class="visually-hidden">Search</span>
          <input
            type="search"
            placeholder="Search prompts"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <label>
          <span class="visually-hidden">Status</span>
          <select value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            {["any", "open", "complete", "adjudicated"].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Show of={items}>
        {({ rows, total }) => (
          <>
            <p class="muted">{total.toLocaleString("en")} items</p>
            <ul class="list">
              {rows.map((each) => (
                <li key={each.id} class="wrap">
                  <button
                    type="button"
                    class="quiet grow start"
                    aria-expanded={open === each.id}
                    onClick={() => setOpen(open === each.id ? null : each.id)}
                    dir="auto"
                  >
                    {each.excerpt || each.id}
                  </button>
                  {each.role !== "task" && <span class="tag">{each.role}</span>}
                  <span class="muted">{each.judgements} judged</span>
                  <span class={`tag ${each.status}`}>{each.status}</span>
                  {open === each.id && <Whole id={each.id} project={project} />}
                </li>
              ))}
            </ul>
            <More of={items} />
          </>
        )}
      </Show>
    </>
  );
}

function Whole({ id, project }: { id: string; project: Project }) {
  const item = useLoad(() => call("item", { path: { item: id } }), [id]);
  return (
    <div class="whole">
      <Show of={item}>{(value) => <Decision of={value} project={project} onDone={item.reload} />}</Show>
    </div>
  );
}
