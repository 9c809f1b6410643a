"""The principals of a secured installation: each process has a user of its own in Kafka, with the rights that `topics
acls` prints, and a role of its own in PostgreSQL, with the privileges that `database roles` prints."""

import secrets
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from local.kafka_security import write_private_file
from models.connection import connect
from models.migrations import migrate
from models.privileges import DatabaseRole, public_statements, statements
from streams.kafka.options import entry_environment
from streams.kafka.rights import Client, CommandLine, Process, rights_of
from streams.kafka.users import User, put_users
from streams.settings import Settings

__all__ = ["ADMINISTRATOR", "DEMO", "OPERATOR", "PRINCIPALS", "Principal", "Principals"]

#: Who enters as the superuser of both services.
ADMINISTRATOR: Final = "administrator"
#: Whoever runs commands in the data folder.
OPERATOR: Final = "operator"
DEMO: Final = "demo"
_MIGRATOR: Final = "migrator"


class Principal(NamedTuple):
    """What one may do: the rights of these processes and commands in Kafka, and those of a role in PostgreSQL."""

    clients: tuple[Client, ...]
    role: DatabaseRole | None


PRINCIPALS: Final[Mapping[str, Principal]] = MappingProxyType(
    {
        Process.WORKER.value: Principal((Process.WORKER,), None),
        Process.SCHEDULER.value: Principal((Process.SCHEDULER,), DatabaseRole.SCHEDULER),
        Process.LEDGER.value: Principal((Process.LEDGER,), DatabaseRole.LEDGER),
        Process.NOTIFIER.value: Principal((Process.NOTIFIER,), DatabaseRole.NOTIFIER),
        Process.API.value: Principal((Process.API,), DatabaseRole.API),
        OPERATOR: Principal(tuple(CommandLine), DatabaseRole.OPERATOR),
        # It edits brands, spends and follows the commands.
        DEMO: Principal((CommandLine.SIMULATE_SPEND, CommandLine.CONTROL_TAIL), DatabaseRole.OPERATOR),
    }
)


class Principals:
    """Those of one data folder. Passwords are made once; below `credentials` lies a file for each principal that makes
    a shell enter as it."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.resolve() / "credentials"

    def migrate(self, owner_url: str) -> None:
        """Bring the schema to this version by the migrator's role, and give each role what this release grants it."""
        database = parse_dsn(owner_url)["dbname"]
        first = [*public_statements(database), *statements(DatabaseRole.MIGRATOR, _role(_MIGRATOR), database)]
        self._put_roles(owner_url, first, [_MIGRATOR])
        # Tables of a folder that had no roles before stay whose they are.
        migrate.upgrade(owner_url if _owns_tables(owner_url) else self._database_url(_MIGRATOR, owner_url))
        roles = {name: it.role for name, it in PRINCIPALS.items() if it.role is not None}
        granted = [line for name, role in roles.items() for line in statements(role, _role(name), database)]
        self._put_roles(owner_url, granted, roles)

    def admit(self, owner: Settings) -> None:
        """Make each principal's user in Kafka, with its rights, and write its file. `owner` may do everything."""
        users = {
            _user(name): User(self._password_file(name).read_text(), rights_of(principal.clients, owner))
            for name, principal in PRINCIPALS.items()
        }
        put_users(owner, users)
        self._write_environment(ADMINISTRATOR, owner)
        for name in PRINCIPALS:
            self._write_environment(name, self.settings_of(name, owner))

    def settings_of(self, name: str, owner: Settings) -> Settings:
        """The settings with which a process enters as this principal."""
        return owner.replace(
            kafka_username=_user(name),
            kafka_password=None,  # the owner's
            kafka_password_file=self._password_file(name),
            database_url=self._database_url(name, owner.database),
        )

    def described(self) -> Iterator[str]:
        """For each principal, its names in Kafka and PostgreSQL and the file that makes a shell enter as it."""
        for name, principal in PRINCIPALS.items():
            role = "" if principal.role is None else f", {_role(name)} in PostgreSQL"
            yield f"{name}: User:{_user(name)} in Kafka{role}; . {shlex.quote(str(self._environment_file(name)))}"
        file = self._environment_file(ADMINISTRATOR)
        yield f"{ADMINISTRATOR}: may do everything in both; . {shlex.quote(str(file))}"

    def _put_roles(self, owner_url: str, lines: Iterable[str], names: Iterable[str]) -> None:
        with closing(connect(owner_url)) as connection, connection, connection.cursor() as cursor:
            for line in lines:
                cursor.execute(line)
            for name in names:
                password = sql.Literal(self._password_file(name).read_text())
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(_role(name)), password))

    def _database_url(self, name: str, owner_url: str) -> str:
        """Without a name and a password for who has no role."""
        parts = urlsplit(owner_url)
        address = parts.netloc.rpartition("@")[2]
        if name == _MIGRATOR or PRINCIPALS[name].role is not None:
            address = f"{_role(name)}:{self._password_file(name).read_text()}@{address}"
        return parts._replace(netloc=address).geturl()

    def _password_file(self, name: str) -> Path:
        file = self.folder / f"{name}.password"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not file.exists():
            write_private_file(file, secrets.token_urlsafe(24))
        return file

    def _environment_file(self, name: str) -> Path:
        return self.folder / f"{name}.env"

    def _write_environment(self, name: str, settings: Settings) -> None:
        variables = {**entry_environment(settings), "SPENDGATE_DATABASE_URL": settings.database}
        lines = [f"export {variable}={shlex.quote(value)}\n" for variable, value in variables.items()]
        write_private_file(self._environment_file(name), "".join(lines))


def _user(name: str) -> str:
    """As `topics acls` names it."""
    return f"spendgate-{name}"


def _role(name: str) -> str:
    """As `database roles` names it."""
    return f"spendgate_{name}"


def _owns_tables(url: str) -> bool:
    """Whether who connects with this URL owns tables of ours."""
    owned = "SELECT FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(owned)
        return bool(cursor.rowcount)
