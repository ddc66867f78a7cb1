import { describe, expect, it } from "vitest";
import { differences } from "../../web/src/text/differences.js";

const own = (a: string, b: string): [string[], string[]] | null => {
  const found = differences(a, b);
  return (
    found &&
    (found.map((side) => side.flatMap((piece) => (piece.own ? piece.text : []))) as [string[], string[]])
  );
};

describe("the words in which two answers differ", () => {
  it("are marked on the side that has them", () => {
    expect(own("the cat sat on a mat", "the dog sat on the mat today")).toEqual([
      ["cat", "a"],
      ["dog", "the", " today"],
    ]);
  });

  it("are none between equal texts, and all against an empty one", () => {
    expect(own("same words", "same words")).toEqual([[], []]);
    expect(own("some words", "")).toEqual([["some words"], []]);
    expect(own("", "")).toEqual([[], []]);
  });

  it("leave every character where it was", () => {
    const [a, b] = ["naïve 日本 text,\n\nwith  gaps", "naive 日本語 text\nwith gaps."];
    const [left, right] = differences(a, b)!;
    expect(left.map(({ text }) => text).join("")).toBe(a);
    expect(right.map(({ text }) => text).join("")).toBe(b);
  });

  it("are not looked for where the texts have nothing to do with each other and are long", () => {
    const words = (letter: string) => Array.from({ length: 3000 }, (_, k) => `${letter}${k}`).join(" ");
    expect(differences(words("a"), words("b"))).toBeNull();
    expect(differences(`${words("a")} x`, `${words("a")} y`)).not.toBeNull();
  });
});
