"""A worker that came to cost more than it did is noticed, whatever machine the tests run on.

Ratios of one run hold on any machine; they are of processor seconds, as what else runs there changes those least. Each
is the median of three rounds that alternate. Ten runs on two cores at a load average of 18 to 87 from other work:

| by a bare reader, 1,000 brands | .190 | .205 | .215 | .229 | .236 | .255 | .257 | .263 | .268 | .290 |
| 100,000 brands by 1,000        | .345 | .381 | .382 | .383 | .388 | .418 | .436 | .443 | .457 | .473 |

Each row is sorted by itself. The floors are two thirds of the lowest ones: a run that passes them may be half as costly
again as the worst one was, not more.
"""

import os
from typing import Final

import pytest

from bench.ratios import Ratios, measure
from local.kafka import LocalKafka

FLOORS: Final = Ratios(to_raw=0.12, many_to_few=0.23)


@pytest.mark.long_only
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="the worker is measured on a core of its own")
def test_a_worker_costs_no_more_than_so_many_readers_and_many_brands_no_more_than_so_many_times_few(
    kafka: LocalKafka, topic_prefix: str
) -> None:
    found = measure(kafka, topic_prefix)
    assert found.to_raw >= FLOORS.to_raw
    assert found.many_to_few >= FLOORS.many_to_few
