"""Which commands a list shows as one."""

import msgspec

from core.records import Action, CauseKind, CauseRecord, ControlCommand
from operations.command_words import feed_group
from tests.console.live.test_broadcaster import received

EDIT = received(1).command


def changed(command: ControlCommand, **fields: object) -> ControlCommand:
    return msgspec.structs.replace(command, **fields)


def test_commands_that_one_record_made_belong_together() -> None:
    cause = CauseRecord(kind=CauseKind.SPEND, topic="spend-events", partition=0, offset=7)
    spend = changed(EDIT, cause=cause, reasons=["daily_budget"])
    assert feed_group(spend) == feed_group(changed(spend, campaign_id="c", reasons=["daily_budget", "schedule"]))
    assert feed_group(spend) != feed_group(changed(spend, cause=msgspec.structs.replace(cause, offset=8)))
    assert feed_group(spend) != feed_group(changed(spend, action=Action.RESUME))
    assert feed_group(spend) != feed_group(changed(spend, brand_id="puma"))


def test_edits_belong_together_when_their_reasons_are_the_same() -> None:
    assert feed_group(EDIT) == feed_group(received(2).command)
    assert feed_group(EDIT) != feed_group(changed(EDIT, reasons=["archived"]))
