"""The privileges in PostgreSQL of each process, and of the commands that people run.

`spendgate database roles` prints them as GRANT statements, `spendgate doctor` names those that are missing.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import text

from models.session import engine_of
from models.tables.registry import metadata

__all__ = ["DatabaseRole", "Verb", "missing_privileges", "privileges_of", "public_statements", "statements"]


class DatabaseRole(StrEnum):
    """Who connects. The worker does not: it needs no database."""

    MIGRATOR = "migrator"  # `spendgate migrate`: it owns the tables
    SCHEDULER = "scheduler"
    LEDGER = "ledger"
    NOTIFIER = "notifier"
    API = "api"
    OPERATOR = "operator"  # every other command


class Verb(StrEnum):
    SELECT = "SELECT"
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


Privileges: TypeAlias = dict[str, frozenset[Verb]]
"""Table or view -> what may be done with its rows."""

_READ: Final = frozenset({Verb.SELECT})
_ADD: Final = _READ | {Verb.INSERT}
_EDIT: Final = _ADD | {Verb.UPDATE}
_ALL: Final = _EDIT | {Verb.DELETE}

#: The view of `spend_log` and `spend_repeat` without what the controller has refused.
_SPEND_COUNTED: Final = "spend_counted"
_REVISION: Final = "alembic_version"
_EVERYTHING: Final = (*sorted(metadata.tables), _SPEND_COUNTED)
_SUMMED: Final = ("ledger_hole", "ledger_position", "spend_unbooked", "topic_incarnation", _SPEND_COUNTED)

#: Whoever edits the catalog also relays: the scheduler's relay takes what is left over. After a restore of a backup a
#: relay edits too: it adopts documents that are in force.
_EDITS_CATALOG: Final[Privileges] = {
    **dict.fromkeys(("brand", "brand_zone", "campaign", "catalog_outbox", "catalog_record"), _EDIT),
    **dict.fromkeys(("daypart_window", "catalog_position"), _ALL),
    "change": _ADD,
    "replay_run": _READ,
}
_SENDS: Final[Privileges] = {"delivery": _ALL, "notifier_position": _EDIT}

_PRIVILEGES: Final[dict[DatabaseRole, Privileges]] = {
    DatabaseRole.MIGRATOR: {},
    DatabaseRole.SCHEDULER: {
        **_EDITS_CATALOG,
        **dict.fromkeys(_SUMMED, _READ),
        "reconcile_run": _ADD,
    },
    # Nothing that it has written can it change, but for what says where it goes on and what waits for a brand.
    DatabaseRole.LEDGER: {
        **dict.fromkeys(("control_ack", "control_log", "spend_correction", "spend_log", "spend_refusal"), _ADD),
        **dict.fromkeys(("spend_repeat", "ledger_hole"), _ADD),
        **dict.fromkeys(("ledger_position", "topic_incarnation"), _EDIT),
        "spend_unbooked": _ADD | {Verb.DELETE},
        _SPEND_COUNTED: _READ,
    },
    DatabaseRole.NOTIFIER: {"channel": _READ | {Verb.UPDATE}, **_SENDS},  # UPDATE: it locks the rows that it sends to
    DatabaseRole.API: {
        **dict.fromkeys(_EVERYTHING, _READ),
        **_EDITS_CATALOG,
        **dict.fromkeys(("account", "access_token", "channel", "delivery"), _EDIT),
        **dict.fromkeys(("saved_view", "web_session", "sign_in_allowance"), _ALL),
        **dict.fromkeys(("account_change", "dead_letter_action"), _ADD),
    },
    DatabaseRole.OPERATOR: {
        **dict.fromkeys(_EVERYTHING, _READ),
        **_EDITS_CATALOG,
        **dict.fromkeys(("account", "access_token", "channel", "delivery"), _EDIT),
        "web_session": _READ | {Verb.DELETE},  # a new password and a disabled user end them
        **dict.fromkeys(("account_change", "dead_letter_action", "reconcile_run"), _ADD),
        "ledger_hole": _READ | {Verb.UPDATE},  # `reconcile --repair --accept-hole`
        # `replay`
        "replay_run": _EDIT,
        "topic_incarnation": _READ | {Verb.UPDATE},
    },
}


def privileges_of(role: DatabaseRole) -> Privileges:
    """The privileges that a role needs besides those of the migrator, which owns the tables that it makes. Every role
    may read at which revision the schema is."""
    own = _PRIVILEGES[role]
    return own if role is DatabaseRole.MIGRATOR else {**own, _REVISION: _READ}


def makes_temporary_tables(role: DatabaseRole) -> bool:
    return role is DatabaseRole.LEDGER


def public_statements(database: str) -> Iterator[str]:
    """SQL that takes from everybody what PostgreSQL gives to everybody, so that only what is granted is allowed."""
    yield f"REVOKE ALL ON DATABASE {_quoted(database)} FROM PUBLIC;"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"  # as PostgreSQL 15 and later have it


def statements(role: DatabaseRole, name: str, database: str) -> Iterator[str]:
    """SQL that makes the role `name`, takes from it what an earlier release gave it, and grants what it needs. To be
    run by the owner of the tables, again after each `spendgate migrate`."""
    who, where = _quoted(name), _quoted(database)
    yield (f"DO $$ BEGIN CREATE ROLE {who} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;")
    yield f"REVOKE ALL ON DATABASE {where} FROM {who};"
    temporary = ", TEMPORARY" if makes_temporary_tables(role) else ""
    yield f"GRANT CONNECT{temporary} ON DATABASE {where} TO {who};"
    if role is DatabaseRole.MIGRATOR:
        yield f"GRANT USAGE, CREATE ON SCHEMA public TO {who};"
        return
    yield f"GRANT USAGE ON SCHEMA public TO {who};"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {who};"
    tables_of: dict[frozenset[Verb], list[str]] = {}
    for table, verbs in privileges_of(role).items():
        tables_of.setdefault(verbs, []).append(table)
    for verbs, tables in tables_of.items():
        allowed = ", ".join(verb for verb in Verb if verb in verbs)
        yield f"GRANT {allowed} ON {', '.join(sorted(tables))} TO {who};"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_MISSING: Final = text(
    """
    SELECT verb || ' on ' || name
    FROM unnest(CAST(:verbs AS text[]), CAST(:names AS text[])) AS wanted(verb, name)
    WHERE to_regclass(quote_ident(name)) IS NOT NULL AND NOT has_table_privilege(quote_ident(name), verb)
    UNION ALL
    SELECT 'TEMPORARY on the database'
    WHERE :temporary AND NOT has_database_privilege(current_database(), 'TEMPORARY')
    ORDER BY 1
    """
)


def missing_privileges(url: str, roles: Iterable[DatabaseRole]) -> list[str]:
    """What whoever connects with the URL lacks of these roles' privileges, named as GRANT names it. Tables that do not
    exist are left to the migrations."""
    roles = list(roles)
    wanted = sorted(
        {(verb.value, table) for role in roles for table, verbs in privileges_of(role).items() for verb in verbs}
    )
    values = {
        "verbs": [verb for verb, _ in wanted],
        "names": [table for _, table in wanted],
        "temporary": any(map(makes_temporary_tables, roles)),
    }
    with engine_of(url).connect() as connection:
        return list(connection.scalars(_MISSING, values))
