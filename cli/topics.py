"""`topics create`, `topics check`, `topics acls`."""

import typer

from cli import output
from cli.environment import load_settings
from cli.framework import CommandGroup

app = CommandGroup("topics", help="Make Kafka's topics as they must be, or check them.")


@app.command()
def create(
    print_: bool = typer.Option(
        False, "--print", help="Make nothing: print the `kafka-topics` lines; with --json the facts, for Terraform."
    ),
) -> None:
    """Make the topics that are missing, with the right partitions, cleanup and timestamp type.

    A setting that the broker refuses, and without which a worker starts, is left out and named."""
    import asyncio

    from streams.kafka.provision import create_topics
    from streams.kafka.topic_plan import creation_line, planned_topics

    settings = load_settings()
    if print_:
        topics = planned_topics(settings)
        lines = "\n".join(creation_line(topic, settings) for topic in topics)
        output.show({"topics": [topic._asdict() for topic in topics]}, lines)
        return
    created = asyncio.run(create_topics(settings))
    left_out = [
        {"topic": topic.name, "setting": name, "wanted": value, "refusal": " ".join(topic.refusals)}
        for topic in created
        for name, value in topic.left_out.items()
    ]
    report = [f"created {topic.name}" for topic in created]
    report += [
        f"{it['topic']} is without {it['setting']}={it['wanted']}, as the broker refuses it: {it['refusal']}"
        for it in left_out
    ]
    output.show(
        {"created": [topic.name for topic in created], "left_out": left_out},
        "\n".join(report) or "All topics are there.",
    )


@app.command()
def check() -> None:
    """List what is not as it must be, one difference a line; exit code 1 when there is one."""
    import asyncio

    from streams.kafka.provision import topic_differences

    differences = asyncio.run(topic_differences(load_settings()))
    facts = [
        {"topic": one.topic, "what": one.what, "found": one.found, "wanted": one.wanted, "mend": one.mend}
        for one in differences
    ]
    output.show({"differences": facts}, "\n".join(map(str, differences)) or "All topics are as they must be.")
    if differences:
        raise typer.Exit(1)


@app.command()
def acls(
    clients: list[str] = typer.Argument(
        None, metavar="PROCESS|COMMAND…", help='Of these alone, such as worker or "dlq replay"; of all by default.'
    ),
    principal_prefix: str = typer.Option("spendgate-", help="Each has a principal of its own, whose name begins so."),
    principal: str = typer.Option(None, help="All of them have this one principal."),
) -> None:
    """Print the `kafka-acls` command lines that allow each process and command what it does, and no more."""
    from operations.validation import one_of
    from streams.kafka.acls import acl_lines, principal_name
    from streams.kafka.rights import CLIENTS, Client, rights_of

    settings = load_settings()
    chosen = [CLIENTS[one_of("process or command with rights", it, list(CLIENTS))] for it in clients or CLIENTS]
    clients_of: dict[str, list[Client]] = {}
    for client in chosen:
        clients_of.setdefault(principal or principal_name(client, principal_prefix), []).append(client)
    rights = {who: rights_of(of_principal, settings) for who, of_principal in clients_of.items()}
    facts = [
        {
            "principal": f"User:{who}",
            "operation": right.operation.name,
            "resource": right.resource.value,
            "name": right.name,
            "pattern": "prefixed" if right.is_prefix else "literal",
        }
        for who, needed in rights.items()
        for right in needed
    ]
    lines = [line for who, needed in rights.items() for line in acl_lines(who, needed, settings)]
    output.show({"rights": facts}, "\n".join(lines))
