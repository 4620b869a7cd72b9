"""Imports go one way: domain, simulation, solving, sweeping, presentation, cli; each package knows those before it."""

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "simulator"
TOP = ("interface", "__init__")  # what a user of Python imports; nothing in the package does

# Package -> the other packages it may import. Imports within a package are its own business.
MAY_IMPORT = {
    "domain": set(),
    "simulation": {"domain"},
    "solving": {"domain", "simulation"},
    "sweeping": {"domain", "simulation", "solving"},
    "presentation": {"domain", "simulation", "solving", "sweeping", "catalogue", "config"},
    "cli": {"domain", "simulation", "solving", "sweeping", "presentation", "catalogue", "config", "traces"},
    "config": {"domain", "traces", "_paths"},
    "catalogue": {"domain", "_paths"},
    "traces": {"domain"},
    "_paths": set(),
    "interface": {"domain", "simulation", "solving", "sweeping", "catalogue", "config", "traces"},
    "__init__": {"interface", "catalogue", "traces"},
}

# Library -> the packages that may import it.
ONLY_IN = {
    "matplotlib": {"presentation"},
    "mpl_toolkits": {"presentation"},
    "rich": {"presentation"},
    "click": {"cli"},
    "yaml": {"config", "catalogue"},
    "genai_prices": {"catalogue"},
    "numba": {"simulation"},
}

# Package -> all the libraries it may import, where that is fewer than the others may.
LIBRARIES = {
    "config": {"yaml", "pydantic", "pydantic_core", "numpy"},
    "catalogue": {"yaml", "genai_prices", "pydantic", "numpy"},
    "cli": {"click"},
    "traces": {"numpy", "pandas", "scipy", "pyarrow"},
    "_paths": set(),
    "__init__": set(),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def owner_of(path):
    """The package of a module, or the module itself where it lies at the top."""
    inside = path.relative_to(PACKAGE).with_suffix("")
    return inside.parts[0]


def imported_by(path):
    """Dotted names that a module imports, at its head, within functions and for type checking, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "simulator":
                yield from ((f"simulator.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if isinstance(node.args[0], ast.Name):  # which one is decided as it runs: all that the file names count
                yield from named_modules(tree)
            else:
                yield ast.unparse(node.args[0]).strip("f'\""), node.lineno


def named_modules(tree):
    """Texts of a module that are names of modules of the package, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and re.fullmatch(r"simulator(\.\w+)+", str(node.value)):
            yield node.value, node.lineno


def place(path, line):
    return f"{path.relative_to(PACKAGE.parent)}:{line}"


def test_every_module_has_its_place_in_the_map():
    assert {owner_of(path) for path in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_before_it(package):
    wrong = []
    for path in MODULES:
        if owner_of(path) != package:
            continue
        for name, line in imported_by(path):
            parts = name.split(".")
            if parts[0] != "simulator" or name == "simulator.__version__":
                continue
            if parts[1] != package and parts[1] not in MAY_IMPORT[package]:
                wrong.append(f"{place(path, line)}: {package} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library):
    users = {owner_of(path) for path in MODULES for name, _ in imported_by(path) if name.split(".")[0] == library}
    assert users <= ONLY_IN[library]


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_package_imports_no_other_libraries(package):
    wrong = []
    for path in MODULES:
        if owner_of(path) != package:
            continue
        for name, line in imported_by(path):
            library = name.split(".")[0]
            if library not in ("simulator", *sys.stdlib_module_names) and library not in LIBRARIES[package]:
                wrong.append(f"{place(path, line)}: {package} imports {name}")
    assert wrong == []


def test_nothing_but_the_package_itself_imports_the_interface():
    users = {owner_of(path) for path in MODULES for name, _ in imported_by(path) if name == "simulator.interface"}
    assert users == {"__init__"}


def test_nothing_in_the_package_imports_tests_or_benchmarks():
    names = {name.split(".")[0] for path in MODULES for name, _ in imported_by(path)}
    assert names.isdisjoint({"tests", "benchmarks", "pytest", "hypothesis"})


def test_the_domain_reads_no_files_and_no_clock():
    """Pure formulas: what they need comes in as arguments."""
    wrong = []
    for path in MODULES:
        if owner_of(path) != "domain":
            continue
        wrong += [
            place(path, line)
            for name, line in imported_by(path)
            if name.split(".")[0] in ("os", "pathlib", "io", "time", "random", "logging", "subprocess", "tempfile")
        ]
    assert wrong == []
