/** Countries and animals: real facts, as a table. A row's columns follow the attributes' order. */
import type { Kind } from "./schema.js";

const countryRows: Record<string, readonly string[]> = {
  France: ["Paris", "French", "Europe", "the euro"],
  Japan: ["Tokyo", "Japanese", "Asia", "the yen"],
  Italy: ["Rome", "Italian", "Europe", "the euro"],
  Spain: ["Madrid", "Spanish", "Europe", "the euro"],
  Germany: ["Berlin", "German", "Europe", "the euro"],
  Portugal: ["Lisbon", "Portuguese", "Europe", "the euro"],
  Greece: ["Athens", "Greek", "Europe", "the euro"],
  Poland: ["Warsaw", "Polish", "Europe", "the zloty"],
  Sweden: ["Stockholm", "Swedish", "Europe", "the krona"],
  Norway: ["Oslo", "Norwegian", "Europe", "the krone"],
  Hungary: ["Budapest", "Hungarian", "Europe", "the forint"],
  Denmark: ["Copenhagen", "Danish", "Europe", "the krone"],
  Thailand: ["Bangkok", "Thai", "Asia", "the baht"],
  China: ["Beijing", "Chinese", "Asia", "the yuan"],
  Vietnam: ["Hanoi", "Vietnamese", "Asia", "the dong"],
  Chile: ["Santiago", "Spanish", "South America", "the peso"],
  Brazil: ["Brasilia", "Portuguese", "South America", "the real"],
  Colombia: ["Bogota", "Spanish", "South America", "the peso"],
  Egypt: ["Cairo", "Arabic", "Africa", "the pound"],
  Kenya: ["Nairobi", "Swahili", "Africa", "the shilling"],
};

const animalRows: Record<string, readonly string[]> = {
  owls: ["mice", "forests", "owlets", "2 legs", "feathers"],
  frogs: ["flies", "ponds", "tadpoles", "4 legs", "smooth skin"],
  cows: ["grass", "meadows", "calves", "4 legs", "hair"],
  sheep: ["grass", "meadows", "lambs", "4 legs", "wool"],
  ducks: ["water plants", "ponds", "ducklings", "2 legs", "feathers"],
  foxes: ["mice", "forests", "cubs", "4 legs", "fur"],
  bears: ["berries", "forests", "cubs", "4 legs", "fur"],
  camels: ["dry plants", "deserts", "calves", "4 legs", "hair"],
  penguins: ["fish", "icy coasts", "chicks", "2 legs", "feathers"],
  ants: ["seeds", "nests", "larvae", "6 legs", "a hard shell"],
  spiders: ["flies", "webs", "spiderlings", "8 legs", "fine hair"],
  bees: ["nectar", "hives", "larvae", "6 legs", "fine hair"],
  rabbits: ["grass", "burrows", "kittens", "4 legs", "fur"],
  goats: ["leaves", "mountains", "kids", "4 legs", "hair"],
  eagles: ["fish", "mountains", "eaglets", "2 legs", "feathers"],
  squirrels: ["nuts", "trees", "kits", "4 legs", "fur"],
};

const column = (rows: Record<string, readonly string[]>, index: number): string[] => [
  ...new Set(Object.values(rows).map((row) => row[index]!)),
];

export const countries: Kind = {
  name: "countries",
  subjects: Object.keys(countryRows),
  attributes: [
    {
      name: "capital",
      questions: [
        "What is the capital of {s}?",
        "Which city is the capital of {s}?",
        "What is the capital city of {s}?",
        "Where is the government of {s}?",
      ],
      statements: [
        "The capital of {s} is {v}.",
        "{v} is the capital of {s}.",
        "The capital city of {s} is {v}.",
      ],
      domain: column(countryRows, 0),
    },
    {
      name: "language",
      questions: [
        "What language do people speak in {s}?",
        "Which language is spoken in {s}?",
        "What is the language of {s}?",
        "Which language should I learn for {s}?",
      ],
      statements: ["People in {s} speak {v}.", "The language of {s} is {v}.", "In {s}, people speak {v}."],
      domain: column(countryRows, 1),
    },
    {
      name: "continent",
      questions: [
        "On which continent is {s}?",
        "What continent is {s} in?",
        "In which part of the world is {s}?",
        "Where in the world is {s}?",
      ],
      statements: ["{s} is in {v}.", "{s} is a country in {v}.", "{s} lies in {v}."],
      domain: column(countryRows, 2),
    },
    {
      name: "currency",
      questions: [
        "What money do people use in {s}?",
        "What is the currency of {s}?",
        "How do people pay in {s}?",
        "Which currency is used in {s}?",
      ],
      statements: ["People in {s} pay with {v}.", "The currency of {s} is {v}.", "The money of {s} is {v}."],
      domain: column(countryRows, 3),
    },
  ],
};

export const animals: Kind = {
  name: "animals",
  subjects: Object.keys(animalRows),
  attributes: [
    {
      name: "food",
      questions: [
        "What do {s} eat?",
        "What is the food of {s}?",
        "What do {s} like to eat?",
        "What do {s} live on?",
      ],
      statements: ["{s} eat {v}.", "The food of {s} is {v}.", "{s} like to eat {v}."],
      domain: column(animalRows, 0),
    },
    {
      name: "home",
      questions: [
        "Where do {s} live?",
        "What is the home of {s}?",
        "In what place can I see {s}?",
        "Where do {s} make their home?",
      ],
      statements: ["{s} live in {v}.", "The home of {s} is in {v}.", "You can see {s} in {v}."],
      domain: column(animalRows, 1),
    },
    {
      name: "young",
      questions: [
        "What are young {s} called?",
        "What is the name for young {s}?",
        "What do we call the babies of {s}?",
        "How do you call the young of {s}?",
      ],
      statements: [
        "Young {s} are called {v}.",
        "The young of {s} are called {v}.",
        "The babies of {s} are {v}.",
      ],
      domain: column(animalRows, 2),
    },
    {
      name: "legs",
      questions: [
        "How many legs do {s} have?",
        "What number of legs do {s} have?",
        "On how many legs do {s} walk?",
        "How many legs can I count on {s}?",
      ],
      statements: ["{s} have {v}.", "Healthy {s} have {v}.", "All {s} have {v}."],
      domain: column(animalRows, 3),
    },
    {
      name: "cover",
      questions: [
        "What covers the body of {s}?",
        "What is on the body of {s}?",
        "What do {s} have on their body?",
        "What keeps {s} covered?",
      ],
      statements: [
        "The body of {s} is covered with {v}.",
        "{s} are covered with {v}.",
        "{s} have {v} on their body.",
      ],
      domain: column(animalRows, 4),
    },
  ],
};

/** The value of an attribute of a real subject, by the attribute's position in its kind. */
export function realValue(kind: Kind, subject: string, attributeIndex: number): string {
  const rows = kind === countries ? countryRows : animalRows;
  return rows[subject]![attributeIndex]!;
}
