"""Writes the message models of every version from the published JSON schemas: `python -m ocpp_client.generate`.

Names, types and limits are taken over, descriptions are not. The schemas are those that the PyPI package `ocpp` ships,
a development dependency. What is written is committed; running this again changes nothing.
"""

import argparse
import logging
from importlib.resources import files
from pathlib import Path

from ocpp_client._generate.layout import modules
from ocpp_client._generate.plan import VERSIONS, VersionPlan
from ocpp_client._generate.read import Reader
from ocpp_client._generate.write import homes, write_module, write_package

log = logging.getLogger(__name__)


def generate(plan: VersionPlan) -> dict[str, str]:
    """Return the files of a version's package, text by name. Raises SchemaSurprise for schemas it does not understand.

    Raises ModuleNotFoundError without the package `ocpp`.
    """
    schemas = Reader(plan.timestamp).read(files("ocpp") / plan.package / "schemas")
    planned = [action for module in plan.modules.values() for action in module.actions]
    if sorted(planned) != sorted(schemas.messages):
        odd = sorted(set(planned) ^ set(schemas.messages))
        raise ValueError(f"plan and schemas of {plan.name} differ in {odd}; correct the plan")
    layout = modules(plan, schemas)
    home_of = homes(layout)
    written = {f"{module.name}.py": write_module(module, plan, home_of) for module in layout}
    return written | {"__init__.py": write_package(plan, schemas, home_of)}


def main() -> None:
    """Write all versions into this package, or below another folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder that holds v16, v201 and v21")
    folder: Path = parser.parse_args().into
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for plan in VERSIONS:
        package = folder / plan.package
        package.mkdir(parents=True, exist_ok=True)
        for name, text in generate(plan).items():
            (package / name).write_text(text, encoding="utf-8")
            log.info("wrote %s lines=%d", package / name, text.count("\n"))


if __name__ == "__main__":
    main()
