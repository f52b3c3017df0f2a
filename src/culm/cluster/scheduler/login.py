"""The registry's password for images that the workers pull: an ECR token, renewed before it ends."""

from collections.abc import Callable

from culm.cluster.scheduler.images import OURS
from culm.cluster.store.db import Store
from culm.cluster.store.ecr import tokens

RENEWED_BEFORE = 3600.0
"""Seconds."""


class RegistryLogin:
    """Implements `culm.cluster.instance.interface.Login`."""

    def __init__(self, store: Store, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._store = store
        self._now = now
        self._new_id = new_id
        self._password = ""
        self._expires_at = 0.0

    async def __call__(self, image: str) -> tuple[str, str] | None:
        if not OURS.fullmatch(image.partition("/")[0]):
            return None
        if self._now() > self._expires_at - RENEWED_BEFORE:
            self._password, self._expires_at = await self._store.run(
                lambda db: tokens.mint(db, self._new_id, self._now())
            )
        return "AWS", self._password
