"""Tags of state machines and activities; no other resource has any (recorded)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from express.service import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Tags of one resource (AWS guide "Service quotas").
MAX_TAGS: Final = 50


class Tagged(Protocol):
    arn: str
    tags: dict[str, str]


def add_tags(resource: Tagged, tags: Iterable[Mapping[str, str]]) -> None:
    """Add tags; each replaces the one with its key. Raises ServiceError TooManyTags."""
    merged = {**resource.tags, **{tag.get("key", ""): tag.get("value", "") for tag in tags}}
    if len(merged) > MAX_TAGS:
        raise errors.too_many_tags(resource.arn, MAX_TAGS)
    resource.tags = merged


def remove_tags(resource: Tagged, keys: Iterable[str]) -> None:
    """Remove tags by their keys; a missing one is no error."""
    removed = frozenset(keys)
    resource.tags = {key: value for key, value in resource.tags.items() if key not in removed}
