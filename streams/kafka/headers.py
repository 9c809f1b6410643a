"""The type of headers to publish."""

__all__ = ["Headers"]


Headers = tuple[tuple[str, bytes], ...]
