"""One LoRA step of TRL's RewardTrainer: Bradley-Terry loss on a one-label sequence classifier whose head is trained.

    python reward_step.py '{"model": "folder", "data": "pairs.jsonl", "setting": "bfloat16-checkpoint"}'
"""

from training import lora, measure, training_options, word_tokenizer_of


def main() -> None:
    options = training_options(pairs=2)

    def build(setting, arguments, rows):
        from trl import RewardConfig, RewardTrainer

        args = RewardConfig(**arguments, model_init_kwargs={"dtype": setting["weights"]})
        # PEFT adds the head to the trained modules itself: the task says so.
        return RewardTrainer(
            model=options["model"],
            args=args,
            train_dataset=rows,
            processing_class=word_tokenizer_of(options["model"]),
            peft_config=lora(options, "SEQ_CLS"),
        )

    measure("reward_step", options, batch=options["pairs"], sequences=2 * options["pairs"], build=build)


if __name__ == "__main__":
    main()
