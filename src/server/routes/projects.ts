/** Projects, their settings and their guidelines. */
import * as store from "../../store/index.js";
import { ProjectSettings, type Project } from "../api-schemas.js";
import { readSettings } from "../admit.js";
import type { Call, Handler, LoadedProject } from "../call.js";
import { Refusal } from "../refusal.js";

export const handlers = {
  async projects({ context, store: db, caller }) {
    const rows = (await store.listProjects(db)).filter(
      ({ id }) => caller.project === null || caller.project === id,
    );
    const projects: Project[] = [];
    for (const row of rows)
      projects.push(await shown({ ...row, settings: readSettings(row.settings) }, { context, caller }));
    return { projects };
  },

  async createProject(call) {
    const { store: db, body } = call;
    const settings = ProjectSettings.parse(body.settings);
    if (!(await store.createProject(db, { id: body.id, name: body.name, settings })))
      throw new Refusal("conflict", `There is a project ${body.id} already.`);
    if (body.guideline !== undefined)
      await store.addGuideline(db, { project: body.id, markdown: body.guideline });
    return reload(body.id, call);
  },

  project: (call) => shown(call.project, call),

  async changeProject(call) {
    const { context, store: db, project, body } = call;
    await store.changeProject(db, {
      id: project.id,
      ...(body.name !== undefined && { name: body.name }),
      settings: body.settings ?? {},
    });
    context.feed.changed(project.id);
    return reload(project.id, call);
  },

  async guidelines({ store: db, project }) {
    return { guidelines: await store.listGuidelines(db, project.id) };
  },

  addGuideline: ({ store: db, project, body }) =>
    store.addGuideline(db, { project: project.id, markdown: body.markdown }),
} satisfies {
  [
    N in "projects" | "createProject" | "project" | "changeProject" | "guidelines" | "addGuideline"
  ]: Handler<N>;
};

type Asking = Pick<Call<"project">, "context" | "caller">;

async function reload(id: string, call: Asking): Promise<Project> {
  const row = (await store.findProject(call.context.store, id))!;
  return shown({ ...row, settings: readSettings(row.settings) }, call);
}

/**
 * Without the webhook's secret; its address, which may be one too, is for owners. How often gold items and repeats come is for those
 * who may know them.
 */
async function shown(
  { id, name, settings, created_at }: LoadedProject,
  { context, caller: { role } }: Asking,
): Promise<Project> {
  const [guideline = null] = await store.listGuidelines(context.store, id);
  const webhook = settings.webhook === null || role !== "owner" ? null : { url: settings.webhook.url };
  const hidden = role === "annotator" ? { gold_every: 0, repeat_every: 0, repeat_gap: 1 } : {};
  return { id, name, settings: { ...settings, ...hidden, webhook }, guideline, created_at };
}
