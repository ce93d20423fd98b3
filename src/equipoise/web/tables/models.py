"""The read tables as Django models: for pages to read, and for the one projector to write.

Each row belongs to one stream of the ledger and follows from the entries of that stream alone. JSON
stands as text, so that every store keeps the same characters; instants are UTC. No column can hold
an arm, a product, or anything that tells one: the ledger has none.
"""

from typing import ClassVar

from django.db import models

APP = "tables"


class Line(models.Model):
    """An entry of the ledger: who did what, when, why. `is_empty` once its body was taken out."""

    pk = models.CompositePrimaryKey("stream", "version")
    stream = models.TextField()
    version = models.BigIntegerField()
    chain = models.TextField()
    seq = models.BigIntegerField()
    type = models.TextField()
    encounter = models.TextField()
    form = models.TextField()
    repeat = models.BigIntegerField()
    item = models.TextField()
    by = models.TextField()
    role = models.TextField()
    at = models.DateTimeField()
    reason = models.TextField()
    is_empty = models.BooleanField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_line"
        indexes: ClassVar = [models.Index(fields=["at"], name="read_line_at")]


class Participant(models.Model):
    """Where a participant stands; `last_entry` is the latest one about them, such as site-01:57."""

    participant = models.TextField(primary_key=True)
    site = models.TextField()
    status = models.TextField()
    number = models.TextField()
    screened_on = models.DateField()
    consent_version = models.TextField()
    consent_on = models.DateField(null=True)
    randomized_on = models.DateField(null=True)
    left_on = models.DateField(null=True)
    cause = models.TextField()
    last_entry = models.TextField()
    last_at = models.DateTimeField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_participant"
        indexes: ClassVar = [models.Index(fields=["site"], name="read_participant_site")]


class Form(models.Model):
    """A form as it stands now: `content` and `not_done` are JSON by item.

    `version` counts the submission and each correction since, `days_late` the days between the day
    it speaks of and its submission.
    """

    pk = models.CompositePrimaryKey("participant", "encounter", "form", "repeat")
    participant = models.TextField()
    encounter = models.TextField()
    form = models.TextField()
    repeat = models.BigIntegerField()
    site = models.TextField()
    done_on = models.DateField()
    days_late = models.BigIntegerField()
    content = models.TextField()
    not_done = models.TextField()
    n_warnings = models.BigIntegerField()
    version = models.BigIntegerField()
    entry = models.TextField()
    by = models.TextField()
    role = models.TextField()
    at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_form"


class Correction(models.Model):
    """A value that was replaced: `old` and `new` are JSON; `old` is null where none is known."""

    pk = models.CompositePrimaryKey("chain", "seq")
    chain = models.TextField()
    seq = models.BigIntegerField()
    participant = models.TextField()
    site = models.TextField()
    encounter = models.TextField()
    form = models.TextField()
    repeat = models.BigIntegerField()
    item = models.TextField()
    old = models.TextField(null=True)
    new = models.TextField()
    not_done = models.TextField()
    by = models.TextField()
    role = models.TextField()
    at = models.DateTimeField()
    reason = models.TextField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_correction"
        indexes: ClassVar = [
            models.Index(fields=["participant"], name="read_correction_participant")
        ]


class Deviation(models.Model):
    """A departure from the protocol; `criteria` are parted by spaces."""

    pk = models.CompositePrimaryKey("chain", "seq")
    chain = models.TextField()
    seq = models.BigIntegerField()
    participant = models.TextField()
    site = models.TextField()
    kind = models.TextField()
    since = models.DateField()
    what = models.TextField()
    criteria = models.TextField()
    by = models.TextField()
    role = models.TextField()
    at = models.DateTimeField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_deviation"
        indexes: ClassVar = [
            models.Index(fields=["participant"], name="read_deviation_participant")
        ]


class Signature(models.Model):
    """A signature as it was given. Whether it still stands, the casebook says: see `is_signed`.

    In place of a participant stands `study` where it is about all of them, at the end of the blind.
    `proof` is by which means the signer showed once more who they are.
    """

    pk = models.CompositePrimaryKey("chain", "seq")
    chain = models.TextField()
    seq = models.BigIntegerField()
    participant = models.TextField()
    site = models.TextField()
    signed = models.TextField()
    meaning = models.TextField()
    digest = models.TextField()
    proof = models.TextField()
    by = models.TextField()
    role = models.TextField()
    at = models.DateTimeField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_signature"
        indexes: ClassVar = [
            models.Index(fields=["participant"], name="read_signature_participant")
        ]


class Infusion(models.Model):
    """An infusion, from the order to the participant; its label tells nothing of its content."""

    pk = models.CompositePrimaryKey("participant", "encounter")
    participant = models.TextField()
    encounter = models.TextField()
    site = models.TextField()
    ordered_on = models.DateField()
    weight_kg = models.FloatField()
    target_cells = models.BigIntegerField()
    volume_ml = models.FloatField()
    n_bags = models.BigIntegerField()
    status = models.TextField()
    label = models.TextField()
    given_on = models.DateField(null=True)
    given_ml = models.FloatField(null=True)

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_infusion"


class Person(models.Model):
    """Somebody with a role; `sites` and `tasks` are parted by spaces, none means all."""

    person = models.TextField(primary_key=True)
    name = models.TextField()
    role = models.TextField()
    sites = models.TextField()
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)
    tasks = models.TextField()
    is_active = models.BooleanField()

    class Meta:  # noqa: D106 - as Django wants it
        app_label, managed, db_table = APP, False, "read_person"


MODELS: tuple[type[models.Model], ...] = (
    Line,
    Participant,
    Form,
    Correction,
    Deviation,
    Signature,
    Infusion,
    Person,
)
