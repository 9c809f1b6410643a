"""`python -m bench` lists the measurements, `python -m bench NAME …` takes one, `python -m bench all` all of the page.

`all` writes docs/benchmarks.json and, from it, docs/benchmarks.md, after each run; `page` makes the second from the
first alone.
"""

import argparse
import ast
import math
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.cases import SIZES, cases
from bench.results import write_pages
from bench.rounds import Plan, take_rounds

_FOLDER: Final = Path(__file__).parent
_OUT: Final = _FOLDER.parent / "docs" / "benchmarks"


def main(arguments: Sequence[str]) -> int:
    scripts = measurements()
    match arguments:
        case ["all", *rest]:
            return _all(rest)
        case ["page"]:
            write_pages(_OUT)
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
    plan = Plan(
        command=f"make bench SIZE={options.size}",
        cases=list(cases(SIZES[options.size])),
        groups=options.only.split(",") if options.only else [],
        repeat=options.repeat,
        minutes=options.minutes,
    )
    return int(not take_rounds(plan, options.out, afresh=options.afresh))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench all")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=math.inf, help="no run begins that is likely to end later")
    parser.add_argument("--only", default="", help="groups, with commas between them: backlog,brands,peers …")
    parser.add_argument("--afresh", action="store_true", help="take again what is there of the same code already")
    parser.add_argument("--out", type=Path, default=_OUT, help="without .json and .md, the two that are written")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
