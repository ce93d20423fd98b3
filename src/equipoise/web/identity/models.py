"""Two tables beside the accounts: public keys, and what waits for one answer."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Passkey(models.Model):
    """The public half of a passkey; bytes are kept as base64url."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    domain = models.CharField(max_length=253)
    handle = models.CharField(max_length=88)
    credential = models.CharField(max_length=1400, unique=True)
    public_key = models.TextField()
    sign_count = models.BigIntegerField()
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        """In the order of making."""

        ordering: ClassVar[list[str]] = ["made_at", "pk"]


class Ticket(models.Model):
    """Something that counts once, for a short time, in one browser: a challenge or a proof."""

    kind = models.CharField(max_length=12)
    secret = models.CharField(max_length=64, unique=True)
    holder = models.CharField(max_length=64)
    person = models.CharField(max_length=150)
    data = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)
