"""`doctor`: is the installation configured right?"""

import typer

from cli import output
from cli.environment import advice_on_defaults, load_settings
from cli.framework import CommandGroup

app = CommandGroup()


@app.command()
def doctor(
    client: str = typer.Option(
        None,
        "--for",
        metavar="PROCESS|COMMAND",
        help="On Kafka, ask for the rights of this one alone, where each enters with a user of its own.",
    ),
) -> None:
    """Is all configured right? Exit code 1 when something is not."""
    import asyncio

    from operations.doctor import examine
    from operations.validation import one_of
    from streams.kafka.rights import CLIENTS

    chosen = None if client is None else CLIENTS[one_of("process or command with rights", client, list(CLIENTS))]
    findings = asyncio.run(examine(load_settings(), chosen))
    facts = [
        {"check": one.check, "good": one.good, "said": one.result, "mend": None if one.good else one.mend}
        for one in findings
    ]
    lines = [
        f"{'ok   ' if one.good else 'WRONG'} {one.check:<15} {one.result}{'' if one.good else f': {one.mend}'}"
        for one in findings
    ]
    output.show({"findings": facts}, "\n".join(lines))
    unreachable = any(one.check in ("broker", "database") and not one.good for one in findings)
    if unreachable and (advice := advice_on_defaults()):
        output.note(advice)
    if not all(one.good for one in findings):
        raise typer.Exit(1)
