/** A batch's numbers a token as inputs of its graph, and what they are fed with. Knows no method. */
import { type HostTensor, input, type Tensor, type Tree } from "../../tensor/index.js";
import type { Feeds } from "../trainer.js";
import type { OnlineBatch } from "./item.js";

const inputName = (name: string): string => `token:${name}`;

/** One [sequences, width] of each name that the batch has: by their own names for the loss, and by those of the graph's inputs. */
export function tokenInputs({ perToken, sequences, width }: OnlineBatch): {
  given: Readonly<Record<string, Tensor | undefined>>;
  inputs: Tree;
} {
  const tensors = Object.keys(perToken).map(
    (name) => [name, input(inputName(name), [sequences, width])] as const,
  );
  return {
    given: Object.fromEntries(tensors),
    inputs: Object.fromEntries(tensors.map(([name, tensor]) => [inputName(name), tensor])),
  };
}

export const tokenFeeds = ({ perToken, sequences, width }: OnlineBatch): Feeds =>
  Object.fromEntries(
    Object.entries(perToken).map(([name, data]): [string, HostTensor] => [
      inputName(name),
      { shape: [sequences, width], dtype: "float32", data },
    ]),
  );
