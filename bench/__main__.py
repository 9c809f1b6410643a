"""`python -m bench` lists the measurements, `python -m bench NAME …` takes one, `python -m bench all` all of the page.

`all` writes docs/benchmarks.json and, from it, docs/benchmarks.md; `page` makes the second from the first alone.
"""

import argparse
import ast
import json
import runpy
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.cases import SIZES, cases, take
from bench.machine import broker, describe
from bench.page import page

_FOLDER: Final = Path(__file__).parent
_OUT: Final = _FOLDER.parent / "docs" / "benchmarks"


def main(arguments: Sequence[str]) -> int:
    scripts = measurements()
    match arguments:
        case ["all", *rest]:
            return _all(rest)
        case ["page"]:
            _write_page(_OUT)
            return 0
        case [name, *rest] if name in scripts:
            sys.argv = [name, *rest]
            runpy.run_module(f"bench.{name}", run_name="__main__")
            return 0
    print(__doc__)
    for name, about in scripts.items():
        print(f"  {name:12} {about}")
    return int(bool(arguments))


def measurements() -> dict[str, str]:
    """The first line of each module that is a program, by its name."""
    found = {}
    for path in sorted(_FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "argparse.ArgumentParser(" in text or "\ndef main() -> " in text:
            found[path.stem] = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    return {name: about for name, about in found.items() if not name.startswith("_")}


def _all(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    chosen = [case for case in cases(SIZES[options.size]) if options.only in case.group]
    listed = [{"group": it.group, "column": it.column, "arguments": it.arguments, "runs": []} for it in chosen]
    found: dict[str, Any] = {
        "command": f"make bench SIZE={options.size}",
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": describe(),
        "repeat": options.repeat,
        "cases": listed,
    }
    for _ in range(options.repeat):
        # A round has a broker of its own, so that none carries the topics of those before it.
        with broker() as kafka:
            for number, (case, row) in enumerate(zip(chosen, listed, strict=True)):
                row["runs"].append(take(case, kafka, f"case{number}-"))
                print(json.dumps([case.arguments, row["runs"][-1]]), file=sys.stderr, flush=True)
                options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    _write_page(options.out)
    return int(any("failed" in run for row in listed for run in row["runs"]))


def _write_page(out: Path) -> None:
    found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    out.with_suffix(".md").write_text(page(found), encoding="utf-8")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench all")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="", help="groups whose name has this: backlog, brands, midnight …")
    parser.add_argument("--out", type=Path, default=_OUT, help="without .json and .md, the two that are written")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
