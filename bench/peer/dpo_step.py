"""One LoRA DPO step of TRL's DPOTrainer: forward, live reference (adapter off), backward, clip, AdamW.

    python dpo_step.py '{"model": "folder", "data": "pairs.jsonl", "setting": "bfloat16-checkpoint"}'
"""

from training import lora, measure, training_options, word_tokenizer_of


def main() -> None:
    options = training_options(pairs=2, beta=0.1)

    def build(setting, arguments, rows):
        from trl import DPOConfig, DPOTrainer

        args = DPOConfig(
            **arguments, beta=options["beta"], precompute_ref_log_probs=False, model_init_kwargs={"dtype": setting["weights"]}
        )
        return DPOTrainer(
            model=options["model"],
            args=args,
            train_dataset=rows,
            processing_class=word_tokenizer_of(options["model"]),
            peft_config=lora(options, "CAUSAL_LM"),
        )

    measure("dpo_step", options, batch=options["pairs"], sequences=2 * options["pairs"], build=build)


if __name__ == "__main__":
    main()
