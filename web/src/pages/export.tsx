/** From judgements to training data: which shape, what becomes of ties, and the file. */
import { useState } from "preact/hooks";
import { currentProject } from "../api.js";

const targets = [
  ["dpo", "Pairs (DPO, reward model)"],
  ["reward", "Pairs with margins"],
  ["kto", "Single answers, good or bad (KTO)"],
  ["ranked", "Rankings"],
  ["stepwise", "Judged steps"],
  ["dump", "Everything, losing nothing"],
] as const;

export function Export() {
  const [to, setTo] = useState("dpo");
  const [ties, setTies] = useState("drop");
  const [soft, setSoft] = useState(false);
  const query = new URLSearchParams({ to, ties, soft_labels: String(soft) });
  return (
    <>
      <h1>Export</h1>
      <div class="card form">
        <label>
          <span>For</span>
          <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
            {targets.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Ties</span>
          <select value={ties} onChange={(event) => setTies(event.currentTarget.value)}>
            <option value="drop">left out</option>
            <option value="keep">kept, with soft label one half</option>
          </select>
        </label>
        <label class="switch">
          <input type="checkbox" checked={soft} onChange={(event) => setSoft(event.currentTarget.checked)} />
          <span>Add the share of people for the chosen answer</span>
        </label>
        <div class="row">
          <a
            class="button primary"
            download={`${currentProject()}-${to}.jsonl`}
            href={`/api/projects/${encodeURIComponent(currentProject())}/export?${query.toString()}`}
          >
            Download JSON Lines
          </a>
        </div>
      </div>
      <p class="muted">
        Or train at once: <code>attune train dpo --data attune:{currentProject()}</code>
      </p>
    </>
  );
}
