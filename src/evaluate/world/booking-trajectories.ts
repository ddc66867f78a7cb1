/**
 * Trajectories of agents of varying care on the booking task: messages with tool calls, reward 1 or 0 by what was booked.
 * Knows no model: the agents are written, so that the fault of each failed trajectory is known.
 */
import type { Message, Trajectory } from "../../records/index.js";
import { createRandom, type Random } from "../../util/random.js";
import {
  bookingSucceeded,
  bookingTools,
  drawBookingTask,
  emptyBooking,
  runBookingTool,
  type BookingState,
  type BookingTask,
} from "./booking-task.js";
import { happens, pick } from "./chance.js";

/** How an agent errs. `none` always succeeds; a careless one may still be lucky, so the reward is not read off this. */
export const bookingFaults = [
  "none",
  "wrong city",
  "no filter",
  "not the cheapest",
  "invented room",
  "gives up",
  "books twice",
] as const;
export type BookingFault = (typeof bookingFaults)[number];

/**
 * `trials` attempts at each of `tasks` tasks, each careful with probability `care` (default 0.5). The fault is in `extra`;
 * the reward is the checked outcome.
 */
export function bookingTrajectories(options: {
  tasks: number;
  trials?: number;
  care?: number;
  seed?: number;
}): Trajectory[] {
  const { tasks, trials = 4, care = 0.5, seed = 0 } = options;
  const random = createRandom(seed, { stream: "booking" });
  return Array.from({ length: tasks }, (_, index) => drawBookingTask(`booking-${index + 1}`, random)).flatMap(
    (task) =>
      Array.from({ length: trials }, (_, trial) => {
        const fault = happens(random, care) ? "none" : pick(random, bookingFaults.slice(1));
        return { ...attemptBooking(task, fault, { random }), id: `${task.id}/${trial}`, trial };
      }),
  );
}

/** One attempt with one fault. */
export function attemptBooking(
  task: BookingTask,
  fault: BookingFault,
  { random }: { random: Random },
): Trajectory {
  const messages: Message[] = [{ role: "user", content: task.request }];
  let state: BookingState = emptyBooking;
  const call = (name: string, values: Record<string, unknown>) => {
    messages.push({
      role: "assistant",
      tool_calls: [{ type: "function", function: { name, arguments: values } }],
    });
    const result = runBookingTool(task, { name, arguments: values }, { state });
    state = result.state;
    messages.push({ role: "tool", name, content: result.answer });
  };

  const elsewhere = task.rooms.map((room) => room.city).filter((city) => city !== task.city);
  call("search", {
    city: fault === "wrong city" && elsewhere.length > 0 ? pick(random, elsewhere) : task.city,
  });
  if (fault !== "no filter") call("filter", { feature: task.feature, max_price: task.maxPrice });
  const room = fault === "gives up" ? undefined : chooseRoom(state, fault, random);
  if (room !== undefined) call("book", { id: room });
  if (room !== undefined && fault === "books twice") call("book", { id: room });
  messages.push({
    role: "assistant",
    content: room === undefined ? "I could not find a room." : `I booked room ${room} for you.`,
  });
  return {
    id: task.id,
    task: task.id,
    messages,
    tools: [...bookingTools],
    reward: bookingSucceeded(task, state) ? 1 : 0,
    extra: { fault },
  };
}

function chooseRoom(state: BookingState, fault: BookingFault, random: Random): string | undefined {
  if (fault === "invented room") return `r${20 + random.integer(70)}`;
  const byPrice = [...state.listed].sort((a, b) => a.price - b.price);
  if (byPrice.length === 0) return undefined;
  return (
    fault === "not the cheapest" ? byPrice.at(-1) : fault === "no filter" ? pick(random, byPrice) : byPrice[0]
  )!.id;
}
