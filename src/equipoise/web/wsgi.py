"""The application that a server runs: one door, as EQUIPOISE_DOOR says."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "equipoise.web.settings")
application = get_wsgi_application()

from equipoise.web.running import keep_ready  # noqa: E402 - Django is set up first

keep_ready()
