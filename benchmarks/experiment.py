"""What every experiment does with its result in the end."""

import json
from pathlib import Path

#: Where results go that are committed.
OUTPUT = Path(__file__).parent / "experiments"


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
