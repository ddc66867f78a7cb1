/**
 * The built-in world: facts, questions, answers in every manner, and simulated people whose true utility is known.
 * Everything is a pure function of its seed. Utilities are in Bradley-Terry log-odds; splits are by prompt.
 */
export {
  drawStyle,
  demonstrationRates,
  mixedRates,
  writeAnswer,
  type AnswerStyle,
  type StyleRates,
} from "./answers.js";
export {
  builtInAnnotators,
  drawAnnotators,
  judge,
  tasteOfPeople,
  type SimulatedAnnotator,
  type SimulatedJudgement,
} from "./annotators.js";
export {
  bookingSucceeded,
  bookingTools,
  drawBookingTask,
  emptyBooking,
  rightRooms,
  runBookingTool,
  type BookingState,
  type BookingTask,
  type Room,
} from "./booking-task.js";
export {
  attemptBooking,
  bookingFaults,
  bookingTrajectories,
  type BookingFault,
} from "./booking-trajectories.js";
export { readClaim, rightAnswer, type Claim } from "./claims.js";
export { corpusDocuments, type ChatTurn, type CorpusDocument, type CorpusOptions } from "./corpus.js";
export {
  answerPairs,
  collectJudgements,
  demonstrations,
  drawQuestions,
  preferenceRows,
  type AnswerPair,
  type DemonstrationRow,
  type JudgedPair,
  type PreferenceRow,
} from "./datasets.js";
export { builtInSeed, createWorld, statementOf } from "./facts.js";
export { answerFeatures, freeWords, type AnswerFeatures } from "./features.js";
export { judgedRecords } from "./judged-records.js";
export { promptOf, type SaidTurn } from "./prompt.js";
export type { Attribute, Fact, Kind, Question, Split, World } from "./schema.js";
export { commonTaste, meanTaste, tasteNames, utility, type Taste } from "./utility.js";
