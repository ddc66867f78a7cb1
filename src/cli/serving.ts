/** A store served until somebody stops it: what `attune annotate` and `attune serve` have in common. Knows no file of pairs. */
import { tmpdir } from "node:os";
import { AttuneError } from "../errors.js";
import { logLines, openingSeconds, serve, type RunningServer } from "../server/index.js";
import type { Store } from "../store/index.js";
import { flag, optionalText, optionalWhole } from "../train/job/setting.js";
import { exitCodes } from "./command.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { openPage } from "./open-page.js";
import type { StorePlace } from "./open-store.js";

const usualPort = 4700;

export const servingSettings = {
  port: optionalWhole({
    min: 0,
    max: 65_535,
    doc: "Port to listen on; 0 takes a free one.",
    source: `${usualPort}, or a free one where it is taken`,
  }),
  host: optionalText({
    doc: "Address to listen on. 0.0.0.0 lets other machines in: whoever has a link can come, and nothing is encrypted unless a proxy in front speaks TLS.",
    source: "127.0.0.1, this machine only",
  }),
  public_url: optionalText({
    doc: "How people reach the server where a name or a proxy is in between, such as https://judge.example.org. Requests to other names are refused.",
    source: "the address it listens on",
  }),
  open: flag(false, { doc: "Open the page in the browser.", source: "" }),
};

export interface ServingValues {
  port?: number | undefined;
  host?: string | undefined;
  public_url?: string | undefined;
  open: boolean;
}

/** Serves until Ctrl-C or SIGTERM, then ends in order and closes the store. `shown` is called with the address that opens the page. */
export async function serveUntilStopped(
  store: Store & { close: () => Promise<void> },
  {
    values,
    io,
    place,
    shown,
  }: { values: ServingValues; io: Io; place: StorePlace; shown: (url: string) => void },
): Promise<number> {
  const interrupt = onInterrupt(io, "Stopping; requests under way are finished. Ctrl-C again stops at once.");
  let takeAway = (): void => undefined;
  try {
    const server = await listenSomewhere(store, values, io);
    shown(`${server.url}/#token=${server.ownerToken}`);
    if (values.open) {
      takeAway = openPage(`${server.url}/#token=${server.openingToken()}`, {
        folder: place.folder ?? tmpdir(),
      });
      setTimeout(takeAway, openingSeconds * 1000).unref();
    }
    if (!interrupt.signal.aborted)
      await new Promise<void>((done) => interrupt.signal.addEventListener("abort", () => done()));
    await server.close();
  } finally {
    takeAway();
    await store.close();
    interrupt.release();
  }
  return exitCodes.ok;
}

async function listenSomewhere(store: Store, values: ServingValues, io: Io): Promise<RunningServer> {
  const { host, public_url: publicUrl, port } = values;
  if (publicUrl !== undefined && !/^https?:\/\/[^/]+\/?$/.test(publicUrl)) {
    throw new AttuneError("usage", {
      where: "--public-url",
      expected: "http:// or https:// and a name, without a path",
      got: publicUrl,
    });
  }
  const options = {
    store,
    log: logLines(io.err),
    ...(host !== undefined && { host }),
    ...(publicUrl !== undefined && { publicUrl }),
    ...ownToken(),
  };
  try {
    return await serve({ ...options, port: port ?? usualPort });
  } catch (cause) {
    const taken = (cause as { cause?: { code?: string } }).cause?.code === "EADDRINUSE";
    if (port !== undefined || !taken) throw cause;
    return serve({ ...options, port: 0 });
  }
}

/** A token that stays the same over restarts, for programs; otherwise each start makes a new one. */
function ownToken(): { token?: string } {
  const token = process.env["ATTUNE_TOKEN"];
  if (token === undefined || token === "") return {};
  if (!/^[\w.~-]{24,200}$/.test(token)) {
    throw new AttuneError("usage", {
      where: "ATTUNE_TOKEN",
      expected: "24 to 200 letters, digits and -_.~",
      got: `${token.length} characters`,
      fix: "openssl rand -hex 24",
    });
  }
  return { token };
}
