"""What every peer script shares: options, the process's memory, the result line. Knows no trainer and no model."""

import json
import os
import re
import resource
import statistics
import sys
from pathlib import Path

SETTINGS = json.loads((Path(__file__).parent / "settings.json").read_text())


def read_options(defaults: dict, required: tuple = (), position: int = 1) -> dict:
    """The JSON object at `position` of the command line over `defaults`; unknown and missing keys are refused."""
    script = Path(sys.argv[0]).name
    text = sys.argv[position] if len(sys.argv) > position else "{}"
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        sys.exit(f"{script}: expected one JSON object of options, got {text[:80]!r}: {error}")
    known = set(defaults) | set(required)
    unknown = sorted(set(given) - known)
    if unknown:
        sys.exit(f"{script}: unknown option {unknown[0]!r}; known: {', '.join(sorted(known))}")
    missing = [name for name in required if name not in given]
    if missing:
        sys.exit(f"{script}: option {missing[0]!r} is required")
    return {**defaults, **given}


def choose_setting(kind: str, name: str) -> dict:
    """One entry of settings.json."""
    if name not in SETTINGS[kind]:
        sys.exit(f"unknown setting {name!r}; known: {', '.join(SETTINGS[kind])}")
    return SETTINGS[kind][name]


def limit_threads(threads: int) -> None:
    """Must run before torch is imported: OpenMP reads its variable once."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch

    torch.set_num_threads(threads)


def memory_mb() -> dict:
    """Resident memory of this process in MiB: now, and the most it ever was."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    now = peak
    if os.path.exists("/proc/self/status"):
        status = Path("/proc/self/status").read_text()
        now = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
        # VmHWM is this program's; ru_maxrss may still hold the size of the process that started it.
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    return {"now": round(now, 1), "peak": round(peak, 1)}


def versions(*names: str) -> dict:
    from importlib.metadata import version

    return {name: version(name) for name in names}


def print_result(name: str, seconds: list, **rest) -> None:
    """The one line that a peer script prints on stdout. `seconds`: one number a repeat, warm-up not among them."""
    result = {
        "name": name,
        "seconds": [round(value, 4) for value in seconds],
        "median_s": round(statistics.median(seconds), 4),
        "peak_memory_mb": memory_mb()["peak"],
        **rest,
    }
    print(json.dumps(result), flush=True)
