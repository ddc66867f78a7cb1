/** Models of annotators: items, annotators, labels and players are places from 0; nothing here knows the truth. */
export { dawidSkene, type DawidSkene, type DawidSkeneOptions } from "./dawid-skene.js";
export { mostLikely, type Judgements } from "./judgements.js";
export { mace, type Mace, type MaceOptions } from "./mace.js";
export {
  noisyBradleyTerry,
  type AnnotatedPair,
  type NoisyBradleyTerry,
  type NoisyOptions,
} from "./noisy-bradley-terry.js";
