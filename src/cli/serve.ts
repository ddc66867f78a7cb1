/** `attune serve`: a store with all its projects, served. Knows no file of pairs. */
import { listProjects } from "../store/index.js";
import type { CommandHelp } from "./command.js";
import { defineRun } from "./define-run.js";
import { openStoreAt, placeOfStore, storeSettings } from "./open-store.js";
import { serveUntilStopped, servingSettings } from "./serving.js";
import { counted } from "./show.js";

const settings = { ...storeSettings, ...servingSettings };

const help: CommandHelp = {
  name: "attune serve",
  about:
    "Serves every project of a store: the page where people judge, and the HTTP interface for programs (described at /openapi.json). Prints one address that opens the page as the owner, who invites others by links. ATTUNE_TOKEN in the environment sets the owner's token, which programs send as a bearer token. Refused requests are logged to standard error, one JSON object a line. Ctrl-C ends it in order.",
  positionals: [],
  examples: [
    "attune serve",
    "attune serve --store labels --port 8080",
    "DATABASE_URL=postgres://attune@db/attune attune serve --host 0.0.0.0 --public-url https://judge.example.org",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values, io }) => {
  const place = placeOfStore(values);
  const store = await openStoreAt(place, { existing: true });
  const projects = await listProjects(store);
  return serveUntilStopped(store, {
    values,
    io,
    place,
    shown: (url) => {
      io.out(
        `${place.title}: ${projects.length === 0 ? "no project yet" : `${counted(projects.length, "project")} (${projects.map(({ id }) => id).join(", ")})`}\n\n  ${url}\n\nThis address makes its holder the owner. Ctrl-C stops.`,
      );
    },
  });
});
