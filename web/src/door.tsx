/** What is shown to whom is not let in yet, or when the server cannot be reached. */
import { useState } from "preact/hooks";
import { Kept } from "./offline/kept.js";

export function Door({
  problem,
  onEnter,
}: {
  problem: { status: number; message: string };
  onEnter: (token: string | null) => Promise<void>;
}) {
  const [token, setToken] = useState("");
  const away = problem.status === 0 || problem.status >= 500;
  const closed = problem.status === 401 || problem.status === 403;
  return (
    <main class="empty">
      <h1>{closed ? "Welcome" : away ? "No connection to the server" : "Not available"}</h1>
      <p role="alert">{problem.message}</p>
      {away && <Kept onTry={() => onEnter(null)} />}
      {closed && <p class="muted">You can also paste the link here.</p>}
      {closed ? (
        <form
          class="row"
          onSubmit={(event) => (
            event.preventDefault(),
            void onEnter(/token=([^&]+)/.exec(token)?.[1] ?? token.trim())
          )}
        >
          <label class="grow">
            <span class="visually-hidden">Link or token</span>
            <input
              type="text"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
              autocomplete="off"
            />
          </label>
          <button type="submit" class="primary">
            Enter
          </button>
        </form>
      ) : (
        <button type="button" onClick={() => void onEnter(null)}>
          Try again
        </button>
      )}
    </main>
  );
}
