"""`spendgate worker` with a defect of the core: a pause of the brand `nike` fails, the state half changed."""

import sys
from typing import Any

from cli.__main__ import main
from core import emission
from core.records import Action

BRAND = "nike"

build_command = emission.build_command


def fail(brand: Any, campaign: Any, action: Action, **at: Any) -> Any:
    if brand.brand_id == BRAND and action is Action.PAUSE:
        raise ZeroDivisionError("a defect")
    return build_command(brand, campaign, action, **at)


if __name__ == "__main__":
    emission.build_command = fail
    sys.argv.append("worker")
    main()
