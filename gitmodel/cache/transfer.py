"""Fetches and uploads packs between the cache and a remote.

A plan has each pack once. Packs are transferred whole, several at a time. A pack that has its final name is
never transferred again, so an interrupted transfer continues where it stopped. The backend retries requests.

A pool of threads imports `logging`, which takes 4 ms, so it is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from gitmodel.cache.pack_upload import Sender
from gitmodel.cache.reader import DamagedPackError
from gitmodel.domain.config.clone import VerifyUploads
from gitmodel.domain.digest import digest_of
from gitmodel.files.buffer_pool import keep_freed_blocks
from gitmodel.store.parallel import run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gitmodel.cache.cache import Cache
    from gitmodel.domain.progress import Progress
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.store.objects import ObjectStore

_FETCHED_IN_FLIGHT = 6  # decoding takes memory at the same time


class Plan(NamedTuple):
    """Packs to transfer: names (hex) and sizes in bytes, each once."""

    packs: tuple[tuple[str, int], ...]

    @property
    def total_bytes(self) -> int:
        """Bytes of all packs."""
        return sum(size for _, size in self.packs)


def plan_fetch(cache: Cache, manifests: Iterable[Manifest]) -> Plan:
    """The packs of these manifests that the cache lacks."""
    packs: dict[str, int] = {}
    for manifest in manifests:
        packs.update(cache.missing_packs(manifest))
    return Plan(tuple(packs.items()))


class PackDownload:
    """A download of packs into the cache, and a `PackReader` of the cache and the packs to come.

    Reading a pack that is being fetched waits for it. Each pack is checked against its name before it
    gets that name. Use as a context manager; packs whose fetch has not begun at its end are not fetched.

    `fetch` returns a whole pack, checked, by its name and size in bytes; several threads call it. `plan`
    has the packs in the order in which they will be read. `progress` receives the number of bytes
    fetched.
    """

    def __init__(
        self, fetch: Callable[[str, int], bytes], cache: Cache, plan: Plan, *, progress: Progress
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._fetch = fetch
        self._cache = cache
        self._progress = progress
        keep_freed_blocks()
        self._threads = ThreadPoolExecutor(
            _FETCHED_IN_FLIGHT, thread_name_prefix="gitmodel-transfer"
        )
        self._futures = {
            name: self._threads.submit(self._bring, name, size) for name, size in plan.packs
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._threads.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    def wait(self) -> None:
        """Wait for all packs; raises the first error of `fetch`."""
        from concurrent.futures import FIRST_EXCEPTION, wait

        done, _ = wait(self._futures.values(), return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """See `PackReader.read_at`; raises also the error of `fetch` for this pack."""
        self._arrived(name)
        return self._cache.read_at(name, offset, size)

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """See `PackReader.read_into`; raises also the error of `fetch` for this pack."""
        self._arrived(name)
        return self._cache.read_into(name, offset, buffers)

    def _arrived(self, name: str) -> None:
        future = self._futures.get(name)
        if future is not None:
            future.result()

    def _bring(self, name: str, size: int) -> None:
        self._cache.write_pack(name, self._fetch(name, size))
        self._progress.advance(size)


def fetch_packs(remote: ObjectStore, cache: Cache, plan: Plan, *, progress: Progress) -> None:
    """Fetch packs into the cache.

    Raises ObjectMissingError or DamagedObjectError if the remote lacks a pack or has a damaged one,
    RemoteError if it cannot be used.
    """
    with PackDownload(remote.pack, cache, plan, progress=progress) as arriving:
        arriving.wait()


def push_packs(
    cache: Cache,
    remote: ObjectStore,
    plan: Plan,
    *,
    progress: Progress,
    verify: VerifyUploads = VerifyUploads.UNCHECKED,
    arrived: Callable[[str], None] = lambda _name: None,
) -> None:
    """Upload packs from the cache; each is checked against its name first, and by `Sender` afterwards.

    `arrived` is called with each uploaded pack, from several threads. Raises as `Sender.send`, and
    ObjectMissingError or DamagedPackError if the cache lacks a pack or has a damaged one.
    """
    sender = Sender(remote, verify)

    def push(name: str, size: int) -> None:
        data = cache.read_pack(name)
        if len(data) != size or digest_of(data).hex != name:
            raise DamagedPackError(name, "its bytes do not match its name")
        sender.send(name, data)
        arrived(name)
        progress.advance(size)

    keep_freed_blocks()
    run_all(push, plan.packs)
