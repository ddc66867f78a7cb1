"""One LoRA SFT step of TRL's SFTTrainer on prompt-completion rows, loss on the completion only.

    python sft_step.py '{"model": "folder", "data": "sft.jsonl", "setting": "bfloat16-checkpoint"}'
"""

from training import lora, measure, training_options, word_tokenizer_of


def main() -> None:
    options = training_options(rows=4)

    def build(setting, arguments, rows):
        from trl import SFTConfig, SFTTrainer

        args = SFTConfig(**arguments, model_init_kwargs={"dtype": setting["weights"]})
        return SFTTrainer(
            model=options["model"],
            args=args,
            train_dataset=rows,
            processing_class=word_tokenizer_of(options["model"]),
            peft_config=lora(options, "CAUSAL_LM"),
        )

    measure("sft_step", options, batch=options["rows"], sequences=options["rows"], build=build)


if __name__ == "__main__":
    main()
