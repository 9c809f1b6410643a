"""What a search finds: rows with its text in their id, name or external id, in any case of every alphabet.

Python compares, for pages, API and commands alike: `lower` of PostgreSQL takes Straße and STRASSE for two words.
"""

__all__ = ["folded", "searched_text"]


def folded(search: str | None) -> str:
    """What `searched_text` of a row must contain, so that the search finds it; empty finds every row."""
    return (search or "").strip().casefold()


def searched_text(*texts: str | None) -> str:
    """The texts of a row, one a line."""
    return "\n".join(it or "" for it in texts).casefold()
