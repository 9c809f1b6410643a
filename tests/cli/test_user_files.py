"""Every file that a user names, whatever it is: one sentence that says what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from core.errors import ExitCode
from tests.commands import CommandResult, Commands

COMMANDS: Final = {
    "spend import": ["spend", "import"],
    "snapshots import": ["snapshots", "import"],
    "catalog plan": ["catalog", "plan"],
    "catalog apply": ["catalog", "apply", "--yes"],
    "what-if": ["what-if", "--from", "2025-09-08", "--to", "2025-09-09"],
}
WORKBOOK: Final = b"PK\x03\x04\x14\0\6\0"
BINARY: Final = bytes(range(256)) * 8
NAMES: Final = ("file.csv", "file.yaml", "file.xlsx", "file")


@pytest.fixture
def asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, Path], CommandResult]:
    """What a command says of a file, without any Kafka or PostgreSQL: nobody needs them to see that it is none."""
    monkeypatch.setenv("SPENDGATE_DATA_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("SPENDGATE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    return lambda command, file: Commands(capsys).run(*COMMANDS[command], str(file))


def _sentence(result: CommandResult, exit_code: ExitCode = ExitCode.REFUSED) -> str:
    assert (result.exit_code, result.out) == (exit_code, ""), result
    assert result.err.count("\n") == 1, result.err
    assert not [it for it in ("Errno", "defect", "Traceback", "codec") if it in result.err]
    return result.err.strip()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NAMES)
class TestWhateverItsName:
    def test_no_file(self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path) -> None:
        assert "There is no file" in _sentence(asked(command, tmp_path / name), ExitCode.NOT_FOUND)

    def test_a_folder(self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path) -> None:
        (tmp_path / name).mkdir()
        assert "is a folder" in _sentence(asked(command, tmp_path / name))

    def test_a_file_in_a_file(
        self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path
    ) -> None:
        (tmp_path / "other").touch()
        assert "cannot be read: Not a directory" in _sentence(asked(command, tmp_path / "other" / name))

    def test_a_name_that_is_too_long(
        self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path
    ) -> None:
        assert "cannot be read: File name too long" in _sentence(asked(command, tmp_path / f"{'x' * 300}{name}"))

    def test_a_file_of_others(
        self,
        command: str,
        name: str,
        asked: Callable[..., CommandResult],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The system's answer, because root may read all files."""

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("cli.user_files.Path.open", refuse)
        assert "may not read the file" in _sentence(asked(command, tmp_path / name))

    def test_an_empty_file(self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path) -> None:
        (tmp_path / name).touch()
        assert "The file is empty" in _sentence(asked(command, tmp_path / name))

    def test_a_workbook(self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(WORKBOOK)
        assert "an Excel workbook" in _sentence(asked(command, tmp_path / name))

    def test_utf_16_without_a_mark(
        self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path
    ) -> None:
        (tmp_path / name).write_bytes("kind,brand_id\n".encode("utf-16-le"))
        assert "is UTF-16 that does not say so" in _sentence(asked(command, tmp_path / name))

    def test_bytes(self, command: str, name: str, asked: Callable[..., CommandResult], tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(BINARY[::-1])
        _sentence(asked(command, tmp_path / name))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_columns_are_read_in_each_encoding(
    command: str, encoding: str, asked: Callable[..., CommandResult], tmp_path: Path
) -> None:
    (tmp_path / "file.csv").write_bytes("brand_id,no_such_column\nnike,1\n".encode(encoding))
    assert "olumn" in _sentence(asked(command, tmp_path / "file.csv"))


SECRETS: Final = ("SPENDGATE_DATABASE_URL_FILE", "SPENDGATE_KAFKA_PASSWORD_FILE", "SPENDGATE_KAFKA_KEY_PASSWORD_FILE")
#: None: nothing is there; a folder has no bytes.
CONTENTS: Final[dict[str, bytes | None]] = {
    "nothing": None,
    "a folder": None,
    "empty": b"",
    "blank": b" \n",
    "bytes": BINARY,
    "utf-16": "secret".encode("utf-16"),
}


def _write(path: Path, what: str) -> None:
    content = CONTENTS[what]
    if content is not None:
        path.write_bytes(content)
    elif what == "a folder":
        path.mkdir()


@pytest.mark.parametrize("setting", SECRETS)
@pytest.mark.parametrize("what", CONTENTS)
def test_a_secret_that_cannot_be_read_is_told_with_its_setting(
    setting: str, what: str, asked: Callable[..., CommandResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "secret", what)
    monkeypatch.delenv("SPENDGATE_DATABASE_URL")
    monkeypatch.setenv(setting, str(tmp_path / "secret"))
    (tmp_path / "file.csv").write_text("source,external_id,day,cost\n")
    sentence = _sentence(asked("snapshots import", tmp_path / "file.csv"))
    assert setting in sentence
    assert str(tmp_path / "secret") in sentence


TLS_FILES: Final = (
    "SPENDGATE_KAFKA_CA_FILE",
    "SPENDGATE_KAFKA_CERTIFICATE_FILE",
    "SPENDGATE_KAFKA_KEY_FILE",
    "SPENDGATE_KAFKA_TOKEN_CA_FILE",
)


@pytest.mark.parametrize("setting", TLS_FILES)
@pytest.mark.parametrize("what", CONTENTS)
def test_a_file_of_tls_that_cannot_be_used_is_told_with_its_setting(
    setting: str, what: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "file", what)
    monkeypatch.setenv("SPENDGATE_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("SPENDGATE_KAFKA_SECURITY_PROTOCOL", "SSL")
    if setting.endswith("KEY_FILE"):
        (tmp_path / "certificate").write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
        monkeypatch.setenv("SPENDGATE_KAFKA_CERTIFICATE_FILE", str(tmp_path / "certificate"))
    if setting.endswith("TOKEN_CA_FILE"):
        monkeypatch.setenv("SPENDGATE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
        monkeypatch.setenv("SPENDGATE_KAFKA_SASL_MECHANISM", "OAUTHBEARER")
        monkeypatch.setenv("SPENDGATE_KAFKA_USERNAME", "client")
        monkeypatch.setenv("SPENDGATE_KAFKA_PASSWORD", "secret")
        monkeypatch.setenv("SPENDGATE_KAFKA_TOKEN_URL", "https://127.0.0.1:1/token")
    monkeypatch.setenv(setting, str(tmp_path / "file"))
    sentence = _sentence(Commands(capsys).run("topics", "check"), ExitCode.FAILED)
    assert str(tmp_path / "file") in sentence
