"""The client libraries of clients/: how each is built, once for its sources, and how its programs are run."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from local.cache import cache_folder, exclusive

__all__ = ["CLIENTS", "LIBRARIES", "ClientLibrary"]

CLIENTS: Final = Path(__file__).parents[2] / "clients"
BUILD_SECONDS: Final = 240
#: Made by a build, so that nobody's source.
MADE: Final = frozenset({"target", "build", "dist", "node_modules"})


@dataclass(frozen=True)
class ClientLibrary:
    """Every library has two programs: conformance and example."""

    name: str
    tools: tuple[str, ...]
    #: Looks at the toolchain's version and brings the packages, from a registry or what an earlier run has kept.
    fetch: tuple[tuple[str, ...], ...]
    compile: tuple[str, ...]
    program: Callable[[Path, str], list[str]]

    def command(self, program: str) -> list[str]:
        """How to run a program of it. Skips the test where the toolchain or what it needs cannot be had."""
        for tool in self.tools:
            if shutil.which(tool) is None:
                pytest.skip(f"clients/{self.name} is not tested: {tool} is not on this machine")
        if self.tools:
            self._build()
        return self.program(CLIENTS / self.name, program)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(CLIENTS / "python")}

    def _build(self) -> None:
        """Build what was not built of these sources, with these tools, on this machine yet: to do it takes 25 CPU
        seconds. Of several test processes the first one does it."""
        folder = CLIENTS / self.name
        made = folder / "build"
        made.mkdir(exist_ok=True)
        with (made / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp, digest = made / "built", self._digest(folder)
            if stamp.exists() and stamp.read_text() == digest:
                return
            kept = cache_folder() / "tests" / f"library-{self.name}-{digest[:16]}"
            kept.parent.mkdir(exist_ok=True)
            # Another tree, of other sources, may keep its own in the place of this.
            with exclusive(kept.parent / f"library-{self.name}.lock"):
                self._copy_or_build(folder, kept)
            stamp.write_text(digest)

    def _copy_or_build(self, folder: Path, kept: Path) -> None:
        if not kept.exists():
            self._build_anew(folder)
            self._keep(folder, kept)
            return
        for name in MADE - {"build"}:  # which has the lock of this tree
            shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)

    def _build_anew(self, folder: Path) -> None:
        for step in self.fetch:
            self._fetch(step, folder)
        compiled = self._run(self.compile, folder)
        assert compiled.returncode == 0, _output_of(compiled)

    def _keep(self, folder: Path, kept: Path) -> None:
        """For other trees of these sources, in the place of what was kept of former ones."""
        for outdated in kept.parent.glob(f"library-{self.name}-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(dir=kept.parent))
        for name in MADE:
            if (folder / name).exists():
                shutil.copytree(folder / name, unfinished / name, symlinks=True)
        unfinished.rename(kept)

    def _digest(self, folder: Path) -> str:
        """Of the sources and of the tools."""
        digest = hashlib.sha256()
        for source in sorted(_sources(folder)):
            digest.update(str(source.relative_to(folder)).encode() + b"\0" + source.read_bytes() + b"\0")
        for tool in self.tools:
            found = Path(shutil.which(tool) or "").resolve()
            digest.update(f"{found} {found.stat().st_size} {found.stat().st_mtime_ns}".encode())
        return digest.hexdigest()

    def _fetch(self, step: tuple[str, ...], folder: Path) -> None:
        try:
            fetched = self._run(step, folder)
        except subprocess.TimeoutExpired:
            pytest.skip(f"clients/{self.name} is not tested: `{' '.join(step)}` took over {BUILD_SECONDS} s")
        if fetched.returncode != 0:
            why = _output_of(fetched).splitlines() or ["it says nothing"]
            pytest.skip(f"clients/{self.name} is not tested: `{' '.join(step)}` failed: {why[0]}")

    def _run(self, command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS)


def _output_of(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.stdout}\n{done.stderr}".strip()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in MADE:
            continue
        yield from (it for it in path.rglob("*") if it.is_file()) if path.is_dir() else [path]


def _python(folder: Path, program: str) -> list[str]:
    return [sys.executable, str(folder / f"{program}.py")]


def _java(folder: Path, program: str) -> list[str]:
    target = folder / "target"
    path = os.pathsep.join(str(target / name) for name in ("classes", "test-classes", "lib/*"))
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", path, f"spendgate.control.{program.title()}"]


def _go(folder: Path, program: str) -> list[str]:
    return [str(folder / "build" / program)]


def _typescript(folder: Path, program: str) -> list[str]:
    return ["node", str(folder / "dist" / f"{program}.js")]


MAVEN: Final = ("mvn", "-q", "-B")
LIBRARIES: Final = (
    ClientLibrary("python", (), (), (), _python),
    ClientLibrary(
        "java",
        ("java", "javac", "mvn"),
        (
            ("javac", "--release", "17", "-version"),
            (*MAVEN, "dependency:copy-dependencies", "-DoutputDirectory=target/lib", "dependency:resolve-plugins"),
        ),
        (*MAVEN, "-o", "test-compile"),
        _java,
    ),
    ClientLibrary(
        "go",
        ("go",),
        (("go", "mod", "download"),),
        ("go", "build", "-o", "build/", "./conformance", "./example"),
        _go,
    ),
    ClientLibrary(
        "typescript",
        ("node", "npm"),
        (
            ("node", "-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"),
            ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        ),
        ("npm", "run", "build"),
        _typescript,
    ),
)
