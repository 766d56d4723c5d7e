"""What is installed: one package, with everything in it, from the tree and from the sdist alike."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINKS = {"protocols": "../protocols", "parties": "../parties"}
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "mpcgen", "protocols", "parties")


def python(*command: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Run this interpreter in a folder, with nothing but `path` before its own packages."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={"PYTHONPATH": path, "PATH": "", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )


def packages() -> dict[str, Path]:
    """Every folder of the product that has an __init__.py, by its imported name."""
    found = {}
    for package, folder in PACKAGES.items():
        for marker in folder.rglob("__init__.py"):
            inner = marker.parent.relative_to(folder).parts
            if package != "mpcgen" or not set(inner[:1]) & LINKS.keys():
                found[".".join((package, *inner))] = marker.parent
    return found


def expected_files() -> set[str]:
    """What a wheel must install: all modules, the typing marker and the demonstration's data."""
    modules = {
        f"{package.replace('.', '/')}/{path.name}"
        for package, folder in packages().items()
        for path in folder.glob("*.py")
    }
    data = {f"mpcgen/demo/data/{path.name}" for path in (ROOT / "mpcgen/demo/data").iterdir()}
    return modules | data | {"mpcgen/py.typed"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, so that building leaves nothing behind."""
    copy = tmp_path_factory.mktemp("tree")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=skip)
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


def wheel_of(source: Path, out: Path) -> Path:
    """Build a wheel without network."""
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir", "--quiet")
    done = python(
        "-m", "pip", "--disable-pip-version-check", "wheel", *options,
        "--wheel-dir", str(out), str(source), cwd=out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    done = python("-c", build, str(out), cwd=tree)
    assert done.returncode == 0, done.stderr
    (archive,) = out.glob("*.tar.gz")
    return archive


def installed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_is_mpcgen_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    version = PROJECT["project"]["version"]
    assert tops == {"mpcgen", f"mpcgen-{version}.dist-info"}


def test_the_wheel_has_every_module_and_the_demonstrations_data(wheel: Path) -> None:
    assert expected_files() <= installed(wheel)
    assert {name for name in installed(wheel) if name.endswith(".py")} <= expected_files()


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        assert not [name for name in archive.getnames() if "__pycache__" in name]
    assert installed(wheel_of(sdist, tmp_path)) == installed(wheel)


def test_the_wheel_works_away_from_the_sources(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import mpcgen.conformance, mpcgen.parties.session, mpcgen.protocols.engines as e; "
        "print(mpcgen.__file__, e.__file__, sorted(e.ENGINES))"
    )
    done = python("-c", code, cwd=tmp_path, path=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path / "site" / "mpcgen")) == 2


def test_the_package_list_is_the_folders() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert listed == sorted(packages())


def test_the_version_is_the_packages() -> None:
    from mpcgen import __version__  # noqa: PLC0415

    assert PROJECT["project"]["version"] == __version__


@pytest.mark.parametrize("name", LINKS)
def test_the_links_resolve_to_the_top(name: str) -> None:
    link = ROOT / "mpcgen" / name
    assert link.is_symlink()
    assert str(link.readlink()) == LINKS[name]
    assert link.resolve() == ROOT / name


@pytest.mark.parametrize("name", LINKS)
def test_the_folders_at_the_top_are_no_packages_of_their_own(name: str) -> None:
    done = python("-c", f"import {name}", cwd=ROOT)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"ImportError: import mpcgen.{name}; the folder {name}/ is not a package of its own"
    )


def test_optional_engines_are_not_in_the_base_install() -> None:
    needed = " ".join(PROJECT["project"]["dependencies"])
    assert not [name for name in ("torch", "crypten", "tenseal", "msprime") if name in needed]
