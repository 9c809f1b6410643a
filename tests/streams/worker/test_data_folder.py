"""A worker whose data folder cannot be written says so, and which setting names another one."""

from pathlib import Path

import pytest

from core.errors import ConfigurationError
from streams.settings import Settings
from streams.worker.app import create_app
from streams.worker.run import prepare_process


def test_a_data_folder_that_cannot_be_written_is_named_with_its_setting(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()  # below a file nobody can make a folder, not even root
    app = create_app(Settings(data_dir=file / "data"))
    with pytest.raises(ConfigurationError, match=r"file/data cannot be written \(.+\): set SPENDGATE_DATA_DIR to"):
        prepare_process(app)
