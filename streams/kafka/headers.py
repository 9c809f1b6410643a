"""Headers of Kafka records."""

__all__ = ["Headers"]


Headers = tuple[tuple[str, bytes], ...]
