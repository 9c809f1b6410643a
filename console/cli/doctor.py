"""`doctor`: is the installation configured right?"""

import asyncio

import typer

from console.cli import output
from console.cli.environment import load_settings
from console.cli.frame import App

app = App()


@app.command()
def doctor() -> None:
    """Is all configured right? Exit code 1 when something is not."""
    from console.operations.doctor import examine

    findings = asyncio.run(examine(load_settings()))
    facts = [
        {"check": one.check, "good": one.good, "said": one.said, "mend": None if one.good else one.mend}
        for one in findings
    ]
    lines = [
        f"{'ok   ' if one.good else 'WRONG'} {one.check:<15} {one.said}{'' if one.good else f': {one.mend}'}"
        for one in findings
    ]
    output.show({"findings": facts}, "\n".join(lines))
    if not all(one.good for one in findings):
        raise typer.Exit(1)
