"""Run in a process of its own: `python wagtail_migrations.py HOST USER DATABASE` makes Wagtail's tables by its own migrations."""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.core.management import call_command

WAGTAIL = ("contrib.forms", "contrib.redirects", "embeds", "sites", "users", "snippets", "documents", "images", "search", "admin")
DJANGO = ("admin", "auth", "contenttypes", "sessions", "messages")


def main(host: str, user: str, database: str) -> None:
    settings.configure(
        SECRET_KEY="only-for-this-test",
        USE_TZ=True,
        STATIC_URL="/static/",
        WAGTAILADMIN_BASE_URL="http://localhost",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": database, "HOST": host, "USER": user}},
        INSTALLED_APPS=[
            *(f"wagtail.{app}" for app in WAGTAIL),
            "wagtail",
            "modelcluster",
            "taggit",
            *(f"django.contrib.{app}" for app in DJANGO),
        ],
    )
    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
