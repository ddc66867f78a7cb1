/**
 * How far a policy has moved from its reference: KL(policy || reference) per answer, estimated on the policy's own samples.
 * Knows log-probabilities, not models.
 */
import { clusteredMean, type ClusteredMean } from "./clustered-mean.js";

export interface SampledAnswer {
  /** log p(answer | prompt) of the policy that wrote it, at the temperature it was sampled with (1), in nats. */
  logProb: number;
  /** The same answer's log-probability under the reference. */
  referenceLogProb: number;
  /** The prompt: answers to one prompt are not independent. */
  cluster: string;
}

/**
 * KL = E_{y ~ policy}[log policy(y) - log reference(y)], in nats an answer, a plain mean over samples: unbiased, and therefore
 * it can come out below zero when the true value is small. The answers must be the policy's own, drawn at temperature 1
 * without top-k, top-p or min-p.
 */
export function sampledKl(answers: readonly SampledAnswer[]): ClusteredMean {
  return clusteredMean(
    answers.map(({ logProb, referenceLogProb, cluster }) => ({ value: logProb - referenceLogProb, cluster })),
  );
}
