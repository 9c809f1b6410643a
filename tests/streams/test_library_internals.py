"""What we override of aiokafka and Faust, and which of their private names we use, is still there.

All of it is found in our source, so a new use is checked too. A class of ours that has a base class of theirs follows
two rules, which tell what replaces something of theirs from what is merely called alike:

- a method that replaces one of theirs bears `@override`, any other does not;
- an attribute of ours is annotated where it is first set, one that replaces theirs is not.

A private name that is read from an object counts as theirs unless a class in the same module of ours defines it. The
object's class must show in the same function or class, from an annotation or from the call that makes it.
"""

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Final, NamedTuple, cast, get_args

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("streams", "ledger", "notifier", "schedulers", "local", "operations", "simulation", "console", "cli")
LIBRARIES: Final = {"aiokafka", "faust", "mode"}
#: Names that look private and are documented: of named tuples and of `os`.
DOCUMENTED: Final = {"_replace", "_asdict", "_fields", "_make", "_exit"}
#: Names that Python itself calls.
SPECIAL: Final = "__"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    module: ModuleType
    tree: ast.Module


class Subclass(NamedTuple):
    """A class of ours with a base class of theirs."""

    source: Source
    node: ast.ClassDef
    cls: type
    bases: list[type]  # of the libraries, and not of ours


@cache
def sources() -> list[Source]:
    """Every module of ours that uses a private name or imports a library whose inside is at stake."""
    found = []
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        text = path.read_text()
        if "._" not in text and not any(library in text for library in LIBRARIES):
            continue  # nothing to parse for
        tree = ast.parse(text, str(path))
        if path.name != "__main__.py" and (_imports_library(tree) or list(_private_uses(tree))):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append(Source(importlib.import_module(name), tree))
    return found


@cache
def subclasses() -> list[Subclass]:
    found = []
    for source in sources():
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef):
                cls = getattr(source.module, node.name)
                bases = [base for base in cls.__mro__[1:] if _is_of_library(base)]
                if bases:
                    found.append(Subclass(source, node, cls, bases))
    return found


def test_a_method_that_bears_override_is_in_a_library_and_every_other_is_not() -> None:
    observed = [
        f"{_at(it.source, method)} {it.node.name}.{method.name}: "
        + ("no base class has it" if _is_override(method) else "a base class has it, and @override is missing")
        for it in subclasses()
        for method in it.node.body
        if isinstance(method, Function) and not method.name.startswith(SPECIAL)
        if _is_override(method) != any(_has(base, method.name) for base in it.bases)
    ]
    assert observed == []
    assert sum(_is_override(method) for it in subclasses() for method in it.node.body) >= 25


def test_an_attribute_that_is_not_annotated_is_in_a_library_and_every_other_is_not() -> None:
    observed = []
    for it in subclasses():
        annotated, set_ = _attributes(it.node)
        observed += [
            f"{it.node.name}.{name} is not in a library" for name in set_ - annotated if not _any_has(it, name)
        ]
        observed += [f"{it.node.name}.{name} hides one of a library" for name in annotated if _any_has(it, name)]
    assert observed == []


def test_every_private_name_that_is_used_of_a_library_is_there() -> None:
    observed, checked = [], 0
    for source in sources():
        for use, scope in _private_uses(source.tree):
            if use.attr in DOCUMENTED or use.attr in _defined(source.tree):
                continue
            if _is_self(use.value) and not any(it.node in scope for it in subclasses()):
                continue
            owner = _owner(use.value, scope, source.module)
            checked += 1
            if owner is None:
                observed.append(f"{_at(source, use)}: annotate what {ast.unparse(use)} is read from with its class")
            elif not any(_has(cls, use.attr) for cls in owner):
                observed.append(f"{_at(source, use)}: {use.attr} is not there")
    assert observed == []
    assert checked >= 25


def test_every_name_that_is_replaced_in_a_library_is_there() -> None:
    """`install` of streams/kafka puts functions and classes of ours in the place of theirs."""
    replaced = [
        (source, target, _evaluated(target.value, source.module))
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    ]
    theirs = [it for it in replaced if isinstance(it[2], ModuleType) or (it[2] is not None and _is_of_library(it[2]))]
    # `hasattr` would find what `install` has put there.
    observed = [
        f"{_at(source, it)}: {it.attr} is not there" for source, it, owner in theirs if not _binds(owner, it.attr)
    ]
    assert observed == []
    assert len(theirs) >= 5


def _private_uses(tree: ast.Module) -> Iterator[tuple[ast.Attribute, list[ast.AST]]]:
    """Every `x._name`, with the functions and classes around it, innermost first."""

    def walk(node: ast.AST, scope: list[ast.AST]) -> Iterator[tuple[ast.Attribute, list[ast.AST]]]:
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith(SPECIAL):
            yield node, scope
        inner = [node, *scope] if isinstance(node, Function | ast.ClassDef) else scope
        for child in ast.iter_child_nodes(node):
            yield from walk(child, inner)

    yield from walk(tree, [])


def _owner(value: ast.expr, scope: list[ast.AST], module: ModuleType) -> list[type] | None:
    """The classes that the object may have; None when neither an annotation, a call nor a name tells."""
    classes = [node for node in scope if isinstance(node, ast.ClassDef)]
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super":
        return [base for base in getattr(module, classes[0].name).__mro__[1:] if _is_of_library(base)]
    if _is_self(value):
        return [base for base in getattr(module, classes[0].name).__mro__ if _is_of_library(base)]
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "cast":
        return _classes(value.args[0], module)
    wanted = ast.unparse(value)
    for around in scope:
        for node in ast.walk(around):
            tells = _tells(node, wanted, around)
            if tells is not None and (classes_ := _classes(tells, module)):
                return classes_
    return _classes(value, module)


def _tells(node: ast.AST, wanted: str, around: ast.AST) -> ast.expr | None:
    """The expression by which a node tells the class of what is written as `wanted`, if it does."""
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == wanted:
        return node.annotation
    if isinstance(node, ast.arg) and node.arg == wanted:
        return node.annotation
    if isinstance(node, ast.withitem) and node.optional_vars and ast.unparse(node.optional_vars) == wanted:
        return node.context_expr.func if isinstance(node.context_expr, ast.Call) else None
    if isinstance(node, ast.Assign) and any(ast.unparse(target) == wanted for target in node.targets):
        if isinstance(node.value, ast.Call):
            return node.value.func
        arguments = (it for it in ast.walk(around) if isinstance(it, ast.arg) and it.arg == ast.unparse(node.value))
        return next((it.annotation for it in arguments), None)
    return None


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _classes(annotation: ast.expr, module: ModuleType) -> list[type] | None:
    evaluated = _evaluated(annotation, module)
    if isinstance(evaluated, str):
        evaluated = _evaluated(ast.parse(evaluated, mode="eval").body, module)
    found = get_args(evaluated) if isinstance(evaluated, UnionType) else (evaluated,)
    classes = [cls for cls in found if isinstance(cls, type) and cls is not type(None)]
    return classes or None


def _evaluated(expression: ast.expr, module: ModuleType) -> Any:
    try:
        return eval(ast.unparse(expression), vars(module))  # noqa: S307 - our own source
    except Exception:
        return None


def _attributes(node: ast.ClassDef) -> tuple[set[str], set[str]]:
    """The names that the class annotates, and all that it sets on itself."""
    annotated, set_ = set(), set()
    for child in ast.walk(node):
        targets = child.targets if isinstance(child, ast.Assign) else []
        if isinstance(child, ast.AnnAssign | ast.AugAssign):
            targets = [child.target]
        for target in targets:
            for name in _names_set(target, in_body=child in node.body):
                set_.add(name)
                if isinstance(child, ast.AnnAssign):
                    annotated.add(name)
    return annotated, {name for name in set_ if not name.startswith(SPECIAL)}


def _names_set(target: ast.expr, *, in_body: bool) -> Iterator[str]:
    if isinstance(target, ast.Tuple):
        for one in target.elts:
            yield from _names_set(one, in_body=in_body)
    elif isinstance(target, ast.Name) and in_body:
        yield target.id
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        yield target.attr


@cache
def _defined(tree: ast.Module) -> set[str]:
    """The names that a class in the module defines by itself: methods, fields, and annotated or plain attributes of a
    class that has no base class of theirs."""
    found: set[str] = set()
    theirs = {it.node for it in subclasses() if it.source.tree is tree}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            annotated, set_ = _attributes(node)
            found |= annotated if node in theirs else set_ | annotated
            found |= {method.name for method in node.body if isinstance(method, Function) and not _is_override(method)}
    return found


def _is_override(node: ast.stmt) -> bool:
    return isinstance(node, Function) and any(ast.unparse(it) == "override" for it in node.decorator_list)


def _any_has(it: Subclass, name: str) -> bool:
    return any(_has(base, name) for base in it.bases)


def _has(cls: type, name: str) -> bool:
    return hasattr(cls, name) or any(name in _set_in(base) for base in cls.__mro__)


def _binds(owner: ModuleType | type, name: str) -> bool:
    """Whether the source of a module or class defines the name or imports it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    body = tree.body if isinstance(owner, ModuleType) else cast(ast.ClassDef, tree.body[0]).body
    return any(
        name == getattr(node, "name", None)
        or (isinstance(node, ast.ImportFrom) and name in {it.asname or it.name for it in node.names})
        or (isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets))
        for node in body
    )


@cache
def _set_in(cls: type) -> set[str]:
    """Attributes that instances get in the class's own code."""
    if cls.__module__.partition(".")[0] == "builtins":
        return set()
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # compiled
        return set()
    node = tree.body[0]
    assert isinstance(node, ast.ClassDef)
    annotated, set_ = _attributes(node)
    return annotated | set_


def _is_of_library(cls: Any) -> bool:
    return getattr(cls, "__module__", "").partition(".")[0] in LIBRARIES


def _imports_library(tree: ast.Module) -> bool:
    names = [
        name
        for node in ast.walk(tree)
        for name in (
            [it.name for it in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    return any(name.partition(".")[0] in LIBRARIES for name in names)


def _at(source: Source, node: ast.expr | ast.stmt) -> str:
    return f"{source.module.__name__.replace('.', '/')}.py:{node.lineno}"
