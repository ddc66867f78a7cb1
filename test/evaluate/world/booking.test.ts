import { describe, expect, it } from "vitest";
import {
  attemptBooking,
  bookingFaults,
  bookingSucceeded,
  bookingTrajectories,
  drawBookingTask,
  emptyBooking,
  rightRooms,
  runBookingTool,
} from "../../../src/evaluate/world/index.js";
import { Trajectory } from "../../../src/records/index.js";
import { createRandom } from "../../../src/util/random.js";

describe("the booking task", () => {
  const random = createRandom(1, { stream: "tasks" });
  const tasks = Array.from({ length: 200 }, (_, index) => drawBookingTask(String(index), random));

  it("always has a right room, and room ids that differ", () => {
    for (const task of tasks) {
      expect(rightRooms(task).length).toBeGreaterThan(0);
      expect(new Set(task.rooms.map(({ id }) => id)).size).toBe(task.rooms.length);
    }
  });

  it("is solved by every careful agent, and never by one that invents, gives up, or books twice", () => {
    for (const task of tasks) {
      const rewards = Object.fromEntries(
        bookingFaults.map((fault) => [fault, attemptBooking(task, fault, { random }).reward]),
      );
      expect(rewards).toMatchObject({
        none: 1,
        "invented room": 0,
        "gives up": 0,
        "books twice": 0,
        "wrong city": 0,
      });
    }
  });

  it("succeeds by what was booked, once", () => {
    const task = tasks[0]!;
    const right = rightRooms(task)[0]!.id;
    expect(bookingSucceeded(task, { listed: [], booked: [right] })).toBe(true);
    expect(bookingSucceeded(task, emptyBooking)).toBe(false);
    expect(bookingSucceeded(task, { listed: [], booked: [right, right] })).toBe(false);
  });

  it("answers nonsense calls with an error and leaves the state alone", () => {
    const task = tasks[0]!;
    for (const call of [
      { name: "fly", arguments: {} },
      { name: "book", arguments: { id: 7 } },
      { name: "book", arguments: {} },
    ]) {
      const { state, answer } = runBookingTool(task, call, { state: emptyBooking });
      expect(answer).toMatch(/^Error: there is no/);
      expect(state).toBe(emptyBooking);
    }
    expect(runBookingTool(task, { name: "filter", arguments: {} }, { state: emptyBooking }).answer).toBe(
      "No rooms.",
    );
  });
});

describe("booking trajectories", () => {
  it("are records with several trials a task, some of which succeed", () => {
    const trajectories = bookingTrajectories({ tasks: 50 });
    expect(trajectories.length).toBe(200);
    for (const trajectory of trajectories) Trajectory.parse(trajectory);
    const rate = trajectories.filter(({ reward }) => reward === 1).length / trajectories.length;
    expect(rate).toBeGreaterThan(0.45);
    expect(rate).toBeLessThan(0.75);
    expect(bookingTrajectories({ tasks: 50 })).toEqual(trajectories);
    expect(new Set(trajectories.map(({ id }) => id)).size).toBe(200);
  });
});
