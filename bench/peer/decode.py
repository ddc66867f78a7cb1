"""Greedy decoding by transformers' `generate` with its KV cache, the prompt's pass timed apart.

    python decode.py '{"model": "folder", "batch": 16, "setting": "bfloat16"}'
"""

import statistics
import time

from common import choose_setting, limit_threads, memory_mb, print_result, read_options, versions


def main() -> None:
    options = read_options(
        {"setting": "float32", "batch": 1, "prompt_tokens": 128, "new_tokens": 64, "repeats": 5, "warmup": 1, "threads": 2,
         "cache": "dynamic", "compile": False, "seed": 0},
        required=("model",),
    )  # fmt: skip
    setting = choose_setting("decoding", options["setting"])
    limit_threads(options["threads"])
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    imported = memory_mb()["now"]
    model = transformers.AutoModelForCausalLM.from_pretrained(options["model"], dtype=getattr(torch, setting["weights"]))
    model.eval()
    if options["compile"]:
        model.forward = torch.compile(model.forward)
    generator = torch.Generator().manual_seed(options["seed"])
    shape = (options["batch"], options["prompt_tokens"])
    prompts = torch.randint(3, model.config.vocab_size, shape, generator=generator)

    def generate(count: int):
        more = {} if options["cache"] == "dynamic" else {"cache_implementation": options["cache"]}
        began = time.perf_counter()
        with torch.inference_mode():
            # min = max: random weights may well say the end-of-text token, and both sides must do the same work.
            out = model.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=False, use_cache=True,
                                 min_new_tokens=count, max_new_tokens=count, **more)  # fmt: skip
        assert out.shape[1] == options["prompt_tokens"] + count
        return time.perf_counter() - began, out

    prefill, whole = [], []
    for repeat in range(options["warmup"] + options["repeats"]):
        first, _ = generate(1)
        total, out = generate(options["new_tokens"])
        if repeat >= options["warmup"]:
            prefill.append(first)
            whole.append(total)
    steps = [total - first for total, first in zip(whole, prefill, strict=True)]
    rows, new = options["batch"], options["new_tokens"]
    print_result(
        "decode",
        whole,
        setting=options["setting"],
        cache=options["cache"],
        compile=options["compile"],
        threads=torch.get_num_threads(),
        batch=rows,
        # Tokens after the first one, over the time after the prompt's pass: the rate of the decoding loop alone.
        tokens_per_s=round(rows * (new - 1) / statistics.median(steps), 1),
        whole_tokens_per_s=round(rows * new / statistics.median(whole), 1),
        prefill_seconds=[round(value, 4) for value in prefill],
        prefill_tokens_per_s=round(rows * options["prompt_tokens"] / statistics.median(prefill), 1),
        first_row=out[0, options["prompt_tokens"] :].tolist(),
        memory_after_imports_mb=imported,
        versions=versions("torch", "transformers"),
    )


if __name__ == "__main__":
    main()
