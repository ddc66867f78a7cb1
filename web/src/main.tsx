/** The frame of the page: who is here, which project, which page, light or dark. */
import { render } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { ApiError, call, type Project, type Session, setProject, takeToken } from "./api.js";
import { Door } from "./door.js";
import { useRoute, useTheme } from "./frame-state.js";
import { Annotate } from "./judging/annotate.js";
import { useKeys } from "./keys.js";
import { keepPage } from "./offline/register.js";
import { AgreementPage } from "./pages/agreement.js";
import { Data } from "./pages/data.js";
import { Export } from "./pages/export.js";
import { Guidelines } from "./pages/guidelines.js";
import { History } from "./pages/history.js";
import { KeysPage } from "./pages/keys-page.js";
import { LeaderboardPage } from "./pages/leaderboard.js";
import { Review } from "./pages/review.js";
import { SetUp } from "./pages/set-up.js";
import "./style/base.css";
import "./style/frame.css";
import "./style/judging.css";
import "./style/tasks.css";
import "./style/messages.css";
import "./style/trajectories.css";
import "./style/lists.css";
import "./style/charts.css";
import "./style/matrix.css";

const ranks = { annotator: 0, reviewer: 1, owner: 2 };
const pages = [
  ["annotate", "Judge", "annotator"],
  ["history", "History", "annotator"],
  ["guidelines", "Guidelines", "annotator"],
  ["review", "Review", "reviewer"],
  ["agreement", "Agreement", "reviewer"],
  ["leaderboard", "Leaderboard", "reviewer"],
  ["data", "Data", "reviewer"],
  ["setup", "Set-up", "owner"],
  ["export", "Export", "owner"],
  ["keys", "Keys", "annotator"],
] as const;

function App() {
  const [page = "annotate", argument] = useRoute();
  const [session, setSession] = useState<Session | null>(null);
  const [projects, setProjects] = useState<Project[]>([]);
  const [project, choose] = useState<Project | null>(null);
  const [problem, setProblem] = useState<{ status: number; message: string } | null>(null);
  const [otherTheme, switchTheme] = useTheme();
  // Taken out of the address at once; kept until the server has been there to take it.
  const [link] = useState(takeToken);
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
  const change = (changed: Project): void => {
    setProjects(projects.map((each) => (each.id === changed.id ? changed : each)));
    choose(changed);
  };
  const create = (created: Project): void => {
    setProjects([...projects, created]);
    pick(created);
  };
  useEffect(() => void enter(link), []);
  // Before the paint: later it would take the focus from what somebody has gone into meanwhile.
  useLayoutEffect(() => {
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    // Keys belong to the new page, no longer to the link that led there.
    document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
  }, [page, session]);
  useKeys({ help: () => void (location.hash = "#/keys") });
  if (problem !== null) return <Door problem={problem} onEnter={(token) => enter(token ?? link)} />;
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
        {here === "history" && <History session={session} project={project} />}
        {here === "guidelines" && <Guidelines session={session} />}
        {here === "review" && <Review project={project} />}
        {here === "agreement" && <AgreementPage />}
        {here === "leaderboard" && <LeaderboardPage />}
        {here === "data" && <Data project={project} />}
        {here === "setup" && <SetUp project={project} onChange={change} onCreate={create} />}
        {here === "export" && <Export />}
        {here === "keys" && <KeysPage />}
      </main>
    </>
  );
}

render(<App />, document.querySelector("#app")!);
keepPage();
