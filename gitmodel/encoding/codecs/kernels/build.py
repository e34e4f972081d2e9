"""Compiles `compiled.c` when the package is built; not part of the installed package.

A build hook of hatchling, named in pyproject.toml. Without a C compiler the wheel has the tag
`none-any` and no extension, and the package uses numpy.

Sources: https://hatch.pypa.io/latest/plugins/build-hook/custom/ and
https://docs.python.org/3/c-api/stable.html (one extension for every Python from 3.11 on).
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

HERE = "gitmodel/encoding/codecs/kernels"


class CompiledPart(BuildHookInterface[Any]):
    """Builds the extension beside its source and adds it to the wheel."""

    def initialize(
        self,
        version: str,  # noqa: ARG002
        build_data: dict[str, Any],
    ) -> None:
        """Compile the extension; hatchling calls this before it builds any wheel."""
        for old in Path(self.root, HERE).glob("compiled*.so"):
            old.unlink()
        limited = not sysconfig.get_config_var("Py_GIL_DISABLED")  # has no stable ABI yet
        built = _compile(self.root, limited=limited)
        if built is None:
            self.app.display_warning("built without the C extension: gitmodel will be slower")
            return
        tag = next(sys_tags())
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{tag.platform}" if limited else str(tag)
        build_data["artifacts"].append(f"/{built}")


def _compile(root: str, *, limited: bool) -> str | None:
    """Compile and return the extension's path relative to the root; None if that fails."""
    extension = Extension(
        f"{HERE.replace('/', '.')}.compiled",
        [f"{HERE}/compiled.c"],
        define_macros=[("Py_LIMITED_API", "0x030b0000")] if limited else [],
        extra_compile_args=["-O3"],
        py_limited_api=limited,
        optional=True,
    )
    command = build_ext(Distribution({"name": "gitmodel", "ext_modules": [extension]}))
    command.build_lib = root
    command.build_temp = str(Path(root, "build"))
    command.ensure_finalized()
    command.run()
    built = Path(command.get_ext_fullpath(extension.name))
    return built.relative_to(root).as_posix() if built.exists() else None
