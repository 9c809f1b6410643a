"""Follows the commands, carries them out (here: prints them) and acknowledges them.

python example.py BROKERS [TOPIC_PREFIX]
"""

import sys

from spendgate_control import ControlReader, Policy, Verdict


def main(brokers: str, prefix: str = "") -> None:
    shown: dict[str, str] = {}
    with ControlReader(brokers, consumer="example-python", policy=Policy.CLOSED, topic_prefix=prefix) as reader:
        reader.catch_up(30)
        print("caught up", flush=True)
        while True:
            for campaign_id in reader.campaigns():
                show(campaign_id, reader.may_run(campaign_id), shown)
            for change in reader.poll(0.5):
                show(change.command.campaign_id, reader.may_run(change.command.campaign_id), shown)
                if not change.is_history:
                    reader.acknowledge(change.command)


def show(campaign_id: str, verdict: Verdict, shown: dict[str, str]) -> None:
    word = "runs" if verdict.may_run else "stops"
    line = f"{word} reasons=[{', '.join(verdict.reasons)}] doubts=[{', '.join(verdict.doubts)}]"
    if line != shown.get(campaign_id):
        print(campaign_id, line, flush=True)
        shown[campaign_id] = line


if __name__ == "__main__":
    main(*sys.argv[1:])
