"""Answers of given lengths to given prompts by transformers' `generate`, in static batches, or by its continuous batching.

    python generate.py '{"model": "folder", "data": "rows.jsonl", "rows": 16, "setting": "bfloat16"}'

Rows are taken in their order, as a program that does not know the lengths has to. A batch goes on until its longest row is done.
"""

import json
import statistics
import time
from pathlib import Path

from common import choose_setting, limit_threads, memory_mb, print_result, read_options, versions


def main() -> None:
    options = read_options(
        {"setting": "float32", "rows": 16, "repeats": 2, "warmup": 1, "threads": 2, "equal_tokens": 0}, required=("model", "data")
    )
    setting = choose_setting("generation", options["setting"])
    limit_threads(options["threads"])
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    imported = memory_mb()["now"]
    model = transformers.AutoModelForCausalLM.from_pretrained(options["model"], dtype=getattr(torch, setting["weights"]))
    model.eval()
    given = [json.loads(line) for line in Path(options["data"]).read_text(encoding="utf-8").splitlines()]
    prompts = [[int(word[1:]) for word in row["prompt"].split()] for row in given]
    limits = [options["equal_tokens"] or row["new_tokens"] for row in given]
    run = continuous if setting["continuous"] else static
    seconds = []
    for repeat in range(options["warmup"] + options["repeats"]):
        # A few tokens of the first batch are warm-up enough.
        warm = repeat < options["warmup"]
        asked = (prompts[: options["rows"]], [4] * options["rows"]) if warm else (prompts, limits)
        began = time.perf_counter()
        # Continuous batching writes to tensors of another thread, which inference mode forbids.
        with torch.no_grad() if setting["continuous"] else torch.inference_mode():
            run(model, *asked, options["rows"])
        if not warm:
            seconds.append(time.perf_counter() - began)
    print_result(
        "generate",
        seconds,
        setting=options["setting"],
        threads=torch.get_num_threads(),
        answer_tokens=sum(limits),
        tokens_per_s=round(sum(limits) / statistics.median(seconds), 1),
        memory_after_imports_mb=imported,
        versions=versions("torch", "transformers"),
    )


def static(model, prompts: list, limits: list, rows: int) -> None:
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Lengths(StoppingCriteria):
        """Each row is done at its own length, as if it had said the end there."""

        def __init__(self, ends):
            self.ends = torch.tensor(ends)

        def __call__(self, input_ids, scores, **_):
            return input_ids.shape[1] >= self.ends

    for at in range(0, len(prompts), rows):
        batch = torch.tensor(prompts[at : at + rows])
        own = limits[at : at + rows]
        ends = Lengths([batch.shape[1] + limit for limit in own])
        out = model.generate(batch, attention_mask=torch.ones_like(batch), do_sample=False, use_cache=True,
                             min_new_tokens=max(own), max_new_tokens=max(own), stopping_criteria=StoppingCriteriaList([ends]))  # fmt: skip
        assert out.shape[1] == batch.shape[1] + max(own)


def continuous(model, prompts: list, limits: list, rows: int) -> None:
    """The continuous batching of transformers, each row with a limit of its own."""
    from transformers import ContinuousBatchingConfig, GenerationConfig

    config = GenerationConfig(do_sample=False, max_new_tokens=max(limits), eos_token_id=-1, pad_token_id=0)
    batching = ContinuousBatchingConfig(max_requests_per_batch=rows, num_blocks=2 * rows)
    with model.continuous_batching_context_manager(
        generation_config=config, continuous_batching_config=batching, block=True, timeout=5
    ) as manager:
        for prompt, limit in zip(prompts, limits, strict=True):
            manager.add_request(input_ids=prompt, max_new_tokens=limit)
        results = [manager.get_result(timeout=120) for _ in prompts]
    said = sorted(len(result.generated_tokens) for result in results)
    assert said == sorted(limits), "a row ended at another length"


if __name__ == "__main__":
    main()
