"""Packages with the names of hosts: of the functions themselves where a folder holds them, else of the oracles.

tests/hosts/extract.py fills the folder, ``ALIGNMENT_FAST_HOSTS``, with what it finds in the hosts' distributions.
"""

import importlib.util
import os
import sys
from pathlib import Path

ORACLES = Path(__file__).parent / "oracles"
# host -> (distribution, version, {module: file of its text, there and among the oracles})
PACKAGES = {
    "bigcode": ("", "", {"bigcode_eval.tasks.custom_metrics.code_eval": ("bigcode.py", "pass_at_k.py")}),
    "lighteval": (
        "lighteval",
        "0.13.0",
        {
            "lighteval.metrics.metrics_sample": ("lighteval.py", "pass_at_k.py"),
            "lighteval.tasks.tasks.lcb.codegen_metrics": ("lighteval_lcb.py", "pass_at_k.py"),
        },
    ),
    "verl": ("verl", "0.9.1", {"verl.trainer.ppo.metric_utils": ("verl.py", "verl.py")}),
}


def extracted(name):
    """Return the path of what was extracted from a host, or None."""
    folder = os.environ.get("ALIGNMENT_FAST_HOSTS")
    path = Path(folder, name) if folder else None
    return path if path is not None and path.exists() else None


def functions_of(name, oracle):
    """Return what was extracted from a host, as a module, or else the oracle."""
    path = extracted(name)
    if path is None:
        return oracle
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_host", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # there, for the processes that it starts
    spec.loader.exec_module(module)
    return module


def write(folder, host):
    """Write the packages of a host to `folder`, and return the names of its modules."""
    distribution, version, modules = PACKAGES[host]
    for module, (name, oracle) in modules.items():
        path = folder
        for part in module.split(".")[:-1]:
            path = path / part
            path.mkdir(exist_ok=True)
            (path / "__init__.py").touch()
        source = extracted(name) or ORACLES / oracle
        (path / (module.rpartition(".")[2] + ".py")).write_text(source.read_text("utf-8"), "utf-8")
    if distribution:
        information = folder / f"{distribution}-{version}.dist-info"
        information.mkdir()
        text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        (information / "METADATA").write_text(text, "utf-8")
    return list(modules)


def forget(host):
    """Remove the modules of a host from those imported."""
    roots = {module.partition(".")[0] for module in PACKAGES[host][2]}
    for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
        del sys.modules[name]
    sys.modules.pop(f"alignment_fast.accel.hosts.{host}", None)  # which may hold the host's module
    importlib.invalidate_caches()
