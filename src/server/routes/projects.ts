/** Projects, their settings and their guidelines. */
import * as store from "../../store/index.js";
import { ProjectSettings, type Project } from "../api-schemas.js";
import { readSettings } from "../admit.js";
import type { Handler, LoadedProject, ServerContext } from "../call.js";
import { Refusal } from "../refusal.js";

export const handlers = {
  async projects({ context, store: db, caller }) {
    const rows = (await store.listProjects(db)).filter(
      ({ id }) => caller.project === null || caller.project === id,
    );
    const projects: Project[] = [];
    for (const row of rows)
      projects.push(await shown({ ...row, settings: readSettings(row.settings) }, context));
    return { projects };
  },

  async createProject({ context, store: db, body }) {
    const settings = ProjectSettings.parse(body.settings);
    if (!(await store.createProject(db, { id: body.id, name: body.name, settings })))
      throw new Refusal("conflict", `There is a project ${body.id} already.`);
    if (body.guideline !== undefined)
      await store.addGuideline(db, { project: body.id, markdown: body.guideline });
    return reload(body.id, context);
  },

  project: ({ context, project }) => shown(project, context),

  async changeProject({ context, store: db, project, body }) {
    await store.changeProject(db, {
      id: project.id,
      ...(body.name !== undefined && { name: body.name }),
      settings: body.settings ?? {},
    });
    context.feed.changed(project.id);
    return reload(project.id, context);
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

async function reload(id: string, context: ServerContext): Promise<Project> {
  const row = (await store.findProject(context.store, id))!;
  return shown({ ...row, settings: readSettings(row.settings) }, context);
}

/** Without the webhook's secret. */
async function shown(
  { id, name, settings, created_at }: LoadedProject,
  context: ServerContext,
): Promise<Project> {
  const [guideline = null] = await store.listGuidelines(context.store, id);
  const webhook = settings.webhook === null ? null : { url: settings.webhook.url };
  return { id, name, settings: { ...settings, webhook }, guideline, created_at };
}
