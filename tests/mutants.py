"""`make mutants`: breaks the core in one place at a time and lists what no test of `tests/core` notices.

mutmut makes the mutants. It would start pytest once for each of them; here one pytest collects the tests, and each
mutant is a fork of it that runs those tests which reach the broken function, those that killed its other mutants first.

    python -m tests.mutants ['core.budget.*' …] [tests/core/test_budget.py …]
"""

import difflib
import fnmatch
import gc
import hashlib
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Final

import libcst
import pytest
from mutmut.mutation.file_mutation import Mutation, create_mutations

#: Which functions each test reached and how long it took, by the test's name and its file's digest.
_REACHED: Final = Path(".mutants.json")
#: Examples that a test draws for one mutant, at most.
_EXAMPLES: Final = 10
#: Tests that take longer than this many CPU seconds are left out: quicker ones reach the same code.
_SLOW: Final = 2.0
#: CPU seconds above ten times what the tests take, after which a mutant counts as one that never ends.
_PATIENCE: Final = 5
_SURVIVED, _KILLED, _BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Mutant:
    module: str
    class_name: str | None
    function: str
    number: int
    mutation: Mutation

    @property
    def owner(self) -> str:
        """The function that is broken, as `core.money.parse_amount` or `core.state.PartitionState.touch_brand`."""
        return ".".join(filter(None, (self.module, self.class_name, self.function)))

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.number}"

    def source(self) -> str:
        function = self.mutation.contained_by_top_level_function
        return _source(function.deep_replace(self.mutation.original_node, self.mutation.mutated_node))

    def diff(self) -> str:
        before = _source(self.mutation.contained_by_top_level_function)
        lines = difflib.unified_diff(before.splitlines(), self.source().splitlines(), n=0, lineterm="")
        return "\n".join(f"    {line}" for line in list(lines)[2:] if not line.startswith("@@"))

    def apply(self) -> None:
        """Put the broken code into the function, wherever it was imported to."""
        module = importlib.import_module(self.module)
        source = self.source()
        if self.class_name:
            source = f"class {self.class_name}:\n" + "".join(f"    {line}\n" for line in source.splitlines())
        names = dict(vars(module))
        exec(compile(source, f"<{self.name}>", "exec", dont_inherit=True), names)  # noqa: S102
        broken = _function(names[self.class_name] if self.class_name else names, self.function)
        sound = _function(getattr(module, self.class_name) if self.class_name else vars(module), self.function)
        sound.__code__, sound.__defaults__ = broken.__code__, broken.__defaults__
        sound.__kwdefaults__ = broken.__kwdefaults__


def _function(holder: object, name: str) -> FunctionType:
    found = (holder if isinstance(holder, dict) else vars(holder))[name]
    return getattr(found, "__func__", found)


def mutants_of(path: Path) -> Iterator[Mutant]:
    tree, mutations, _, _ = create_mutations(str(path), path.read_text())
    owners = {
        method: statement.name.value
        for statement in tree.body
        if isinstance(statement, libcst.ClassDef)
        for method in statement.body.body
    }
    numbers: Counter[libcst.CSTNode] = Counter()
    for mutation in mutations:
        function = mutation.contained_by_top_level_function
        if not isinstance(function, libcst.FunctionDef):
            continue
        numbers[function] += 1
        yield Mutant(
            ".".join(path.with_suffix("").parts),
            owners.get(function),
            function.name.value,
            numbers[function],
            mutation,
        )


def _source(function: libcst.CSTNode) -> str:
    return libcst.Module([function.with_changes(leading_lines=())]).code


class MutantRunner:
    """Runs in place of pytest's own loop over the tests."""

    def __init__(self, mutants: Iterator[Mutant]) -> None:
        self._mutants = mutants
        self._reached: dict[str, set[str]] = {}
        self._seconds: dict[str, float] = {}
        self._killers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._failed = False
        self._pipe = 0  # of a mutant's process: where it writes the name of the test that failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        import hypothesis  # not before pytest, which prepares the asserts in it

        hypothesis.settings.register_profile(
            "mutants",
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
            max_examples=_EXAMPLES,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
        )
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """A test that fails on a mutant ends the mutant's process before pytest describes how."""
        if self._pipe and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
            os.write(self._pipe, item.nodeid.encode())
            os._exit(_KILLED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Fewer examples, also where a test says how many."""
        import hypothesis

        for item in items:
            test = getattr(item.obj, "__func__", item.obj)
            if getattr(test, "is_hypothesis_test", False):
                own = test._hypothesis_internal_use_settings
                few = hypothesis.settings(own, max_examples=min(own.max_examples, _EXAMPLES))
                test._hypothesis_internal_use_settings = few

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._trace(session)
        # A collection in a fork would copy every page that the parent's objects are on.
        gc.collect()
        gc.freeze()
        self._run_all(session)
        return True

    def _trace(self, session: pytest.Session) -> None:
        """Learn which functions each test reaches, from what is known of files that have not changed."""
        owners = _owners()
        functions = _digest(*sorted(name.encode() for name in owners.values()))
        digests = {path: functions + _digest(path.read_bytes()) for path in {item.path for item in session.items}}
        known = json.loads(_REACHED.read_text()) if _REACHED.exists() else {}
        for item in session.items:
            entry = known.get(item.nodeid)
            if entry is None or entry["digest"] != digests[item.path]:
                entry = known[item.nodeid] = {"digest": digests[item.path], **_reach(item, owners)}
                if self._failed:  # also one that bounds its own time, which tracing lengthens
                    _say(f"{item.nodeid} fails on the sound core and is left out")
                    entry["reached"], self._failed = [], False
                if entry["seconds"] > 1:
                    _say(f"{item.nodeid} took {entry['seconds']:.1f} s")
                    _REACHED.write_text(json.dumps(known))
            self._seconds[item.nodeid] = entry["seconds"]
            self._reached[item.nodeid] = set(entry["reached"])
        _REACHED.write_text(json.dumps(known))

    def _run_all(self, session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        total: Counter[str] = Counter()
        begun = time.monotonic()
        for module, mutants in groupby(self._mutants, key=lambda it: it.module):
            counts: Counter[str] = Counter()
            try:
                self._run_module(mutants, items, counts)
            finally:  # of a module that Ctrl-C cuts off, those that were run
                others = ", ".join(
                    f"{count} {result}" for result, count in sorted(counts.items()) if result != "killed"
                )
                _say(f"{module}: {counts.total()} mutants, {counts['killed']} killed{others and ', ' + others}")
            total += counts
        _say(f"{total.total()} mutants, {total['killed']} killed, {time.monotonic() - begun:.0f} s")

    def _run_module(self, mutants: Iterator[Mutant], items: dict[str, pytest.Item], counts: Counter[str]) -> None:
        """Counts the mutants by their result; those that were not killed are said at once."""
        running: dict[int, tuple[Mutant, int]] = {}

        def note(mutant: Mutant, result: str) -> None:
            counts[result] += 1
            if result != "killed":
                _say(f"{mutant.name}: {result}\n{mutant.diff()}")

        def reap() -> None:
            pid, status = os.wait()
            mutant, pipe = running.pop(pid)
            killer = os.read(pipe, 4096).decode()
            os.close(pipe)
            if killer:
                self._killers[mutant.owner][killer] += 1
            note(mutant, _result(status))

        for mutant in mutants:
            names = [it for it in items if mutant.owner in self._reached[it] and self._seconds[it] <= _SLOW]
            if not names:
                note(mutant, "not reached")
                continue
            killers = self._killers[mutant.owner]
            names.sort(key=lambda name: (-killers[name], self._seconds[name]))
            while len(running) >= 2:
                reap()
            sys.__stdout__.flush()
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(read)
                self._run_one(mutant, [items[name] for name in names], write)
            os.close(write)
            running[pid] = mutant, read
        while running:
            reap()

    def _run_one(self, mutant: Mutant, items: list[pytest.Item], pipe: int) -> None:
        """Ends the process: 1 when a test has failed."""
        seconds = int(10 * sum(self._seconds[item.nodeid] for item in items)) + _PATIENCE
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        status = _BROKEN
        self._pipe = pipe
        try:
            mutant.apply()
            _forget_results()
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            status = _SURVIVED
        finally:
            os._exit(status)


def _forget_results() -> None:
    """Clear the caches of the core: a result of the sound function would stand for a call."""
    modules = [module for name, module in sys.modules.items() if name.startswith("core.")]
    for member in chain.from_iterable(vars(module).values() for module in modules):
        if hasattr(member, "cache_clear"):
            member.cache_clear()


def _reach(item: pytest.Item, owners: dict[CodeType, str]) -> dict[str, object]:
    reached: set[str] = set()

    def trace(frame: FrameType, _event: str, _value: object) -> None:
        if frame.f_code in owners:
            reached.add(owners[frame.f_code])

    _forget_results()
    begun = time.process_time()
    sys.settrace(trace)
    try:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    finally:
        sys.settrace(None)
    return {"seconds": time.process_time() - begun, "reached": sorted(reached)}


def _owners() -> dict[CodeType, str]:
    """The name of each function and method of the core, by its code."""
    owners = {}
    for path in Path("core").glob("*.py"):
        module = importlib.import_module(f"core.{path.stem}")
        for name, member in _members(module):
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                owners[function.__code__] = f"{module.__name__}.{name}"
    return owners


def _members(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, member in vars(module).items():
        yield name, member
        if isinstance(member, type) and member.__module__ == module.__name__:
            yield from ((f"{name}.{inner}", it) for inner, it in vars(member).items())


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:16]


def _result(status: int) -> str:
    if os.WIFSIGNALED(status):
        # A mutant that never ends is noticed too.
        return "killed" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "crashed"
    return {_SURVIVED: "survived", _KILLED: "killed"}.get(os.WEXITSTATUS(status), "could not be run")


def _say(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)


def _mutants_like(patterns: Sequence[str]) -> Iterator[Mutant]:
    for pattern in patterns or ["core.*"]:
        in_module = ".".join(pattern.split(".")[:2])
        for path in sorted(Path("core").glob("*.py")):
            if fnmatch.fnmatch(f"core.{path.stem}", in_module):
                yield from (it for it in mutants_of(path) if fnmatch.fnmatch(it.name, pattern))


def main(words: Sequence[str]) -> int:
    tests = [word for word in words if word.startswith("tests/")] or ["tests/core"]
    mutants = _mutants_like([word for word in words if not word.startswith("tests/")])
    # Without tests/conftest.py, which imports the services of the other tests, and without plugins but Hypothesis' own.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [
        "-q",
        "--assert",
        "plain",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "--noconftest",
        "-p",
        "no:cacheprovider",
    ]
    arguments += ["-p", "no:warnings", "-p", "no:faulthandler", *tests]
    return pytest.main(arguments, plugins=[MutantRunner(mutants)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
