"""Makes seeded rows of exact token counts for make_model.py's tokenizer, so that both sides train on the same file.

    python make_data.py '{"kind": "preference", "file": "pairs.jsonl", "vocabulary": 49152}'

kinds: `preference` (prompt, chosen, rejected), `sft` (prompt, completion), `text` (text), `prompt` (prompt), and `ragged`
(prompt, and a number of `new_tokens` from an eighth of `answer_tokens` to all of them). Answers end with `</s>`, which is counted
among their tokens.
"""

import json
import random

from common import read_options


def words(rng: random.Random, count: int, vocabulary: int) -> str:
    return " ".join(f"w{rng.randrange(3, vocabulary)}" for _ in range(count))


def row(kind: str, rng: random.Random, options: dict) -> dict:
    vocabulary, prompt, answer = options["vocabulary"], options["prompt_tokens"], options["answer_tokens"]
    # The space is the answer's: the prompt's tokens stay a prefix of the whole.
    reply = lambda: f" {words(rng, answer - 1, vocabulary)} </s>"  # noqa: E731
    if kind == "preference":
        return {"prompt": words(rng, prompt, vocabulary), "chosen": reply(), "rejected": reply()}
    if kind == "sft":
        return {"prompt": words(rng, prompt, vocabulary), "completion": reply()}
    if kind == "text":
        return {"text": reply().strip()}
    if kind == "prompt":
        return {"prompt": words(rng, prompt, vocabulary)}
    if kind == "ragged":
        return {"prompt": words(rng, prompt, vocabulary), "new_tokens": rng.randint(answer // 8, answer)}
    raise SystemExit(f"make_data.py: unknown kind {kind!r}; known: preference, sft, text, prompt, ragged")


def main() -> None:
    options = read_options(
        {"rows": 16, "prompt_tokens": 128, "answer_tokens": 256, "seed": 0}, required=("kind", "file", "vocabulary")
    )
    rng = random.Random(options["seed"])
    with open(options["file"], "w", encoding="utf-8") as out:
        for _ in range(options["rows"]):
            out.write(json.dumps(row(options["kind"], rng, options)) + "\n")
    print(json.dumps({"file": options["file"], "rows": options["rows"]}))


if __name__ == "__main__":
    main()
