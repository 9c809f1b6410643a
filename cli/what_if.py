"""`what-if`: another catalog over the ledger's spend of a past period."""

import typer

from cli import output
from cli.catalog import File, Format, read_file, show_wrong
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

app = CommandGroup(panel="Catalog")


@app.command("what-if")
def what_if(
    file: File,
    from_: str = typer.Option(..., "--from", help="The first day, in each brand's time zone, such as 2025-09-08."),
    to: str = typer.Option(..., "--to", help="The last day."),
    brand: str = typer.Option(None, help="Of this brand alone."),
    format_: Format = "",
) -> int:
    """Decide again on a period's spend as if a file had been in force: the difference in commands, and the money
    between. Writes nothing. Exit code 1 when there is a difference."""
    from operations import validation
    from operations.catalog_file.rows import WrongRows
    from operations.what_if.views import what_if_lines, what_if_view
    from operations.what_if.what_if import WhatIfRequest
    from operations.what_if.what_if import what_if as decide_again

    first, last = validation.day("--from", from_), validation.day("--to", to)
    brand_id = None if brand is None else validation.identifier("brand", brand)
    rows = read_file(file, format_)
    request = WhatIfRequest(first, last, brand_id)
    try:
        found = decide_again(load_settings().database, rows, request, current_moment())
    except WrongRows as error:
        show_wrong(error)
        raise
    output.show(what_if_view(found), "\n".join(what_if_lines(found)))
    return 0 if found.is_empty else 1
