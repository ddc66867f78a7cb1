"""Whole GRPO steps of TRL's GRPOTrainer: answers, a rule's rewards, forward, backward, clip, AdamW; with the split of time.

    python grpo_step.py '{"model": "folder", "data": "prompts.jsonl", "setting": "bfloat16"}'

The loss is GRPO's as published, with the KL to the reference (the adapter turned off) at beta 0.04; TRL's default is 0, which
computes no reference. The clock begins after a small step of another trainer.
"""

import time

from training import lora, measure, training_options, word_tokenizer_of


def even_words(completions, **_) -> list:
    """The share of even words, as bench/ours-online.mjs has it."""
    said = [[int(word[1:]) for word in text.split() if word.startswith("w")] for text in completions]
    return [sum(word % 2 == 0 for word in words) / max(1, len(words)) for words in said]


def main() -> None:
    options = training_options(answers=64, samples=8, micro=8, new_tokens=128, beta=0.04)
    spent = {"generation": 0.0, "scoring": 0.0}
    lengths = []

    def timed(trainer, method: str, part: str) -> None:
        original = getattr(trainer, method)

        def run(*args, **kwargs):
            began = time.perf_counter()
            result = original(*args, **kwargs)
            spent[part] += time.perf_counter() - began
            if part == "generation":
                lengths.append(sum(len(ids) for ids in result[0]))
            return result

        setattr(trainer, method, run)

    def trainer_of(setting, arguments, rows, **sizes):
        from trl import GRPOConfig, GRPOTrainer

        own = dict(
            per_device_train_batch_size=options["micro"],
            gradient_accumulation_steps=options["answers"] // options["micro"],
            num_generations=options["samples"],
            max_completion_length=options["new_tokens"],
            loss_type="grpo",
            beta=options["beta"],
            max_steps=options["repeats"],
        )
        arguments = {key: value for key, value in arguments.items() if key != "max_length"} | own | sizes
        return GRPOTrainer(
            model=options["model"],
            args=GRPOConfig(**arguments, model_init_kwargs={"dtype": setting["weights"]}),
            reward_funcs=even_words,
            train_dataset=rows,
            processing_class=word_tokenizer_of(options["model"]),
            peft_config=lora(options, "CAUSAL_LM"),
        )

    def build(setting, arguments, rows):
        import transformers

        small = trainer_of(setting, arguments, rows, per_device_train_batch_size=2, gradient_accumulation_steps=1,
                           num_generations=2, max_completion_length=4, max_steps=1)  # fmt: skip
        small.remove_callback(transformers.PrinterCallback)
        small.train()
        del small
        trainer = trainer_of(setting, arguments, rows)
        timed(trainer, "_generate_single_turn", "generation")
        timed(trainer, "_generate_and_score_completions", "scoring")
        return trainer

    def more(clock) -> dict:
        steps = len(clock.seconds)
        generation, rest = spent["generation"] / steps, (spent["scoring"] - spent["generation"]) / steps
        update = sum(clock.seconds) / steps - generation - rest
        answer_tokens = sum(lengths) / steps
        return {
            "answer_tokens": answer_tokens,
            "tokens_per_s": round(sum(lengths) / sum(clock.seconds), 2),
            # Scoring: rewards, advantages and the reference's pass. TRL's first pass of the update gives the policy's own numbers.
            "split": {"generation": generation, "scoring": rest, "update": update},
        }

    options["warmup"] = 0
    measure("grpo_step", options, batch=options["micro"], sequences=options["answers"], build=build, prompts_only=True, more=more)


if __name__ == "__main__":
    main()
