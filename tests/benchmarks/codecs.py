"""Ratio and speed of the chunk codecs on given files, on one thread and on two.

    python tests/benchmarks/codecs.py FILE ... [--base FILE] [--width 2] [--chunk 4194304]

Each file is cut into pieces of one size, in a safetensors file from the first tensor on. Printed are,
a file: the share that is left, which codecs that took, and GB/s of raw bytes for encoding and for
decoding on one thread and on two, each the best of several rounds. With --base, the pieces are
offered the pieces of that file at the same places. Not collected by pytest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from gitmodel.encoding.codecs.codec import Encoded, chunk_hash, decode, encode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")


class Piece(NamedTuple):
    """One chunk's bytes and what it may be stored against."""

    raw: memoryview
    base: memoryview | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--base", type=Path, help="file whose pieces may serve as bases")
    parser.add_argument("--width", type=int, default=0, help="bytes of an element, 0 if unknown")
    parser.add_argument("--chunk", type=int, default=4 << 20, help="bytes of a piece")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best one counts")
    given = parser.parse_args()
    say(f"{'':32}{'left':>7}  {'encode 1, 2':>12}  {'decode 1, 2':>12}  codecs")
    for path in given.files:
        pieces = cut(path, given.base, given.chunk)
        name = f"{path.parent.name}/{path.name}"
        say(f"{name:32.32}{report(pieces, given.width, given.rounds)}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def cut(path: Path, base: Path | None, size: int) -> list[Piece]:
    """Cut a file into pieces, each with the piece of the base at its place."""
    raw = tensor_bytes(path)
    other = memoryview(b"") if base is None else tensor_bytes(base)
    return [
        Piece(raw[start : start + size], None if base is None else other[start : start + size])
        for start in range(0, len(raw), size)
    ]


def tensor_bytes(path: Path) -> memoryview:
    """Return a file's bytes, those of a safetensors file without its header."""
    data = memoryview(path.read_bytes())
    if path.suffix != ".safetensors":
        return data
    return data[8 + int.from_bytes(data[:8], "little") :]


def report(pieces: Sequence[Piece], width: int, rounds: int) -> str:
    """Encode and decode all pieces, check them, and say in a line how that went."""

    def code(piece: Piece) -> Encoded:
        return encode(piece.raw, width=width, base=piece.base)

    def back(pair: tuple[Piece, Encoded]) -> memoryview | bytes:
        piece, found = pair
        return decode(
            found.codec,
            b"".join(found.parts),
            raw_size=len(piece.raw),
            width=found.width,
            base=piece.base if found.uses_base else None,
        )

    done = [(piece, code(piece)) for piece in pieces]
    for pair in done:
        assert chunk_hash(back(pair)) == chunk_hash(pair[0].raw)
    size = sum(len(piece.raw) for piece in pieces)
    left = sum(found.size for _, found in done) / size
    codecs = Counter(f"{found.codec.name} {found.width or ''}".strip() for _, found in done)
    counted = ", ".join(f"{count} {name}" for name, count in codecs.most_common())
    encoding = " ".join(f"{speed(code, pieces, size, threads, rounds):5.2f}" for threads in (1, 2))
    decoding = " ".join(f"{speed(back, done, size, threads, rounds):5.2f}" for threads in (1, 2))
    return f"{left:7.4f}  {encoding:>12}  {decoding:>12}  {counted}"


def speed(
    work: Callable[[Item], object], items: Sequence[Item], size: int, threads: int, rounds: int
) -> float:
    """Return GB/s of the fastest round of doing this work for all items; `size` bytes a round."""
    seconds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in pool.map(lambda item: work(item) and None, items):
                pass
            seconds.append(time.perf_counter() - start)
    return size / min(seconds) / 1e9


if __name__ == "__main__":
    main()
