"""Nothing outlives the program that started it, however that program ends."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from local.java import QUICK_START
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
from tests.local.test_postgres import query

PROGRAM = """
import json, pathlib, sys, threading
from local.kafka import LocalKafka
from local.postgres import LocalPostgres
folder = pathlib.Path(sys.argv[1])
services = LocalKafka(folder), LocalPostgres(folder)
# Started in threads that are gone at once, because Linux takes the thread that forked for the parent.
threads = [threading.Thread(target=service.start) for service in services]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps([service.process.pid for service in services]), flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("end", ["killed", pytest.param("returned", marks=pytest.mark.long_only)])
def test_the_death_of_the_parent_ends_both_servers_and_the_next_start_finds_all(tmp_path: Path, end: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # What use_cheap_services does to the brokers of the tests' own process.
        env={**os.environ, "JDK_JAVA_OPTIONS": QUICK_START},
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    servers = [psutil.Process(pid) for pid in json.loads(parent.stdout.readline())]
    family = [*servers, *(child for server in servers for child in server.children(recursive=True))]
    assert all(process.is_running() for process in family)

    if end == "killed":
        parent.kill()
    parent.communicate("go\n" if end == "returned" else None)

    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    kafka, postgres = LocalKafka(tmp_path), LocalPostgres(tmp_path)
    kafka.start()
    postgres.start()
    try:
        assert query(postgres.url, "SELECT current_database()") == [("spendgate",)]
    finally:
        postgres.stop()
        kafka.stop()


def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = LocalPostgres(tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        assert query(server.url, "SELECT 1") == [(1,)]
    finally:
        server.stop()
