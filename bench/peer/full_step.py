"""One full fine-tuning step of TRL's SFTTrainer: every weight trained, every token predicted.

    python full_step.py '{"model": "folder", "data": "text.jsonl", "setting": "autocast"}'
"""

from training import measure, training_options, word_tokenizer_of


def main() -> None:
    options = training_options(rows=8)

    def build(setting, arguments, rows):
        from trl import SFTConfig, SFTTrainer

        args = SFTConfig(**arguments, model_init_kwargs={"dtype": setting["weights"]})
        return SFTTrainer(
            model=options["model"],
            args=args,
            train_dataset=rows,
            processing_class=word_tokenizer_of(options["model"]),
        )

    measure("full_step", options, batch=options["rows"], sequences=options["rows"], build=build)


if __name__ == "__main__":
    main()
