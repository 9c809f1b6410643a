"""Topics that come again."""

from streams.provision import admin_client, create_topics
from streams.settings import Settings
from streams.topic_ids import topic_facts
from streams.topics import Topic


async def make_anew(settings: Settings) -> None:
    """All topics under their old names, empty."""
    names = [settings.topic(topic) for topic in Topic]
    async with admin_client(settings) as admin:
        await admin.delete_topics(names)
        while await topic_facts(admin._client, names):
            pass
    await create_topics(settings)
