"""The catalog: brands, campaigns, their history, and the outbox from which Kafka is told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MONEY = sa.Numeric(18, 6)
_MOMENT = sa.DateTime(timezone=True)

_REFUSE_CHANGE = """
CREATE FUNCTION refuse_change_of_kept_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are kept for ever, % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""

_REFUSE_OTHER_IDENTITY = """
CREATE FUNCTION refuse_other_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ids, the brand of a campaign and the currency of a brand never change'
        USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    _create_brand()
    _create_brand_zone()
    _create_campaign()
    _create_daypart_window()
    _create_change()
    _create_catalog_outbox()
    _create_catalog_position()
    _create_catalog_record()
    op.execute(_REFUSE_CHANGE)
    op.execute(_REFUSE_OTHER_IDENTITY)
    _keep_rows("change")
    _keep_rows("brand_zone")
    _keep_identity("brand", "brand_id", "currency")
    _keep_identity("campaign", "campaign_id", "brand_id")


def downgrade() -> None:
    op.drop_table("catalog_record")
    op.drop_table("catalog_position")
    op.drop_table("catalog_outbox")
    op.drop_table("change")
    op.drop_table("daypart_window")
    op.drop_table("campaign")
    op.drop_table("brand_zone")
    op.drop_table("brand")
    op.execute("DROP FUNCTION refuse_change_of_kept_rows, refuse_other_identity")


def _create_brand() -> None:
    op.create_table(
        "brand",
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("daily_budget", _MONEY, nullable=True),
        sa.Column("monthly_budget", _MONEY, nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "brand_id ~ '^[A-Za-z0-9._:-]{1,64}$'", name=op.f("ck_brand_brand_id_has_the_form_of_an_id")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_brand_currency_is_three_capital_letters")),
        sa.CheckConstraint(
            "length(name) <= 200 AND name !~ '[[:cntrl:]]'",
            name=op.f("ck_brand_name_is_up_to_200_printable_characters"),
        ),
        sa.CheckConstraint(
            "daily_budget BETWEEN 0 AND 1000000000", name=op.f("ck_brand_daily_budget_is_0_to_1000000000")
        ),
        sa.CheckConstraint("epoch >= 1", name=op.f("ck_brand_epoch_is_at_least_1")),
        sa.CheckConstraint(
            "monthly_budget BETWEEN 0 AND 1000000000", name=op.f("ck_brand_monthly_budget_is_0_to_1000000000")
        ),
        sa.PrimaryKeyConstraint("brand_id", name=op.f("pk_brand")),
    )


def _create_brand_zone() -> None:
    op.create_table(
        "brand_zone",
        sa.Column("brand_zone_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=True),
        sa.CheckConstraint(
            "time_zone ~ '^[A-Za-z0-9._+/-]{1,64}$'",
            name=op.f("ck_brand_zone_time_zone_is_a_name_of_the_iana_database"),
        ),
        sa.CheckConstraint("isfinite(starts_at)", name=op.f("ck_brand_zone_starts_at_is_finite")),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["brand.brand_id"], name=op.f("fk_brand_zone_brand_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("brand_zone_id", name=op.f("pk_brand_zone")),
        sa.UniqueConstraint("brand_id", "starts_at", name=op.f("uq_brand_zone_brand_id_starts_at")),
    )
    op.create_index(
        "uq_brand_zone_first", "brand_zone", ["brand_id"], unique=True, postgresql_where=sa.text("starts_at IS NULL")
    )


def _create_campaign() -> None:
    op.create_table(
        "campaign",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("daily_budget", _MONEY, nullable=True),
        sa.Column("total_budget", _MONEY, nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "campaign_id ~ '^[A-Za-z0-9._:-]{1,64}$'",
            name=op.f("ck_campaign_campaign_id_has_the_form_of_an_id"),
        ),
        sa.CheckConstraint(
            "length(external_id) <= 200 AND external_id !~ '[[:cntrl:]]'",
            name=op.f("ck_campaign_external_id_is_up_to_200_printable_characters"),
        ),
        sa.CheckConstraint(
            "length(name) <= 200 AND name !~ '[[:cntrl:]]'",
            name=op.f("ck_campaign_name_is_up_to_200_printable_characters"),
        ),
        sa.CheckConstraint(
            "starts_on BETWEEN DATE '1970-01-01' AND DATE '9999-12-31' "
            "AND ends_on BETWEEN DATE '1970-01-01' AND DATE '9999-12-31'",
            name=op.f("ck_campaign_flight_is_within_1970_to_9999"),
        ),
        sa.CheckConstraint(
            "daily_budget BETWEEN 0 AND 1000000000", name=op.f("ck_campaign_daily_budget_is_0_to_1000000000")
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_campaign_ends_on_is_not_before_starts_on")),
        sa.CheckConstraint(
            "total_budget BETWEEN 0 AND 1000000000", name=op.f("ck_campaign_total_budget_is_0_to_1000000000")
        ),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["brand.brand_id"], name=op.f("fk_campaign_brand_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign")),
    )
    op.create_index(op.f("ix_campaign_brand_id"), "campaign", ["brand_id"], unique=False)


def _create_daypart_window() -> None:
    op.create_table(
        "daypart_window",
        sa.Column("daypart_window_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("weekdays", sa.SmallInteger(), nullable=False),
        sa.Column("from_minute", sa.SmallInteger(), nullable=False),
        sa.Column("to_minute", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("from_minute <> to_minute", name=op.f("ck_daypart_window_from_and_to_differ")),
        sa.CheckConstraint("from_minute BETWEEN 0 AND 1439", name=op.f("ck_daypart_window_from_is_00:00_to_23:59")),
        sa.CheckConstraint("to_minute BETWEEN 0 AND 1440", name=op.f("ck_daypart_window_to_is_00:00_to_24:00")),
        sa.CheckConstraint("weekdays BETWEEN 1 AND 127", name=op.f("ck_daypart_window_weekdays_are_one_to_seven_days")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.campaign_id"], name=op.f("fk_daypart_window_campaign_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("daypart_window_id", name=op.f("pk_daypart_window")),
        sa.UniqueConstraint(
            "campaign_id",
            "weekdays",
            "from_minute",
            "to_minute",
            name=op.f("uq_daypart_window_campaign_id_weekdays_from_minute_to_minute"),
        ),
    )


def _create_change() -> None:
    op.create_table(
        "change",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "changed_at",
            _MOMENT,
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("(kind = 'campaign') = (campaign_id IS NOT NULL)", name=op.f("ck_change_kind_fits_the_ids")),
        sa.CheckConstraint("actor <> '' AND length(actor) <= 200", name=op.f("ck_change_actor_is_1_to_200_characters")),
        sa.CheckConstraint("kind IN ('brand', 'campaign')", name=op.f("ck_change_kind_is_brand_or_campaign")),
        sa.ForeignKeyConstraint(["brand_id"], ["brand.brand_id"], name=op.f("fk_change_brand_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.campaign_id"], name=op.f("fk_change_campaign_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_brand_id_change_id", "change", ["brand_id", "change_id"], unique=False)
    op.create_index("ix_change_campaign_id_change_id", "change", ["campaign_id", "change_id"], unique=False)


def _create_catalog_outbox() -> None:
    op.create_table(
        "catalog_outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("brand_id", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            _MOMENT,
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("published_at", _MOMENT, nullable=True),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("record_offset", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "num_nulls(published_at, topic, partition, record_offset, version) IN (0, 5)",
            name=op.f("ck_catalog_outbox_published_whole_or_not_at_all"),
        ),
        sa.ForeignKeyConstraint(
            ["brand_id"], ["brand.brand_id"], name=op.f("fk_catalog_outbox_brand_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.campaign_id"], name=op.f("fk_catalog_outbox_campaign_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_catalog_outbox")),
    )
    op.create_index(
        "ix_catalog_outbox_pending",
        "catalog_outbox",
        ["outbox_id"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
    )


def _create_catalog_position() -> None:
    op.create_table(
        "catalog_position",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("topic_id", sa.String(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("next_offset >= 0", name=op.f("ck_catalog_position_next_offset_is_not_negative")),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_catalog_position")),
    )


def _create_catalog_record() -> None:
    op.create_table(
        "catalog_record",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "record_key", name=op.f("pk_catalog_record")),
    )


def _keep_rows(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_kept_rows()"
    )


def _keep_identity(table: str, *columns: str) -> None:
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    op.execute(
        f"CREATE TRIGGER {table}_keeps_its_identity BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION refuse_other_identity()"
    )
