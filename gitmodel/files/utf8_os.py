"""`os` and `open` with file names in UTF-8, for a Python that runs under another locale.

The program and the hooks run in Python's UTF-8 mode. A training script that imports gitmodel need not: under
Latin-1 its Python writes `ü` as one byte, and that cannot be changed at run time. Modules of gitmodel that
are imported there get an `os` that passes names to the system as bytes. No other module gets it. In a
UTF-8 locale this module is never imported.
"""

from __future__ import annotations

import builtins
import functools
import os
import posixpath
import sys
import types
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader

_PACKAGE = "gitmodel."
_DOORS = "gitmodel.files.path_encoding"  # knows the caller's names too
_CALLS = (
    *("access", "chdir", "chmod", "chown", "link", "listdir", "lstat", "makedirs", "mkdir", "open"),
    *("readlink", "remove", "rename", "replace", "rmdir", "stat", "statvfs", "symlink"),
    *("truncate", "unlink", "utime"),
)
_OF_TWO_PATHS = frozenset({"link", "relpath", "rename", "replace", "samefile", "symlink"})
# The rest of posixpath only handles text.
_PATH_CALLS = (
    *("abspath", "exists", "expanduser", "getmtime", "getsize", "isdir", "isfile", "islink"),
    *("ismount", "lexists", "realpath", "relpath", "samefile"),
)


def encoded(value: Any) -> Any:
    """Encode text and paths; other values, such as a descriptor, are returned unchanged."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def decoded(value: Any) -> Any:
    """Decode bytes, also in a list; other values are returned unchanged."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def by_bytes(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a system call: names are passed as bytes, and its errors show them as text."""
    count = 2 if call.__name__ in _OF_TWO_PATHS else 1

    @functools.wraps(call)
    def called(*arguments: Any, **named: Any) -> Any:
        paths, rest = arguments[:count], arguments[count:]
        with _named_in_text():
            return decoded(call(*map(encoded, paths), *rest, **named))

    return called


@contextmanager
def _named_in_text() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = decoded(error.filename)
        error.filename2 = decoded(error.filename2)
        raise


class _Entry:
    """As `os.DirEntry`."""

    def __init__(self, entry: os.DirEntry[bytes]) -> None:
        self.name: str = decoded(entry.name)
        self.path: str = decoded(entry.path)
        self.is_dir = entry.is_dir
        self.is_file = entry.is_file
        self.is_symlink = entry.is_symlink
        self.inode = entry.inode
        self.stat = entry.stat

    def __fspath__(self) -> str:
        return self.path


class _Entries(Iterator[_Entry]):
    """As what `os.scandir` returns."""

    def __init__(self, path: Any = ".") -> None:
        with _named_in_text():
            self._found = os.scandir(encoded(path))

    def __next__(self) -> _Entry:
        return _Entry(next(self._found))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._found.close()

    def close(self) -> None:
        """Close the scan before its end."""
        self._found.close()


def _walk(
    top: Any, topdown: bool = True, onerror: Any = None, followlinks: bool = False
) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`; the list of folders may be changed by the caller there too."""
    for place, folders, names in os.walk(encoded(top), topdown, onerror, followlinks):
        shown = decoded(folders)
        yield decoded(place), shown, decoded(names)
        folders[:] = map(encoded, shown)


class _Environment(MutableMapping[str, str]):
    """As `os.environ`."""

    def __getitem__(self, name: str) -> str:
        try:
            value: str = decoded(os.environb[encoded(name)])
        except KeyError:
            raise KeyError(name) from None
        return value

    def __setitem__(self, name: str, value: str) -> None:
        os.environb[encoded(name)] = encoded(value)

    def __delitem__(self, name: str) -> None:
        del os.environb[encoded(name)]

    def __iter__(self) -> Iterator[str]:
        return iter([decoded(name) for name in os.environb])

    def __len__(self) -> int:
        return len(os.environb)


def utf8_os() -> types.ModuleType:
    """Make a module like `os` with names in UTF-8."""
    path = types.ModuleType("posixpath")
    vars(path).update({name: value for name, value in vars(posixpath).items() if name[0] != "_"})
    vars(path).update({name: by_bytes(getattr(posixpath, name)) for name in _PATH_CALLS})
    module = types.ModuleType("os")
    vars(module).update({name: value for name, value in vars(os).items() if name[:2] != "__"})
    vars(module).update({name: by_bytes(getattr(os, name)) for name in _CALLS})
    own = {
        "path": path,
        "walk": _walk,
        "scandir": _Entries,
        "environ": _Environment(),
        "getcwd": by_bytes(os.getcwdb),
        "fsencode": encoded,
        "fsdecode": lambda name: decoded(encoded(name)),
    }
    vars(module).update(own)
    return module


def utf8_builtins() -> dict[str, Any]:
    """Make builtins whose `open` and `import os` take names in UTF-8."""
    module = utf8_os()

    def import_(
        name: str,
        names: Any = None,
        places: Any = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and name in {"os", "os.path"}:
            return module.path if name == "os.path" and wanted else module
        return builtins.__import__(name, names, places, wanted or (), level)

    return vars(builtins) | {"open": by_bytes(builtins.open), "__import__": import_}


class _Finder:
    """Finds modules of gitmodel as usual, and gives them these builtins."""

    def __init__(self) -> None:
        self._builtins = utf8_builtins()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if not name.startswith(_PACKAGE) or name == _DOORS:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find and finder is not self else None
            if isinstance(spec, ModuleSpec) and spec.loader is not None:
                self._equip(spec.loader)
                return spec
        return None

    def _equip(self, loader: Loader) -> None:
        execute = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            vars(module)["__builtins__"] = self._builtins
            execute(module)

        vars(loader)["exec_module"] = exec_module


def install() -> None:
    """Give every module of gitmodel that is imported from now on names in UTF-8."""
    sys.meta_path.insert(0, _Finder())
