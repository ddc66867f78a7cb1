/** Links that let people in: made, shown once, listed while they are good, taken back. */
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { Show, useLoad } from "../load.js";
import { when } from "../words.js";

type Role = "annotator" | "reviewer" | "owner";

export function Invitations() {
  const links = useLoad(() => call("invitations"));
  const [role, setRole] = useState<Role>("annotator");
  const [uses, setUses] = useState(1);
  const [link, setLink] = useState<string | null>(null);
  const [copied, setCopied] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      setError(null);
      links.reload();
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  const invite = (): Promise<void> =>
    act(async () => {
      const { token } = await call("invite", { body: { role, uses } });
      setLink(`${location.origin}${location.pathname}#token=${encodeURIComponent(token)}`);
      setCopied(false);
    });
  return (
    <>
      <h2>Invite people</h2>
      <form class="row" onSubmit={(event) => (event.preventDefault(), void invite())}>
        <label class="inline">
          <span>A link for</span>
          <input
            type="number"
            class="key"
            min={1}
            max={10_000}
            aria-label="How many people may use it"
            value={uses}
            onInput={(event) => setUses(Math.max(1, Number(event.currentTarget.value)))}
          />
        </label>
        <label>
          <span class="visually-hidden">Role</span>
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            <option value="annotator">{uses === 1 ? "annotator" : "annotators"}, who judge</option>
            <option value="reviewer">{uses === 1 ? "reviewer" : "reviewers"}, who also see and decide</option>
            <option value="owner">{uses === 1 ? "owner" : "owners"}, who may do everything</option>
          </select>
        </label>
        <button type="submit">Make a link</button>
      </form>
      {link !== null && (
        <div class="row">
          <label class="grow">
            <span class="muted">Send this link. It is shown this once.</span>
            <input type="text" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
          </label>
          {navigator.clipboard !== undefined && (
            <button
              type="button"
              class="low"
              onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(true))}
            >
              {copied ? "Copied" : "Copy"}
            </button>
          )}
        </div>
      )}
      {error !== null && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
      <Show of={links}>
        {({ invitations }) => (
          <ul class="list">
            {invitations.map(({ id, role: of, uses_left, expires_at }) => (
              <li key={id}>
                <span class="grow">
                  {of}, good for {uses_left} more {uses_left === 1 ? "person" : "people"}
                </span>
                <span class="muted">until {when(expires_at)}</span>
                <button
                  type="button"
                  class="quiet"
                  aria-label={`Take back the link for ${of}, until ${when(expires_at)}`}
                  onClick={() => void act(() => call("revokeInvitation", { path: { invitation: id } }))}
                >
                  Take back
                </button>
              </li>
            ))}
          </ul>
        )}
      </Show>
    </>
  );
}
