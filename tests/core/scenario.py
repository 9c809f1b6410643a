"""A scenario is a table of text: one record a line, and under it, after `->`, the commands that it must make.

    day 2025-09-08                                 dates are UTC and of this day until the next `day`
    09:00 brand nike zone=Asia/Karachi daily=100   a document; what is not named stays as it was
    09:00 campaign a windows="daily 09:00-17:00"   of the brand named last
    09:00 brand nike pacing=even overrides="2025-09-09..2025-09-10 daily=500;2025-10-01..2025-10-31 monthly=none"
    10:00 spend a 100 t=09:59 id=e1                `t` is occurred_at ("none": absent); the first time is the arrival
      -> pause a daily_budget resumes_at=19:00     nothing else, and nothing after a line without `->`
    10:00 snapshot google a 2025-09-08 12.00 as_of=09:59  of a platform; the spend that it makes is counted at once
    19:00 tick                                     also `due=18:00`, and `tick until=09T07:00 every=1`
    19:00 reset daily Asia/Karachi
      -> resume a @19:00                           `@` is decided_at, the arrival where it is not given
    == nike day=2025-09-09 daily=0.00 monthly=100.00
    == a reasons=none total=100.00
    12:00 spend a 5
      -> raised threshold daily_budget 80 number=2  an alert; looked at where the table says `alerts`
    hold / release / restart                       awaited resumes wait / are told; the state is stored and restored

The first command of each campaign is left out unless the table says `first`. An alert's words after its kind are its
budget and percent, or its campaign, or `name=value` of any other field.
"""

import json
import shlex
from dataclasses import dataclass, field

import msgspec

from core.correction import Correction, read_correction
from core.decide import decide_correction, decide_spend
from core.decide_catalog import decide_brand, decide_campaign
from core.decide_snapshot import decide_snapshot
from core.decide_time import Reset, Tick, decide_tick, reset_steps
from core.duplicates import DuplicateWindow
from core.emission import release_resumes
from core.guard import Undecidable
from core.moment import MINUTE, Moment, format_moment, parse_moment
from core.money import format_money
from core.reasons import reason_names
from core.records import BudgetAlert, ControlCommand, SpendEvent
from core.refusal import Refusal
from core.snapshot import Snapshot, read_snapshot
from core.spend import Spend, read_spend
from core.state import BrandState, CampaignState, Origin, PartitionState
from core.state_changes import take_changes
from core.state_restore import restore
from core.verdict import Verdict
from core.windows import parse_window

__all__ = ["Scenario", "check", "decide_reset", "new_state"]

PARTITION = 1
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Fields = dict[str, str]


def check(table: str) -> "Scenario":
    """Run the table; fail at the first line whose commands or totals are others."""
    scenario = Scenario()
    lines = [line.strip() for line in table.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        expected = []
        while at < len(lines) and lines[at].startswith("->"):
            expected.append(lines[at])
            at += 1
        scenario.run(line)
        scenario.expect(line, expected)
    return scenario


def decide_reset(state: PartitionState, reset: Reset, origin: Origin) -> list[Undecidable]:
    """Take all steps of a reset at once; returns the failures."""
    return [failure for failure in reset_steps(state, reset, origin) if failure is not None]


def new_state(capacity: int = 1_000_000) -> PartitionState:
    return PartitionState(PARTITION, DuplicateWindow(capacity))


@dataclass
class Scenario:
    """Feeds lines to one partition as the worker feeds records."""

    state: PartitionState = field(default_factory=new_state)
    #: Every command told, first states included.
    commands: list[ControlCommand] = field(default_factory=list)
    #: Every alert raised or resolved.
    alerts: list[BudgetAlert] = field(default_factory=list)
    verdicts: list[Verdict | Refusal] = field(default_factory=list)
    #: Every spend event that snapshots made.
    spend_events: list[SpendEvent] = field(default_factory=list)
    stored: dict[bytes, bytes] = field(default_factory=dict)
    first_shown: bool = False
    alerts_shown: bool = False
    held: bool = False
    _day: str = ""
    brand_id: str = ""
    _arrival: Moment = 0
    _documents: dict[str, dict[str, object]] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    _checked: int = 0
    _checked_alerts: int = 0
    _flushed: int = 0
    _flushed_alerts: int = 0
    _flushed_catalog: str = ""

    def run(self, line: str) -> None:
        """One line of a table, without its expectations."""
        words = shlex.split(line)
        match words[0]:
            case "day":
                self._day = words[1]
            case "first":
                self.first_shown = True
            case "alerts":
                self.alerts_shown = True
            case "hold":
                self.held = True
            case "release":
                self.held = False
            case "restart":
                self.restart()
            case "==":
                self._compare(words[1], dict(word.split("=", 1) for word in words[2:]))
            case _:
                self._record(words)
        if not self.held:
            release_resumes(self.state, self.state.pending_resumes.values())
        self.commands += self.state.commands
        self.state.commands.clear()
        self.alerts += self.state.alerts
        self.state.alerts.clear()

    def expect(self, line: str, expected: list[str]) -> None:
        self._expect_alerts(line, [it for it in expected if it.split()[1] in ("raised", "resolved")])
        expected = [it for it in expected if it.split()[1] not in ("raised", "resolved")]
        observed = [it for it in self.commands[self._checked :] if self.first_shown or it.sequence > 1]
        self._checked = len(self.commands)
        assert len(observed) == len(expected), f"{line}\n  told {[_summary(it) for it in observed]}\n  not  {expected}"
        for command, text in zip(observed, expected, strict=True):
            wanted = self._wanted(text)
            got = {name: _field(command, name) for name in wanted}
            assert got == wanted, f"{line}\n  told {got}\n  not  {wanted}"

    def _expect_alerts(self, line: str, expected: list[str]) -> None:
        observed, self._checked_alerts = self.alerts[self._checked_alerts :], len(self.alerts)
        if not self.alerts_shown:
            assert not expected, "the table does not say `alerts`"
            return
        summaries = [_alert_summary(it) for it in observed]
        assert len(observed) == len(expected), f"{line}\n  alerts {summaries}\n  not  {expected}"
        for alert, text in zip(observed, expected, strict=True):
            wanted = _wanted_alert(text)
            got = {name: _alert_field(alert, name) for name in wanted}
            assert got == wanted, f"{line}\n  alerts {summaries}\n  not  {expected}"

    def restart(self) -> None:
        """A clean stop: store what changed, forget everything, restore it."""
        self.flush()
        self.crash()

    def crash(self) -> None:
        """Forget everything since the last flush, its commands too; its records come again."""
        self.state = new_state(self.state.duplicates.capacity)
        part = restore(self.state, [(key.decode(), value) for key, value in self.stored.items()])
        assert part is not None
        self.offsets = dict(part.positions)
        self.brand_id, self._documents = json.loads(self._flushed_catalog)
        del self.commands[self._flushed :], self.alerts[self._flushed_alerts :]

    def flush(self) -> None:
        for key, value in take_changes(self.state, {}, dict(self.offsets)):
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value
        self._flushed, self._flushed_alerts = len(self.commands), len(self.alerts)
        self._flushed_catalog = json.dumps([self.brand_id, self._documents])

    def brand(self, brand_id: str = "") -> BrandState:
        return self.state.brands[brand_id or self.brand_id]

    def campaign(self, campaign_id: str) -> CampaignState:
        return self.state_summary(campaign_id)[1]

    def _record(self, words: list[str]) -> None:
        self._arrival = self._moment(words[0])
        plain = [word for word in words[2:] if "=" not in word]
        fields = dict(word.split("=", 1) for word in words[2:] if "=" in word)
        match words[1]:
            case "brand":
                self.brand_id = plain[0]
                self._decide_brand(plain[0], fields)
            case "campaign":
                self._decide_campaign(plain[0], fields)
            case "spend":
                self._decide_spend(plain, fields)
            case "correct":
                self._decide_correction(plain, fields)
            case "snapshot":
                self._decide_snapshot(plain, fields)
            case "tick":
                self._tick(fields)
            case "reset":
                due_at = self._moment(fields["due"]) if "due" in fields else self._arrival
                decide_reset(self.state, Reset(plain[1], due_at), self._origin("budget-resets"))
            case verb:
                raise AssertionError(f"no such verb: {verb}")

    def _decide_brand(self, brand_id: str, fields: Fields) -> None:
        document = self._documents.setdefault(
            brand_id, {"kind": "brand", "brand_id": brand_id, "version": 0, "currency": "USD"}
        )
        document["version"] = int(str(document["version"])) + 1
        for name, text in fields.items():
            match name:
                case "zone":
                    document["zones"] = [self._zone(part) for part in text.split(",")]
                case "daily" | "monthly":
                    document[f"{name}_budget"] = None if text == "none" else text
                case "percents":
                    document["alert_percents"] = json.loads(f"[{text}]")
                case "silent":
                    document["silent_after_minutes"] = None if text == "none" else int(text)
                case "overrides":
                    document["budget_overrides"] = [_override(part) for part in text.split(";") if part]
                case "pacing":
                    document["pacing"] = text
                case _:
                    document[name] = _plain(text)
        value = json.dumps(document).encode()
        self.verdicts.append(decide_brand(self.state, brand_id, value, self._origin("catalog")))

    def _decide_campaign(self, campaign_id: str, fields: Fields) -> None:
        key = f"{self.brand_id}/{campaign_id}"
        document = self._documents.setdefault(
            key, {"kind": "campaign", "brand_id": self.brand_id, "campaign_id": campaign_id, "version": 0}
        )
        document["version"] = int(str(document["version"])) + 1
        for name, text in fields.items():
            match name:
                case "windows":
                    document["windows"] = [_window(part) for part in text.split(";") if part]
                case "daily" | "total":
                    document[f"{name}_budget"] = None if text == "none" else text
                case "overrides":
                    document["budget_overrides"] = [_override(part) for part in text.split(";") if part]
                case "raw":
                    pass
                case _:
                    document[name] = _plain(text)
        value = fields["raw"].encode() if "raw" in fields else json.dumps(document).encode()
        verdict = decide_campaign(self.state, self.brand_id, campaign_id, value, self._origin("catalog"))
        self.verdicts.append(verdict)

    def _decide_spend(self, plain: list[str], fields: Fields) -> None:
        origin = self._origin("spend-events")
        event = {
            "event_id": fields.get("id", f"spend-{origin.offset}"),
            "brand_id": fields.get("brand", self.brand_id),
            "campaign_id": plain[0],
            "amount": plain[1],
        }
        if "currency" in fields:
            event["currency"] = fields["currency"]
        if fields.get("t") != "none":
            event["occurred_at"] = format_moment(self._moment(fields["t"]) if "t" in fields else self._arrival)
        spend = read_spend(json.dumps(event).encode())
        assert isinstance(spend, Spend), spend
        self.verdicts.append(decide_spend(self.state, spend, origin.topic, origin.offset, origin.arrival))

    def _decide_correction(self, plain: list[str], fields: Fields) -> None:
        origin = self._origin("spend-corrections")
        record = {
            "correction_id": fields.get("id", f"correction-{origin.offset}"),
            "brand_id": fields.get("brand", self.brand_id),
            "campaign_id": plain[0],
            "amount": plain[1],
            "booked_on": fields["on"],
            "opening": fields.get("opening") == "yes",
        }
        correction = read_correction(json.dumps(record).encode())
        assert isinstance(correction, Correction), correction
        self.verdicts.append(decide_correction(self.state, correction, origin))

    def _decide_snapshot(self, plain: list[str], fields: Fields) -> None:
        source, campaign_id, day, cost = plain
        origin = self._origin("spend-snapshots")
        record = {
            "source": source,
            "brand_id": fields.get("brand", self.brand_id),
            "campaign_id": campaign_id,
            "day": day,
            "cost": cost,
            "as_of": format_moment(self._moment(fields["as_of"]) if "as_of" in fields else self._arrival),
        }
        if "currency" in fields:
            record["currency"] = fields["currency"]
        snapshot = read_snapshot(json.dumps(record).encode())
        assert isinstance(snapshot, Snapshot), snapshot
        self.verdicts.append(decide_snapshot(self.state, snapshot, origin.arrival))
        for event, arrival in self.state.spend_events:
            self.spend_events.append(event)
            spend, origin = read_spend(msgspec.json.encode(event)), self._origin("spend-events")
            assert isinstance(spend, Spend), spend
            self.verdicts.append(decide_spend(self.state, spend, origin.topic, origin.offset, arrival))
        self.state.spend_events.clear()

    def _tick(self, fields: Fields) -> None:
        step = int(fields.get("every", "1")) * MINUTE
        until = self._moment(fields["until"]) if "until" in fields else self._arrival
        for arrival in range(self._arrival, until + 1, step):
            self._arrival = arrival
            due_at = self._moment(fields["due"]) if "due" in fields else self._arrival
            decide_tick(self.state, Tick(due_at), self._origin("dayparting-ticks"))
            if not self.held:
                release_resumes(self.state, self.state.pending_resumes.values())

    def _origin(self, topic: str) -> Origin:
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        return Origin(topic, offset, self._arrival)

    def _compare(self, name: str, wanted: Fields) -> None:
        got = self._brand_fields(name) if name in self.state.brands else self._campaign_fields(name)
        assert {key: got[key] for key in wanted} == wanted, name

    def _brand_fields(self, brand_id: str) -> Fields:
        brand = self.brand(brand_id)
        assert brand.day and brand.month
        return {
            "day": brand.day.date.isoformat(),
            "month": f"{brand.month.first:%Y-%m}",
            "daily": format_money(brand.daily_micros),
            "monthly": format_money(brand.monthly_micros),
            "allowance": "none" if brand.daily_allowance_micros is None else format_money(brand.daily_allowance_micros),
        }

    def _campaign_fields(self, campaign_id: str) -> Fields:
        _, campaign = self.state_summary(campaign_id)
        return {
            "daily": format_money(campaign.daily_micros),
            "total": format_money(campaign.total_micros),
            "reasons": ",".join(reason_names(campaign.reasons)) or "none",
            "told": str(campaign.last_action),
            "sequence": str(campaign.sequence),
        }

    def state_summary(self, campaign_id: str) -> tuple[BrandState, CampaignState]:
        brands = [it for it in self.state.brands.values() if campaign_id in it.campaigns]
        assert len(brands) == 1, campaign_id
        return brands[0], brands[0].campaigns[campaign_id]

    def _wanted(self, text: str) -> Fields:
        _, action, campaign_id, *words = text.split()
        wanted = {
            "action": action,
            "campaign_id": campaign_id,
            "decided_at": format_moment(self._arrival),
            "reasons": "",
        }
        if action == "pause" and words and "=" not in words[0] and words[0][0] != "@":
            wanted["reasons"] = words.pop(0)
        for word in words:
            name, _, value = word.partition("=") if "=" in word else ("decided_at", "=", word[1:])
            is_moment = name in ("decided_at", "resumes_at", "pauses_at") and value != "none"
            wanted[name] = format_moment(self._moment(value)) if is_moment else value
        return wanted

    def _zone(self, text: str) -> dict[str, str | None]:
        name, _, since = text.partition("@")
        return {"time_zone": name, "from": format_moment(self._moment(since)) if since else None}

    def _moment(self, text: str) -> Moment:
        """`09:00`, `09:00:01.5`, `09T07:00` of this month, `10-01T07:00` of this year, or a full one."""
        day, separator, clock = text.rpartition("T")
        seconds = ":00" if clock.count(":") == 1 else ""
        return parse_moment(f"{self._day[: len(self._day) - len(day)]}{day}{separator or 'T'}{clock}{seconds}Z")


def _field(command: ControlCommand, name: str) -> str:
    if name == "reasons":
        return ",".join(command.reasons)
    if name in ("daily", "monthly", "day", "month"):
        suffix = {"daily": "daily_spent", "monthly": "monthly_spent"}.get(name, name)
        return str(getattr(command.brand, suffix))
    if name in ("daily_budget", "monthly_budget", "daily_allowance"):
        return str(getattr(command.brand, name))
    if name == "campaign_daily_budget":
        return str(command.campaign.daily_budget)
    if name == "total":
        return command.campaign.total_spent
    if name == "cause":
        return str(command.cause.kind)
    value = getattr(command, name)
    return "none" if value is None else str(value)


def _summary(command: ControlCommand) -> str:
    return f"{command.action} {command.campaign_id} {','.join(command.reasons)} @{command.decided_at}"


def _wanted_alert(text: str) -> Fields:
    _, state, kind, *words = text.split()
    wanted = {"state": state, "kind": kind} | dict(word.split("=", 1) for word in words if "=" in word)
    plain = [word for word in words if "=" not in word]
    names = ("budget", "percent") if kind == "threshold" else ("campaign_id",)
    return wanted | dict(zip(names, plain, strict=kind == "threshold"))


def _alert_field(alert: BudgetAlert, name: str) -> str:
    if name == "number":
        return alert.alert_id.rpartition(":")[2]
    value = getattr(alert, name)
    return "none" if value is None else str(value)


def _alert_summary(alert: BudgetAlert) -> str:
    return f"{alert.state} {alert.alert_id} @{alert.decided_at}"


def _window(text: str) -> dict[str, object]:
    days, clock = text.strip().rsplit(" ", 1)
    from_, to = clock.split("-")
    if from_ == to:
        return {"days": list(DAY_NAMES), "from": from_, "to": to}
    window = parse_window(f"{days} {clock}")
    return {"days": [DAY_NAMES[day] for day in window.days], "from": from_, "to": to}


def _override(text: str) -> dict[str, str | None]:
    """`2026-11-27..2026-11-28 daily=500`, one or both of `daily` and `monthly`."""
    dates, *budgets = text.split()
    first, last = dates.split("..")
    named = (it.split("=") for it in budgets)
    return {"from": first, "to": last, **{f"{name}_budget": None if it == "none" else it for name, it in named}}


def _plain(text: str) -> object:
    return {"yes": True, "no": False, "none": None}.get(text, text)
