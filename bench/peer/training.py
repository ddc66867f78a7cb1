"""Times the steps of a real TRL trainer: builds its arguments from a setting, runs `train()`, reads the clock at each
step's begin and end. Knows no objective; each *_step.py brings its trainer class.
"""

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from common import choose_setting, limit_threads, memory_mb, print_result, read_options, versions

DEFAULTS = {
    "setting": "float32",
    "repeats": 5,
    "warmup": 1,
    "threads": 2,
    "rank": 16,
    "learning_rate": 1e-5,
    "compile": False,
    "seed": 0,
}


def training_options(**more) -> dict:
    """Options of a *_step.py: `model` (folder) and `data` (JSONL) are required."""
    options = read_options({**DEFAULTS, **more}, required=("model", "data"))
    limit_threads(options["threads"])
    return options


def read_rows(file: str):
    from datasets import Dataset

    return Dataset.from_list([json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()])


def trainer_arguments(options: dict, setting: dict, batch: int, folder: str) -> dict:
    """What every TRL config gets. Anything not named keeps TRL's default (AdamW, clipping at 1, linear schedule)."""
    return dict(
        output_dir=folder,
        max_steps=options["warmup"] + options["repeats"],
        per_device_train_batch_size=batch,
        learning_rate=options["learning_rate"],
        bf16=setting["autocast"],
        gradient_checkpointing=setting["checkpointing"],
        torch_compile=options["compile"],
        use_cpu=True,
        max_length=None,
        seed=options["seed"],
        # One log a step gives the losses; it is written after a step's end and so outside of the clock.
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def word_tokenizer_of(folder: str):
    """By its class, not by AutoTokenizer, which reads any qwen2 folder's tokenizer.json as byte-level BPE."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder)


def lora(options: dict, task: str):
    from peft import LoraConfig

    return LoraConfig(r=options["rank"], lora_alpha=2 * options["rank"], lora_dropout=0.0, target_modules="all-linear",
                      task_type=task)  # fmt: skip


def measure(name: str, options: dict, batch: int, sequences: int, build, prompts_only: bool = False, more=None) -> None:
    """`build(setting, arguments, rows)` returns a TRL trainer; `sequences`: how many the model sees in one step. Rows with
    `prompts_only` are tokenised by the trainer at every step; `more(clock)` adds to the result, and says what a token is."""
    import torch
    import transformers
    from transformers import TrainerCallback

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    setting = choose_setting("training", options["setting"])

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds, self.cpu, self.began = [], [], (0.0, 0.0)

        def on_step_begin(self, *_, **__):
            self.began = time.perf_counter(), time.process_time()

        def on_step_end(self, *_, **__):
            self.seconds.append(time.perf_counter() - self.began[0])
            self.cpu.append(time.process_time() - self.began[1])

    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_DATASETS_CACHE"] = folder
        rows = read_rows(options["data"])
        imported = memory_mb()["now"]
        trainer = build(setting, trainer_arguments(options, setting, batch, folder), rows)
        loaded = memory_mb()["now"]
        tokens = 0 if prompts_only else tokens_in(trainer.train_dataset[0])
        if not prompts_only and tokens != words_in(rows[0]):
            raise SystemExit(f"{name}: a row of {words_in(rows[0])} words became {tokens} tokens: not make_model.py's tokenizer?")
        clock = Clock()
        trainer.add_callback(clock)
        # The trainer's own table of losses belongs on stderr: stdout carries one line.
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    seconds = clock.seconds[options["warmup"] :]
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    median = statistics.median(seconds)
    print_result(
        name,
        seconds,
        setting=options["setting"],
        compile=options["compile"],
        threads=torch.get_num_threads(),
        # Of all threads: on a busy machine it tells a slow step from a step that had to wait.
        cpu_seconds=[round(value, 4) for value in clock.cpu[options["warmup"] :]],
        **(more(clock) if more else {"tokens_per_step": sequences * tokens, "tokens_per_s": round(sequences * tokens / median, 1)}),
        trainable_parameters=trainable,
        losses=[round(loss, 7) for loss in losses],
        memory_after_imports_mb=imported,
        memory_after_load_mb=loaded,
        versions=versions("torch", "transformers", "trl", "peft"),
    )


def tokens_in(example: dict) -> int:
    """Length of one sequence of the prepared data set, as the trainer itself tokenised it."""
    if "input_ids" in example:
        return len(example["input_ids"])
    return len(example.get("prompt_ids", [])) + len(example["chosen_ids"])


def words_in(row: dict) -> int:
    """What that length must be: make_data.py counts in words, one a token."""
    return sum(len(row[key].split()) for key in ("prompt", "chosen", "completion", "text") if key in row)
