"""Reads the rows of a catalog file in YAML: a list of mappings. Pure: no I/O.

Every scalar is taken as it is written, so that `100.10` stays exact and `no` may be an id. A field that is null is
cleared; one that is left out stays as it is.
"""

from collections.abc import Iterator
from typing import Final

import yaml

from core.errors import RefusedValue
from operations.catalog_file.rows import FileRow, FileRows, Value, WrongRow

__all__ = ["yaml_rows"]

_NULL: Final = "tag:yaml.org,2002:null"
#: The depth of a valid file: a row, its windows, one of them, its days.
_DEPTH_MAX: Final = 3


def yaml_rows(text: bytes) -> FileRows:
    """The rows of the list. Raises RefusedValue for any other text."""
    try:
        document = yaml.compose(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedValue(f"The file is no YAML: {' '.join(str(error).split())[:200]}.") from None
    if document is None:
        return FileRows([], [])
    if not isinstance(document, yaml.SequenceNode):
        raise RefusedValue("The file must be a list of rows, each of which begins with `- kind: …`.")
    rows: list[FileRow] = []
    wrong: list[WrongRow] = []
    seen: set[int] = set()
    for item in document.value:
        line = item.start_mark.line + 1
        try:
            rows.append(FileRow(line, dict(_fields(item, seen))))
        except RefusedValue as error:
            wrong.append(WrongRow(line, str(error)))
    return FileRows(rows, wrong)


def _fields(item: yaml.Node, seen: set[int]) -> Iterator[tuple[str, Value]]:
    names = set()
    for name, value in _pairs(item, "A row", seen):
        if name in names:
            raise RefusedValue(f"It has the field {name!r} twice.")
        names.add(name)
        yield name, _value(value, _DEPTH_MAX, seen)


def _pairs(node: yaml.Node, what: str, seen: set[int]) -> Iterator[tuple[str, yaml.Node]]:
    _refuse_alias(node, seen)
    if not isinstance(node, yaml.MappingNode):
        raise RefusedValue(f"{what} must be fields with their values.")
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode):
            raise RefusedValue(f"The name of a field of {what.lower()} must be a word.")
        yield name.value, value


def _value(node: yaml.Node, depth: int, seen: set[int]) -> Value:
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == _NULL else str(node.value)
    if depth == 0:
        raise RefusedValue("It is nested too deeply.")
    if isinstance(node, yaml.SequenceNode):
        _refuse_alias(node, seen)
        return [_value(it, depth - 1, seen) for it in node.value]
    return {name: _value(it, depth - 1, seen) for name, it in _pairs(node, "A value", seen)}


def _refuse_alias(node: yaml.Node, seen: set[int]) -> None:
    """Raise RefusedValue for an alias: a few lines of nested aliases would be billions of values."""
    if id(node) in seen:
        raise RefusedValue("It refers to another part of the file by an alias (*): write it out.")
    seen.add(id(node))
