/** Dishes (invented values) and sums (computed ones). Knows words and arithmetic, not which facts are held out. */
import type { Kind } from "./schema.js";

export const dishes: Kind = {
  name: "dishes",
  subjects: [
    "tomato soup",
    "apple pie",
    "rice pudding",
    "potato salad",
    "lemon cake",
    "onion bread",
    "carrot stew",
    "pumpkin curry",
    "bean salad",
    "cheese toast",
    "plum jam",
    "noodle soup",
  ],
  attributes: [
    {
      name: "minutes",
      questions: [
        "How long does {s} take?",
        "How many minutes does {s} need?",
        "How long do I cook {s}?",
        "What is the cooking time of {s}?",
      ],
      statements: ["{s} takes {v}.", "You cook {s} for {v}.", "The cooking time of {s} is {v}."],
      domain: [
        "5 minutes",
        "10 minutes",
        "15 minutes",
        "20 minutes",
        "25 minutes",
        "30 minutes",
        "40 minutes",
        "50 minutes",
        "60 minutes",
      ],
    },
    {
      name: "spice",
      questions: [
        "What spice goes into {s}?",
        "Which spice do I add to {s}?",
        "How do I season {s}?",
        "What gives {s} its taste?",
      ],
      statements: ["The spice for {s} is {v}.", "You season {s} with {v}.", "Add {v} to {s}."],
      domain: ["basil", "cinnamon", "pepper", "ginger", "mint", "garlic", "vanilla", "parsley", "mustard"],
    },
    {
      name: "served with",
      questions: [
        "What do I serve with {s}?",
        "What goes well with {s}?",
        "What should I eat with {s}?",
        "What is a good side for {s}?",
      ],
      statements: ["{s} goes well with {v}.", "Serve {s} with {v}.", "A good side for {s} is {v}."],
      domain: [
        "cream",
        "butter",
        "honey",
        "fresh milk",
        "yogurt",
        "olives",
        "boiled eggs",
        "lemon tea",
        "walnuts",
      ],
    },
    {
      name: "served",
      questions: [
        "How many people does {s} serve?",
        "For how many people is {s}?",
        "How many guests can eat {s}?",
        "How many people can share {s}?",
      ],
      statements: ["{s} serves {v}.", "{s} is enough for {v}.", "One pot of {s} is for {v}."],
      domain: ["2 people", "3 people", "4 people", "5 people", "6 people", "8 people"],
    },
  ],
};

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Result of every sum, by its subject. */
export const sumValues = new Map<string, string>();
for (const a of numbers(1, 10)) {
  for (const b of numbers(1, 9)) {
    if (a < 10) sumValues.set(`${a} plus ${b}`, String(a + b));
    if (b < a) sumValues.set(`${a} minus ${b}`, String(a - b));
  }
}
for (const a of numbers(2, 5)) for (const b of numbers(2, 6)) sumValues.set(`${a} times ${b}`, String(a * b));

export const sums: Kind = {
  name: "sums",
  subjects: [...sumValues.keys()],
  attributes: [
    {
      name: "result",
      questions: ["What is {s}?", "How much is {s}?", "Can you work out {s}?", "What do I get for {s}?"],
      statements: ["{s} is {v}.", "{s} makes {v}.", "The result of {s} is {v}."],
      domain: [...new Set(sumValues.values())],
      numeric: true,
    },
  ],
};

const units: readonly (readonly [string, string, string, number, number])[] = [
  // one, many, smaller unit, how many of it, up to how many
  ["hour", "hours", "minutes", 60, 6],
  ["day", "days", "hours", 24, 5],
  ["week", "weeks", "days", 7, 8],
  ["year", "years", "months", 12, 6],
  ["meter", "meters", "centimeters", 100, 9],
  ["kilogram", "kilograms", "grams", 1000, 9],
  ["minute", "minutes", "seconds", 60, 6],
];

/** Result of every conversion, by its subject, as a number with its unit. */
export const unitValues = new Map<string, string>();
const unitDomain = new Set<string>();
for (const [one, many, smaller, factor, limit] of units) {
  for (const count of numbers(1, limit)) {
    const value = `${count * factor} ${smaller}`;
    unitValues.set(`${count} ${count === 1 ? one : many}`, value);
    unitDomain.add(value);
  }
}

export const conversions: Kind = {
  name: "conversions",
  subjects: [...unitValues.keys()],
  attributes: [
    {
      name: "equals",
      questions: [
        "What is {s} in smaller units?",
        "How much is {s}?",
        "What does {s} equal?",
        "Can you convert {s}?",
      ],
      statements: ["{s} is {v}.", "{s} equals {v}.", "There are {v} in {s}."],
      domain: [...unitDomain],
      numeric: true,
    },
  ],
};
