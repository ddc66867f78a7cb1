/** The frame of the page: who is here, which project, which page, light or dark. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Annotate } from "./annotate.js";
import { ApiError, call, type Project, type Session, setProject, takeToken } from "./api.js";
import { useKeys } from "./keys.js";
import { Data, Export, Guidelines } from "./pages/owner.js";
import { AgreementPage, History, LeaderboardPage } from "./pages/reading.js";
import { KeysPage } from "./pages/keys-page.js";
import { Review } from "./pages/review.js";
import { SetUp } from "./pages/set-up.js";
import "./style.css";

const ranks = { annotator: 0, reviewer: 1, owner: 2 };
const pages = [
  ["annotate", "Judge", "annotator"],
  ["history", "Mine", "annotator"],
  ["guidelines", "Guidelines", "annotator"],
  ["review", "Review", "reviewer"],
  ["agreement", "Agreement", "reviewer"],
  ["leaderboard", "Leaderboard", "reviewer"],
  ["data", "Data", "reviewer"],
  ["setup", "Set-up", "owner"],
  ["export", "Export", "owner"],
  ["keys", "Keys", "annotator"],
] as const;

function useRoute(): string[] {
  const read = (): string[] => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const change = (): void => setRoute(read());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}

function useTheme(): [string, () => void] {
  const [theme, setTheme] = useState(localStorage.getItem("attune.theme") ?? "auto");
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("attune.theme", theme);
  }, [theme]);
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return [dark ? "Light" : "Dark", () => setTheme(dark ? "light" : "dark")];
}

function App() {
  const [page = "annotate", argument] = useRoute();
  const [session, setSession] = useState<Session | null>(null);
  const [projects, setProjects] = useState<Project[]>([]);
  const [project, choose] = useState<Project | null>(null);
  const [problem, setProblem] = useState<{ status: number; message: string } | null>(null);
  const [otherTheme, switchTheme] = useTheme();
  const pick = (each: Project): void => {
    setProject(each.id);
    localStorage.setItem("attune.project", each.id);
    choose(each);
  };
  const enter = async (token: string | null): Promise<void> => {
    try {
      const who = token === null ? await call("session") : await call("login", { body: { token } });
      const list = (await call("projects")).projects;
      setSession(who);
      setProjects(list);
      setProblem(null);
      const first =
        list.find(({ id }) => id === who.project) ??
        list.find(({ id }) => id === localStorage.getItem("attune.project")) ??
        list[0];
      if (first) pick(first);
      else
        setProblem({ status: 404, message: "There is no project yet. Start one with: attune annotate FILE" });
    } catch (error) {
      setProblem({
        status: error instanceof ApiError ? error.status : -1,
        message: (error as Error).message,
      });
    }
  };
  useEffect(() => void enter(takeToken()), []);
  useEffect(
    () =>
      document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    [page, session],
  );
  useKeys({ help: () => void (location.hash = "#/keys") });
  if (problem !== null) return <Door problem={problem} onEnter={(token) => void enter(token)} />;
  if (session === null || project === null)
    return (
      <p class="muted center" role="status">
        Loading…
      </p>
    );
  const mine = pages.filter(([, , role]) => ranks[session.role] >= ranks[role]);
  const here = mine.find(([name]) => name === page)?.[0] ?? "annotate";
  return (
    <>
      <a
        class="skip-link"
        href="#main"
        onClick={(event) => (event.preventDefault(), document.querySelector<HTMLElement>("#main")?.focus())}
      >
        Skip to the page
      </a>
      <header class="top">
        <span class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M9 22V14m7 8V8m7 14v-5" />
          </svg>
          <span>{project.name}</span>
        </span>
        {projects.length > 1 && (
          <label>
            <span class="visually-hidden">Project</span>
            <select
              value={project.id}
              onChange={(event) => pick(projects.find(({ id }) => id === event.currentTarget.value)!)}
            >
              {projects.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <nav aria-label="Pages">
          {mine.map(([name, label]) => (
            <a key={name} href={`#/${name}`} aria-current={name === here ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <button type="button" class="quiet" onClick={switchTheme}>
          {otherTheme}
        </button>
      </header>
      <main id="main" tabIndex={-1} class={`page-${here}`} key={project.id}>
        {here === "annotate" && <Annotate project={project} revise={argument ?? null} key={argument ?? ""} />}
        {here === "history" && <History />}
        {here === "guidelines" && <Guidelines session={session} />}
        {here === "review" && <Review project={project} />}
        {here === "agreement" && <AgreementPage />}
        {here === "leaderboard" && <LeaderboardPage />}
        {here === "data" && <Data project={project} />}
        {here === "setup" && <SetUp project={project} onChange={choose} />}
        {here === "export" && <Export />}
        {here === "keys" && <KeysPage />}
      </main>
    </>
  );
}

function Door({
  problem,
  onEnter,
}: {
  problem: { status: number; message: string };
  onEnter: (token: string | null) => void;
}) {
  const [token, setToken] = useState("");
  const closed = problem.status === 401 || problem.status === 403;
  return (
    <main class="empty">
      <h1>{closed ? "Welcome" : "Not available"}</h1>
      <p role="alert">{closed ? "Open the link you were given, or paste it here." : problem.message}</p>
      {closed ? (
        <form
          class="row"
          onSubmit={(event) => (
            event.preventDefault(),
            onEnter(/token=([^&]+)/.exec(token)?.[1] ?? token.trim())
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
        <button type="button" onClick={() => onEnter(null)}>
          Try again
        </button>
      )}
    </main>
  );
}

render(<App />, document.querySelector("#app")!);
