"""The house rules: who may import whom, what the training core needs, what making a cover may load."""

from __future__ import annotations

import ast
import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "data": set(),
    "encoders": {"data"},
    "gans": {"data"},
    "analysis": {"data"},
    "scripts": {"data", "encoders", "gans", "analysis"},
}
SOURCES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
ONLY_THESE_TRAIN = {"torch", "numpy", "pyarrow", "PIL", "safetensors", "tensorboard"}
NEVER = {"pickle", "cPickle", "dill", "joblib.numpy_pickle", "torchvision", "torchaudio", "torchcodec"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that `tree` imports, wherever the statement stands; relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = f"{package}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports_on_load(tree: ast.Module, package: str) -> Iterator[str]:
    """As `imports`, of what runs when the module is loaded: function bodies and type checking left out."""

    class OnLoad(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)

    yield from imports(OnLoad().visit(tree), package)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_follow_the_arrows(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    reached = {name.split(".")[0] for name in imports(parse(path), package)}
    ours = reached & (set(MAY_IMPORT) | {"tests"})
    assert ours <= MAY_IMPORT[package] | {package}, f"{name_of(path)} may not import {ours}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_runs_code_from_files(path: Path) -> None:
    tree = parse(path)
    for name in imports(tree, path.relative_to(ROOT).parts[0]):
        assert not any(name == never or name.startswith(f"{never}.") for never in NEVER), name
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        assert called not in {"eval", "exec", "__import__", "importlib.import_module"}, called
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if called == "torch.load":
            assert given.get("weights_only") == "True", f"{name_of(path)}:{call.lineno}"
        if called in {"np.load", "numpy.load"}:
            assert given.get("allow_pickle", "False") == "False", f"{name_of(path)}:{call.lineno}"


def training_core() -> list[Path]:
    """`gans` and every module of `data` that it reaches, through `data` itself too."""
    core = sorted((ROOT / "gans").rglob("*.py"))
    for path in core:  # grows while it is walked
        for name in imports(parse(path), path.relative_to(ROOT).parts[0]):
            parts = name.split(".")
            reached = ROOT / "data" / f"{parts[1]}.py" if parts[0] == "data" and len(parts) > 1 else None
            if reached and reached.is_file() and reached not in core:
                core.append(reached)
    data = ("errors", "files", "attributes", "covers", "table", "shards", "cache")
    return sorted({*core, *(ROOT / "data" / f"{name}.py" for name in data)})


@pytest.mark.parametrize("path", training_core(), ids=name_of)
def test_training_needs_few_packages(path: Path) -> None:
    reached = {name.split(".")[0] for name in imports_on_load(parse(path), path.relative_to(ROOT).parts[0])}
    foreign = reached - set(sys.stdlib_module_names) - set(MAY_IMPORT)
    assert foreign <= ONLY_THESE_TRAIN, f"{name_of(path)} loads {foreign - ONLY_THESE_TRAIN}"


def gans_reached(module: str) -> set[str]:
    """The modules of `gans` that one of them loads, however far away, itself among them."""
    seen: set[str] = set()
    ahead = [module]
    while ahead:
        name = ahead.pop()
        path = ROOT / "gans" / f"{name}.py"
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        parts = (dotted.split(".") for dotted in imports(parse(path), "gans"))
        ahead += [inner[1] for inner in parts if inner[0] == "gans" and len(inner) > 1]
    return seen


NETWORKS = ("dcgan", "dcgan2016", "progan", "stylegan2", "r3gan", "small", "quantum")
TRAINING = {"losses", "steps", "iteration", "training", "state", "schedule", "batches", "recipes", "config"}


def test_networks_hold_no_training_code_and_losses_no_networks() -> None:
    from gans.networks import NETWORKS as by_name

    assert {player.__module__ for pair in by_name.values() for player in pair} == {f"gans.{name}" for name in NETWORKS}
    for name in NETWORKS:
        assert not gans_reached(name) & TRAINING, name
    assert not gans_reached("losses") & {*NETWORKS, "networks", "generator", "discriminator"}
    assert gans_reached("training") > {*NETWORKS, *TRAINING} - {"recipes"}  # what is looked for can be found


def asks_by_name(tree: ast.AST, names: set[str]) -> list[int]:
    """Lines that compare with one of `names`, or compare a recipe with anything."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.Match)
        and any(
            (isinstance(part, ast.Constant) and part.value in names)
            or (isinstance(part, ast.Attribute) and part.attr == "recipe")
            for part in ast.walk(node)
        )
    ]


@pytest.mark.parametrize("name", sorted(gans_reached("training") - set(NETWORKS) - {"networks"}))
def test_the_loop_asks_for_no_recipe_by_name(name: str) -> None:
    from gans.networks import NETWORKS as by_name
    from gans.recipes import RECIPES

    assert not asks_by_name(parse(ROOT / "gans" / f"{name}.py"), {*RECIPES, *by_name})


def test_packages_are_listed_by_name() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options"]["packages"].split() == ["encoders", "gans", "analysis", "data", "data.sources", "scripts"]
    for package in MAY_IMPORT:
        assert (ROOT / package / "__init__.py").is_file()


def test_every_verb_is_a_file_and_a_program() -> None:
    from scripts.cli import VERBS

    for verb in VERBS:
        path = ROOT / "scripts" / f"{verb.__name__}.py"
        assert f'__name__ == "__main__":\n    run_verb({verb.__name__})' in path.read_text(), path


def test_the_rules_are_read_right() -> None:
    tree = ast.parse("import numpy as np\nfrom gans import bundle\ndef f():\n    from . import x\n    import torch")
    assert set(imports(tree, "data")) == {"numpy", "gans.bundle", "data.x", "torch"}
    assert set(imports_on_load(tree, "data")) == {"numpy", "gans.bundle"}
    asking = "if a.recipe == b:\n    pass\nif 'wgan' in c:\n    pass\nif a.loss == 'bce':\n    pass"
    assert asks_by_name(ast.parse(asking), {"wgan"}) == [1, 3]
