/** Every route's handler: forgetting one is a type error. Knows no request. */
import type { RouteName } from "./api.js";
import type { Handler } from "./call.js";
import * as annotating from "./routes/annotating.js";
import * as exporting from "./routes/exporting.js";
import * as history from "./routes/history.js";
import * as items from "./routes/items.js";
import * as operations from "./routes/operations.js";
import * as people from "./routes/people.js";
import * as progress from "./routes/progress.js";
import * as projects from "./routes/projects.js";
import * as reading from "./routes/reading.js";
import * as review from "./routes/review.js";
import * as sessions from "./routes/sessions.js";

export const handlers: { readonly [N in RouteName]: Handler<N> } = {
  ...sessions.handlers,
  ...projects.handlers,
  ...annotating.handlers,
  ...history.handlers,
  ...review.handlers,
  ...items.handlers,
  ...reading.handlers,
  ...exporting.handlers,
  ...people.handlers,
  ...progress.handlers,
  ...operations.handlers,
};
