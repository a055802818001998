"""Makes every run of the tests the same, and keeps torch out of those that are not about it."""

import os
import sys
import tempfile
from importlib.abc import MetaPathFinder
from pathlib import Path

from hypothesis import settings

PARITY = Path(__file__).parent / "parity"

# Read once by NumPy's BLAS when NumPy is first imported: the order of a sum must not depend on the number of cores.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "Agg"
os.environ["LC_ALL"] = "C.UTF-8"  # reports follow the locale; a test of Chinese asks for it
os.environ.pop("LANGUAGE", None)
_scratch = tempfile.TemporaryDirectory(prefix="chainrule-tests-")  # gone when the process ends
os.environ["XDG_CACHE_HOME"] = _scratch.name  # compiled code of earlier runs must not hide a broken compiler

settings.register_profile("explore", deadline=None)  # new examples each run: --hypothesis-profile=explore
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.load_profile("same")


class _NoTorch(MetaPathFinder):
    """Refuses `import torch`, so that a test which needs it by accident fails here as it would without torch."""

    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("torch is left out of these tests; those in tests/parity run with --torch")


def pytest_addoption(parser):
    parser.addoption("--torch", action="store_true", help="also run tests/parity, which compares with torch")


def pytest_configure(config):
    if not config.getoption("--torch"):
        sys.meta_path.insert(0, _NoTorch())


def pytest_ignore_collect(collection_path, config):
    return True if collection_path == PARITY and not config.getoption("--torch") else None
