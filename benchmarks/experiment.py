"""What experiments have in common: contenders in processes of their own, and how they end."""

import json
import os
import subprocess
import sys
from pathlib import Path

#: Where results go that are committed.
OUTPUT = Path(__file__).parent / "experiments"


def in_a_process(module, contender, data, python=sys.executable, environ=None, limit=None):
    """What ``python -m benchmarks.MODULE CONTENDER DATA`` prints last; ``failed`` says why not.

    ``environ`` are variables beside those of this process, ``limit`` are seconds.
    """
    command = [python, "-m", f"benchmarks.{module}", contender, str(data)]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parents[1], env=os.environ | (environ or {}),
            capture_output=True, text=True, check=False, timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {limit} seconds"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def noted(result, text):
    """The table of a result under its note, if it has one."""
    return f"{result.get('note', '')}\n\n{text}".strip()


def conclude(result, text, args, name):
    """Print the table; save the result as JSON, a quick one only where ``--output`` says."""
    print(text)
    output = args.output or (None if args.quick else OUTPUT)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        saved = json.dumps(result, ensure_ascii=False, indent=1)
        (output / f"{name}.json").write_text(saved + "\n")
        print(f"Written to {output / name}.json")
    return 0
