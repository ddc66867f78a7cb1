"""Answers interop requests one line at a time, so that torch is imported once. Knows no case.

stdin: {"command": one of peer/interop.py's or "make", "options": {...}}; stdout: {"report": ...} or {"error": ...} a line.
"""

import contextlib
import json
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peer"))

from common import limit_threads  # noqa: E402


def make(options: dict) -> dict:
    """An adapter of PEFT's own with any of its settings; factors, magnitudes and whole modules get noise."""
    import interop
    import torch
    from peft import LoraConfig, get_peft_model

    head = options.get("head", "causal")
    asked = {**interop.COMMON, "head": head, "ids": options["ids"]}
    base, report = interop.load(options["base"], asked)
    model = get_peft_model(base, LoraConfig(task_type=interop.TASKS[head], lora_dropout=0.0, **options["lora"])).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    model.save_pretrained(options["folder"])
    interop.write(options["out"], interop.three_ways(model, asked))
    return report


def answer(request: dict) -> dict:
    import interop

    if request["command"] == "make":
        return make(request["options"])
    sys.argv = ["interop.py", request["command"], json.dumps(request["options"])]
    return interop.COMMANDS[request["command"]]()


def main() -> None:
    # What the libraries print must not stand between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    limit_threads(1)
    import transformers

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            try:
                result = {"report": answer(json.loads(line))}
            except SystemExit as error:
                result = {"error": str(error.code)}
            except Exception as error:  # noqa: BLE001  one case's failure is its result, not the end of the others
                result = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(result) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
