/** A new, empty project; what is judged in it comes from a file, by the command line. */
import { useState } from "preact/hooks";
import { call, type Project } from "../api.js";

export function NewProject({ onCreate }: { onCreate: (project: Project) => void }) {
  const [name, setName] = useState("");
  const [error, setError] = useState<string | null>(null);
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 63);
  const create = async (): Promise<void> => {
    try {
      onCreate(await call("createProject", { body: { id, name: name.trim() } }));
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  return (
    <>
      <h2>Another project</h2>
      <form class="row" onSubmit={(event) => (event.preventDefault(), void create())}>
        <label class="grow">
          <span class="visually-hidden">Name of the new project</span>
          <input
            type="text"
            placeholder="Its name"
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={id === ""}>
          Start it
        </button>
      </form>
      {error !== null && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
    </>
  );
}
