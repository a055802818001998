"""LLVM IR text to machine code through llvmlite, with a cache of object code on disk.

The text needs no optimisation pass (see :mod:`chainrule.compiler.nestcode`): LLVM selects instructions, allocates
registers and schedules. llvmlite is imported on first use.
"""

import ctypes
import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from chainrule.errors import MissingExtra

Entry = Callable[[ctypes.c_void_p, ctypes.c_int64], None]
ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)


class Native:
    """Machine code in memory; ``run(table, times)`` is its entry point. The code lives as long as this object."""

    def __init__(self, library: Any):
        self._library = library
        self.run: Entry = ENTRY(library["step"])


class Host:
    """This machine as LLVM sees it."""

    def __init__(self) -> None:
        try:
            import llvmlite
            import llvmlite.binding as llvm
        except ImportError as error:
            raise MissingExtra(
                "compile: native code needs llvmlite, which is not installed here; "
                'install it with: pip install "chainrule[compile]"'
            ) from error
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        cpu, flags = llvm.get_host_cpu_name(), features.flatten()
        target = llvm.Target.from_default_triple()
        self.llvm = llvm
        self.machine = target.create_target_machine(cpu=cpu, features=flags, opt=2, jit=True)
        self.linker = llvm.create_lljit_compiler(target.create_target_machine(cpu=cpu, features=flags, jit=True))
        self.loads = itertools.count()
        self.register = 32 if features.get("avx") else 16
        """Bytes of the vector registers to use; 64-byte ones gain nothing on most CPUs that have them."""
        self.key = f"{self.machine.triple} {cpu} {flags} {llvmlite.__version__}"

    def compile(self, text: str) -> bytes:
        """Object code."""
        module = self.llvm.parse_assembly(text)
        module.triple = self.machine.triple
        module.data_layout = str(self.machine.target_data)
        return bytes(self.machine.emit_object(module))

    def load(self, code: bytes) -> Native:
        library = self.llvm.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol("step")
        return Native(library.link(self.linker, f"step{next(self.loads)}"))


host = cache(Host)
_loaded: WeakValueDictionary[str, Native] = WeakValueDictionary()


def native(text: str) -> Native:
    """The machine code of a module with the entry point ``step``. Raises MissingExtra without llvmlite."""
    key = hashlib.sha256(f"{host().key}\n{text}".encode()).hexdigest()
    found = _loaded.get(key)
    if found is None:
        code = read(key)
        if code is None:
            code = host().compile(text)
            write(key, code)
        found = _loaded[key] = host().load(code)
    return found


def folder() -> Path:
    """Where object code is kept: ``$XDG_CACHE_HOME/chainrule``, else ``~/.cache/chainrule``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "chainrule"


def read(key: str) -> bytes | None:
    """Object code from the disk; None if there is none, or it is damaged, or the folder cannot be read."""
    try:
        data = (folder() / f"{key}.o").read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    digest, code = data[:32], data[32:]
    return code if hashlib.sha256(code).digest() == digest else None


def write(key: str, code: bytes) -> None:
    """Keep object code, if the folder lets us: under a temporary name, then renamed."""
    with suppress(OSError, RuntimeError):
        home = folder()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=home)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            Path(name).replace(home / f"{key}.o")
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
