/** The HTTP interface over the store. Conventions: JSON in and out, refusals as `ApiError`, ids and times are text. */
export {
  routes,
  type BodyOf,
  type PathOf,
  type QueryOf,
  type ResponseOf,
  type Role,
  type Route,
  type RouteName,
} from "./api.js";
export * from "./api-schemas.js";
export { ApiFailure, createClient, type CallOptions, type Client, type ClientOptions } from "./client.js";
export { logLines, type Log, type LogEntry } from "./log.js";
export { openApi } from "./openapi.js";
export { openingSeconds } from "./openings.js";
export { contentPolicy } from "./security-headers.js";
export { serve, type RunningServer, type ServeOptions } from "./serve.js";
export { signatureOf } from "./webhooks.js";
