"""The catalogue of firmware images: which file carries which version of which component, and its SHA-256."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from fleet.models.base import Fact, Name, Version
from fleet.models.units import Duration, parse_duration

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_PART = r"[A-Za-z0-9_+~-][A-Za-z0-9._+~-]*"
FILE_PATTERN = rf"^{_PART}(/{_PART})*$"
MIXED = "mixed:"
"""How a version begins that stands for several members of one component with different versions."""
WEB_PATTERN = r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$"


class Image(Fact):
    """One image. `file` is a path under the catalogue's folder or HTTP store, or with a `url` the name of its copy."""

    component: Name
    version: Version
    hardware: Name | None = Field(None, description="only for hosts of this hardware model; default: for all")
    file: str = Field(pattern=FILE_PATTERN, max_length=255, description="path under the folder or the HTTP store")
    url: str | None = Field(None, pattern=WEB_PATTERN, description="an address of its own; default: the HTTP store")
    sha256: Sha256 = Field(description="SHA-256 of the file, checked before each flash")

    @property
    def file_name(self) -> str:
        """The file's own name, without folders."""
        return self.file.rpartition("/")[2]


class ImageCatalogue(Fact):
    """Images and where they lie: in a folder the workers read, in an HTTP store, or in both.

    A BMC that fetches its image itself (`simple` updates) needs the HTTP store; what the store serves is what is
    checked then.
    """

    folder: str | None = Field(None, min_length=1, description="folder with the files, relative to the data folder")
    store: str | None = Field(None, pattern=WEB_PATTERN, description="URL of the folder at the HTTP store")
    store_ca_file: str | None = Field(None, description="CA of the HTTP store; default: what the system trusts")
    cache: str = Field("images", min_length=1, description="folder for downloads, relative to the data folder")
    largest: int = Field(8 << 30, ge=1, description="bytes an image may have at most")
    timeout: Duration = Field(parse_duration("30m"), description="time one download may take")
    images: tuple[Image, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "ImageCatalogue":
        if self.folder is None and self.store is None and any(i.url is None for i in self.images):
            raise ValueError("expected a folder or a store, since images are listed")
        seen: set[tuple[str, str, str | None]] = set()
        for image in self.images:
            key = (image.component, image.version, image.hardware)
            if key in seen:
                raise ValueError(f"{image.component} {image.version} is listed twice for the same hardware")
            if image.version.startswith(MIXED):
                raise ValueError(f"a version can't begin with {MIXED!r}: it stands for members that differ")
            seen.add(key)
        return self

    def find(self, component: str, version: str, hardware: str) -> Image | None:
        """The image of a version for a hardware model: its own one before the one for all."""
        matching = [i for i in self.images if (i.component, i.version) == (component, version)]
        for wanted in (hardware, None):
            for image in matching:
                if image.hardware == wanted:
                    return image
        return None

    def of(self, hardware: str) -> tuple[Image, ...]:
        """Every image a host of a hardware model may be given."""
        return tuple(i for i in self.images if i.hardware in (None, hardware))
