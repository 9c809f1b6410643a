"""`report`: a brand's month, campaign by day."""

import typer

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup
from streams.clock import current_moment

app = CommandGroup(panel="Spend and decisions")


@app.command()
def report(
    brand: str = typer.Argument(metavar="BRAND", help="The brand's id."),
    month: str = typer.Argument(metavar="MONTH", help="Such as 2025-09."),
) -> None:
    """A brand's month as CSV, or with --json: campaign by day, with budget, spend, variance, hours off by
    reason."""
    from models.session import session_scope
    from operations import validation
    from operations.report.report import month_of, read_report, report_csv, report_view

    brand_id, first = validation.identifier("brand", brand), month_of(month)
    with session_scope(load_settings().database) as session:
        found = read_report(session, brand_id, first, current_moment())
    if output.is_json():
        output.show(report_view(found), "")
    else:
        output.write_file(report_csv(found))
