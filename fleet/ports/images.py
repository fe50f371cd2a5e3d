"""The port to the firmware images that rollouts bring, beside those of the fleet file."""

from typing import Protocol

from fleet.models.images import Image


class ImageBook(Protocol):
    """Images by the specs of rollouts and emergencies. Raises `DriverError` when they can't be had."""

    async def rollout_images(self) -> tuple[Image, ...]:
        """Of every rollout and emergency that names one, ended ones too: a task under way is known by its image."""
        ...
