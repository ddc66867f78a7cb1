/** What Prometheus may ask for: requests, latencies, leases, judgements, webhooks, event-loop lag. Kept in memory. Knows no route's meaning. */
import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Metrics {
  request(o: { route: string; method: string; status: number; seconds: number }): void;
  /** Adds to a counter of `counters`. */
  count(name: Counter, by?: number): void;
  /** Adds to a gauge of `gauges`. */
  move(name: Gauge, by: number): void;
  text(): string;
  close(): void;
}

const counters = {
  leases: "Items given out to be judged",
  judgements: "Judgements stored, revisions among them",
  webhooks_delivered: "Webhook calls that were acknowledged",
  webhooks_failed: "Webhook calls that were not, to be tried again",
} as const;
const gauges = { streams: "Open streams of live progress" } as const;
export type Counter = keyof typeof counters;
export type Gauge = keyof typeof gauges;

/** Seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Latency {
  /** By bound; the last is without one. */
  counts: number[];
  sum: number;
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const latencies = new Map<string, Latency>();
  const counted = new Map<Counter, number>();
  const levels = new Map<Gauge, number>();
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  return {
    request({ route, method, status, seconds }) {
      const name = `route="${route}",method="${method}",status="${status}"`;
      requests.set(name, (requests.get(name) ?? 0) + 1);
      let latency = latencies.get(route);
      if (latency === undefined)
        latencies.set(route, (latency = { counts: bounds.map(() => 0).concat(0), sum: 0 }));
      const place = bounds.findIndex((bound) => seconds <= bound);
      latency.counts[place < 0 ? bounds.length : place]! += 1;
      latency.sum += seconds;
    },
    count: (name, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by),
    move: (name, by) => void levels.set(name, (levels.get(name) ?? 0) + by),
    text() {
      const lines: string[] = [];
      const family = (name: string, type: string, help: string): void =>
        void lines.push(`# HELP attune_${name} ${help}`, `# TYPE attune_${name} ${type}`);
      family("requests_total", "counter", "Requests by route, method and status");
      for (const [labels, n] of requests) lines.push(`attune_requests_total{${labels}} ${n}`);
      family("request_seconds", "histogram", "Time from a request's arrival to its reply's start, by route");
      for (const [route, { counts, sum }] of latencies) {
        let below = 0;
        for (const [k, n] of counts.entries()) {
          below += n;
          lines.push(`attune_request_seconds_bucket{route="${route}",le="${bounds[k] ?? "+Inf"}"} ${below}`);
        }
        lines.push(
          `attune_request_seconds_sum{route="${route}"} ${sum}`,
          `attune_request_seconds_count{route="${route}"} ${below}`,
        );
      }
      for (const [name, help] of Object.entries(counters)) {
        family(`${name}_total`, "counter", help);
        lines.push(`attune_${name}_total ${counted.get(name as Counter) ?? 0}`);
      }
      for (const [name, help] of Object.entries(gauges)) {
        family(name, "gauge", help);
        lines.push(`attune_${name} ${levels.get(name as Gauge) ?? 0}`);
      }
      family("event_loop_lag_seconds", "summary", "How late timers fire, since the last reading");
      for (const quantile of [0.5, 0.9, 0.99])
        lines.push(
          `attune_event_loop_lag_seconds{quantile="${quantile}"} ${lag.percentile(quantile * 100) / 1e9}`,
        );
      family("event_loop_lag_max_seconds", "gauge", "The longest of them");
      lines.push(`attune_event_loop_lag_max_seconds ${lag.max / 1e9}`);
      lag.reset();
      family("resident_memory_bytes", "gauge", "Memory of the process");
      lines.push(`attune_resident_memory_bytes ${process.memoryUsage.rss()}`);
      return `${lines.join("\n")}\n`;
    },
    close: () => lag.disable(),
  };
}
