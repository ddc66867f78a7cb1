"""Exchanges folders with Attune: transformers and PEFT load what we saved, and make what we load. JSON in, JSON out.

    python interop.py logits       '{"model": DIR, "ids": [[1, 5, 9]], "out": FILE}'
    python interop.py adapter      '{"base": DIR, "adapter": DIR, "ids": [[1, 5, 9]], "out": FILE}'
    python interop.py make-adapter '{"base": DIR, "folder": DIR, "ids": [[1, 5, 9]], "out": FILE}'

`out` receives {"logits": [rows][tokens][vocabulary]}, or {"on", "off", "merged"} of that shape with an adapter; for
the head `classification` a row has its scores: [rows][labels]. stdout has one line: the keys that the folder lacked,
that nothing read, or whose shape was wrong. All three lists must be empty, save for a classification head asked of a
causal folder: `score.weight` is missing by nature, and `lm_head.weight` unread where it is not tied.
"""

import json
import sys
import warnings
from pathlib import Path

from common import limit_threads, read_options

COMMON = {"head": "causal", "dtype": "float32", "attention_mask": None}
LOADERS = {"causal": "AutoModelForCausalLM", "classification": "AutoModelForSequenceClassification"}
TASKS = {"causal": "CAUSAL_LM", "classification": "SEQ_CLS"}


def load(folder: str, options: dict):
    """The model and the report of its loading."""
    import torch
    import transformers

    if options["head"] not in LOADERS:
        sys.exit(f"interop.py: unknown head {options['head']!r}; known: {', '.join(LOADERS)}")
    # A causal base has no `score`: what transformers then invents must be the same in each command.
    torch.manual_seed(0)
    loader = getattr(transformers, LOADERS[options["head"]])
    more = {} if options["head"] == "causal" else {"num_labels": 1}
    model, report = loader.from_pretrained(
        folder, dtype=getattr(torch, options["dtype"]), attn_implementation="eager", output_loading_info=True, **more
    )
    return model.eval(), {
        "missing": sorted(report["missing_keys"]),
        "unexpected": sorted(report["unexpected_keys"]),
        "mismatched": sorted(str(key) for key in report["mismatched_keys"]),
    }


def logits_of(model, options: dict) -> list:
    import torch

    ids = torch.tensor(options["ids"])
    mask = torch.ones_like(ids) if options["attention_mask"] is None else torch.tensor(options["attention_mask"])
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=mask).logits.float().tolist()


def three_ways(model, options: dict) -> dict:
    """Adapter on, off, and merged into the weights; the last consumes the model."""
    on = logits_of(model, options)
    with model.disable_adapter():
        off = logits_of(model, options)
    return {"on": on, "off": off, "merged": logits_of(model.merge_and_unload(), options)}


def write(file: str, content: dict) -> None:
    Path(file).write_text(json.dumps(content), encoding="utf-8")


def command_logits() -> dict:
    options = read_options(COMMON, required=("model", "ids", "out"), position=2)
    model, report = load(options["model"], options)
    write(options["out"], {"logits": logits_of(model, options)})
    return report


def command_adapter() -> dict:
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    options = read_options(COMMON, required=("base", "adapter", "ids", "out"), position=2)
    base, _ = load(options["base"], options)
    model = PeftModel.from_pretrained(base, options["adapter"]).eval()
    # PEFT only warns of adapter tensors that are missing or that it does not use: compare the names.
    with safe_open(Path(options["adapter"]) / "adapter_model.safetensors", "pt") as file:
        saved = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}
    expected = {key: tuple(value.shape) for key, value in get_peft_model_state_dict(model).items()}
    write(options["out"], three_ways(model, options))
    return {
        "missing": sorted(set(expected) - set(saved)),
        "unexpected": sorted(set(saved) - set(expected)),
        "mismatched": sorted(key for key in set(saved) & set(expected) if saved[key] != expected[key]),
    }


def command_make_adapter() -> dict:
    import torch
    from peft import LoraConfig, get_peft_model

    options = read_options(
        {**COMMON, "rank": 4, "alpha": 8, "targets": "all-linear", "rslora": False, "modules_to_save": None, "seed": 0},
        required=("base", "folder", "ids", "out"),
        position=2,
    )
    base, report = load(options["base"], options)
    config = LoraConfig(r=options["rank"], lora_alpha=options["alpha"], target_modules=options["targets"], lora_dropout=0.0,
                        use_rslora=options["rslora"], modules_to_save=options["modules_to_save"],
                        task_type=TASKS[options["head"]])  # fmt: skip
    model = get_peft_model(base, config).eval()
    torch.manual_seed(options["seed"])
    with torch.no_grad():
        # B starts at zero, which would make the adapter invisible: both factors and whole modules get noise.
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    model.save_pretrained(options["folder"])
    write(options["out"], three_ways(model, options))
    return report


COMMANDS = {"logits": command_logits, "adapter": command_adapter, "make-adapter": command_make_adapter}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"interop.py: expected a command ({', '.join(COMMANDS)}) and one JSON object")
    limit_threads(2)
    import transformers

    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(json.dumps(COMMANDS[sys.argv[1]]()), flush=True)


if __name__ == "__main__":
    main()
