"""Images from a folder and from an HTTP store: only the very file that is listed is handed out."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from drivers.images import Images
from fleet.errors import InvalidInput, Unreachable
from fleet.models.images import Image, ImageCatalogue
from tests.drivers.redfish.webstore import serving

CONTENT = b"firmware " * 100_000


def images(data: Path, **changes: Any) -> Images:
    image = {
        "component": "bmc",
        "version": "1.1",
        "file": "vendor/bmc.bin",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    return Images(ImageCatalogue.model_validate({"images": [image]} | changes), data)


def write(folder: Path, content: bytes = CONTENT) -> Path:
    (folder / "vendor").mkdir(parents=True, exist_ok=True)
    (folder / "vendor" / "bmc.bin").write_bytes(content)
    return folder


async def read(store: Images) -> bytes:
    async with store.opened(store.find("bmc", "1.1", "any")) as file:
        return file.read()


async def test_a_folder_s_image_is_handed_out_whole(tmp_path: Path) -> None:
    write(tmp_path / "images")
    assert CONTENT == await read(images(tmp_path, folder="images"))


@pytest.mark.parametrize("content", [b"", CONTENT + b"x", CONTENT[:-1]])
async def test_a_folder_s_image_that_is_another_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "images", content)
    with pytest.raises(InvalidInput, match="is not the image listed: expected SHA-256"):
        await read(images(tmp_path, folder="images"))


async def test_an_image_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be read"):
        await read(images(tmp_path, folder="images"))


async def test_a_store_s_image_is_fetched_once_and_checked_each_time(tmp_path: Path) -> None:
    with serving(write(tmp_path / "web")) as (address, statuses):
        store = images(tmp_path, store=address)
        assert (CONTENT, CONTENT) == (await read(store), await read(store))
        assert [200] == statuses
        [copy] = (tmp_path / "images").glob("*/bmc.bin")
        copy.write_bytes(b"broken")
        assert CONTENT == await read(store)
        assert [200, 200] == statuses


async def test_what_a_bmc_will_fetch_is_what_the_store_serves_now(tmp_path: Path) -> None:
    with serving(write(tmp_path / "web")) as (address, statuses):
        store = images(tmp_path, store=address)
        image = store.find("bmc", "1.1", "any")
        assert {f"{address}/vendor/bmc.bin"} == {await store.served(image), await store.served(image)}
        assert [200, 304] == statuses
        write(tmp_path / "web", b"another")
        with pytest.raises(InvalidInput, match="is not the image listed"):
            await store.served(image)


async def test_a_store_without_the_image_is_a_person_s_to_mend_and_one_that_is_away_unreachable(tmp_path: Path) -> None:
    with serving(tmp_path) as (address, _), pytest.raises(InvalidInput, match="is not served: HTTP 404"):
        await read(images(tmp_path, store=address))
    with pytest.raises(Unreachable):
        await read(images(tmp_path, store=address))


@pytest.mark.parametrize(
    ("status", "error"), [(403, InvalidInput), (302, InvalidInput), (429, Unreachable), (503, Unreachable)]
)
async def test_a_store_that_can_t_now_is_asked_again_and_one_that_won_t_is_not(
    tmp_path: Path, status: int, error: type[Exception]
) -> None:
    with serving(tmp_path, failing=status) as (address, _), pytest.raises(error, match=f"HTTP {status}"):
        await read(images(tmp_path, store=address))


async def test_an_image_larger_than_any_may_be_is_not_kept(tmp_path: Path) -> None:
    with serving(write(tmp_path / "web")) as (address, _), pytest.raises(InvalidInput, match="at most 1000 bytes"):
        await read(images(tmp_path, store=address, largest=1000))
    assert [] == [path for path in (tmp_path / "images").rglob("*") if path.is_file()]


async def test_without_a_store_a_bmc_has_nowhere_to_fetch_from(tmp_path: Path) -> None:
    store = images(write(tmp_path), folder=".")
    with pytest.raises(InvalidInput, match="no HTTP store"):
        await store.served(store.find("bmc", "1.1", "any"))


class Brought:
    """What rollouts bring."""

    def __init__(self, *found: Image) -> None:
        self.found, self.reads = found, 0

    async def rollout_images(self) -> tuple[Image, ...]:
        self.reads += 1
        return self.found


def brought(version: str, **where: Any) -> Image:
    sha = hashlib.sha256(CONTENT).hexdigest()
    return Image(component="bmc", version=version, **{"file": "vendor/bmc.bin", "sha256": sha, **where})


async def test_a_rollout_s_image_is_found_once_it_was_read_and_handed_out_checked(tmp_path: Path) -> None:
    book = Brought(brought("1.2"), brought("1.3", sha256="0" * 64))
    store = Images(ImageCatalogue(folder="images"), tmp_path, book)
    write(tmp_path / "images")
    with pytest.raises(InvalidInput, match="no image of it"):
        store.find("bmc", "1.2", "any")

    await store.refresh()
    await store.refresh(60)

    async with store.opened(store.find("bmc", "1.2", "any")) as file:
        assert CONTENT == file.read()
    with pytest.raises(InvalidInput, match="is not the image listed"):
        async with store.opened(store.find("bmc", "1.3", "any")):
            raise AssertionError("handed out")
    assert 1 == book.reads


async def test_a_rollout_s_image_comes_from_an_address_of_its_own(tmp_path: Path) -> None:
    with serving(write(tmp_path / "web")) as (address, statuses):
        url = f"{address}/vendor/bmc.bin"
        store = Images(ImageCatalogue(folder="images"), tmp_path, Brought(brought("1.2", url=url)))
        await store.refresh()
        image = store.find("bmc", "1.2", "any")

        async with store.opened(image) as file:
            assert CONTENT == file.read()
        assert url == await store.served(image)
        assert [200, 304] == statuses


async def test_the_fleet_file_s_image_goes_before_a_rollout_s(tmp_path: Path) -> None:
    store = images(tmp_path, folder="images")
    store = Images(store.catalogue, tmp_path, Brought(brought("1.1", file="other.bin")))
    await store.refresh()

    assert "vendor/bmc.bin" == store.find("bmc", "1.1", "any").file


async def test_without_a_folder_or_a_store_a_path_leads_nowhere(tmp_path: Path) -> None:
    store = Images(ImageCatalogue(), tmp_path, Brought(brought("1.2")))
    await store.refresh()

    with pytest.raises(InvalidInput, match="no folder or HTTP store is named"):
        async with store.opened(store.find("bmc", "1.2", "any")):
            raise AssertionError("handed out")
