"""Maps a source URL to its source by the URL's scheme."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from express.errors import SourceError
from express.names import check_text

if TYPE_CHECKING:
    from express.consumers.source import Source

#: Module and the package it needs, by scheme. A module has `from_url(url, dead_letter)`.
SCHEMES: Final = {
    "redis": ("express.consumers.redis", "redis"),
    "rediss": ("express.consumers.redis", "redis"),
}


def connect(url: str, *, dead_letter: str | None = None) -> Source:
    """Return the source at `url`, not yet opened; `dead_letter` is where dead letters go, in the broker's own terms.

    Raises SourceError for an invalid URL (without showing its password) and for a broker whose package is not
    installed, TypeError for a URL that is no string.
    """
    check_text("url", url)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SourceError(f"the source is no URL: {error}") from None
    scheme = parts.scheme
    if scheme not in SCHEMES:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise SourceError(f"{shown!r} is no source: its scheme must be one of {', '.join(SCHEMES)}")
    module, package = SCHEMES[scheme]
    try:
        source: Source = import_module(module).from_url(url, dead_letter)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise SourceError(f"{scheme}:// needs the package {package}: pip install {package}") from None
    return source
