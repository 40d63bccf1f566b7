"""Settings for all tests: no deadlines, since a busy machine is not a defect, and random examples from fixed seeds."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir())
)

# pytest-xdist workers share the cores: more threads would wait for each other, which doubles training time
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("fixed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("fixed"), derandomize=False, max_examples=20_000)
settings.load_profile("fixed")


MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MakeOnce:
    """Return a function that creates a folder once for all workers of a run; tests read or copy it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        folder, unfinished = shared / name, shared / f"{name}.unfinished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def librosa_compiled(make_once: MakeOnce) -> None:
    """Have one worker compile librosa while the others wait: numba takes half a minute and caches the result."""
    pytest.importorskip("librosa")

    def compile_it(folder: Path) -> None:
        import librosa.feature  # noqa: PLC0415 - importing it compiles it

        assert callable(librosa.feature.mfcc)
        folder.mkdir()

    make_once("librosa-compiled", compile_it)


@pytest.fixture(scope="session")
def planted_once(make_once: MakeOnce) -> Path:
    """The workspace of ``tests.takedown.planted``."""
    from tests.takedown.planted import plant  # noqa: PLC0415 - imports half the product, which few tests need

    return make_once("planted", lambda folder: plant(folder).store.objects.close())


@pytest.fixture(scope="session")
def tiny_shops(make_once: MakeOnce) -> Path:
    """The demo shops of 20 products."""
    from demo_shops.shops import build  # noqa: PLC0415 - imports drawing and encoding libraries, which few tests need

    return make_once("tiny-shops", lambda folder: build(folder, "tiny"))
