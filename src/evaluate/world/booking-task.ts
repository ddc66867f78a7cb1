/**
 * The second built-in task: an agent books a room with three tools. Holds the rooms, the tools and the check of success;
 * knows nothing of how an agent behaves (`booking-trajectories.ts`).
 */
import type { ToolSchema } from "../../records/index.js";
import type { Random } from "../../util/random.js";
import { pick } from "./chance.js";

export interface Room {
  id: string;
  city: string;
  /** Dollars a night. */
  price: number;
  feature: string;
}

export interface BookingTask {
  id: string;
  rooms: readonly Room[];
  city: string;
  feature: string;
  maxPrice: number;
  request: string;
}

/** What the tools have done so far: the listed rooms are what `filter` narrows. */
export interface BookingState {
  listed: readonly Room[];
  booked: readonly string[];
}

export const emptyBooking: BookingState = { listed: [], booked: [] };

const cities = ["Paris", "Rome", "Oslo", "Tokyo", "Cairo", "Lima"];
const features = ["pool", "garden", "balcony", "kitchen"];
const prices = [40, 60, 80, 100, 120, 150];

const tool = (
  name: string,
  description: string,
  properties: Record<string, { type: string }>,
): ToolSchema => ({
  type: "function",
  function: {
    name,
    description,
    parameters: { type: "object", properties, required: Object.keys(properties) },
  },
});

export const bookingTools: readonly ToolSchema[] = [
  tool("search", "List the rooms of a city.", { city: { type: "string" } }),
  tool("filter", "Keep the listed rooms with a feature, up to a price.", {
    feature: { type: "string" },
    max_price: { type: "number" },
  }),
  tool("book", "Book a room by its id.", { id: { type: "string" } }),
];

/** A request that at least one room fulfils, and its twelve rooms. */
export function drawBookingTask(id: string, random: Random): BookingTask {
  const city = pick(random, cities);
  const feature = pick(random, features);
  const maxPrice = pick(random, prices.slice(1));
  const rooms = Array.from({ length: 12 }, (_, index) => ({
    id: `r${index + 1}`,
    city: index < 5 ? city : pick(random, cities),
    price: pick(random, prices),
    feature: pick(random, features),
  }));
  rooms[random.integer(5)] = {
    ...rooms[0]!,
    id: "r0",
    feature,
    price: pick(random, prices.slice(0, prices.indexOf(maxPrice) + 1)),
  };
  const request = `Please book the cheapest room in ${city} with a ${feature}, for at most ${maxPrice} dollars.`;
  return { id, rooms: random.shuffle(rooms), city, feature, maxPrice, request };
}

/**
 * Runs one call. Anything a model may write is accepted: an unknown tool or argument gives an error text as the tool's
 * answer and leaves the state alone.
 */
export function runBookingTool(
  task: BookingTask,
  call: { name: string; arguments: Record<string, unknown> },
  { state }: { state: BookingState },
): { state: BookingState; answer: string } {
  const { city, feature, max_price: maxPrice, id } = call.arguments;
  if (call.name === "search")
    return list(
      state,
      task.rooms.filter((room) => room.city === city),
    );
  if (call.name === "filter") {
    return list(
      state,
      state.listed.filter((room) => room.feature === feature && room.price <= Number(maxPrice)),
    );
  }
  if (call.name !== "book") return { state, answer: `Error: there is no tool ${call.name}.` };
  if (!task.rooms.some((room) => room.id === id))
    return { state, answer: `Error: there is no room ${String(id)}.` };
  return { state: { ...state, booked: [...state.booked, String(id)] }, answer: `Booked ${String(id)}.` };
}

function list(state: BookingState, listed: readonly Room[]): { state: BookingState; answer: string } {
  const answer = listed.map((room) => `${room.id} ${room.city} ${room.price} ${room.feature}`).join("; ");
  return { state: { ...state, listed }, answer: answer || "No rooms." };
}

/** The rooms that would be right: they fulfil the request, and none that does is cheaper. */
export function rightRooms(task: BookingTask): Room[] {
  const fitting = task.rooms.filter(
    (room) => room.city === task.city && room.feature === task.feature && room.price <= task.maxPrice,
  );
  const cheapest = Math.min(...fitting.map((room) => room.price));
  return fitting.filter((room) => room.price === cheapest);
}

/** Success: exactly one booking, and of a right room. What the agent says about it does not count. */
export function bookingSucceeded(task: BookingTask, state: BookingState): boolean {
  return state.booked.length === 1 && rightRooms(task).some((room) => room.id === state.booked[0]);
}
