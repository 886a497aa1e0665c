"""What the protocols of every track have: a name, a dataset, a seed, a hash."""

import hashlib
import json
from typing import Literal

from pydantic import Field, PositiveInt

from benchmark.records import CLEAN, Cell
from benchmark.tables import Table
from benchmark.threat import Access

CLEAN_CELL = Cell(name=CLEAN, access=Access.NONE)


class DatasetSpec(Table):
    """Which pictures: a dataset's name, and how many of them a fixed draw keeps.

    `folder` is the path for the dataset `folder`. `sample` keeps the pictures whose
    sha256(`seed:id`) is smallest, so that the draw depends on no random number generator.
    """

    name: str
    folder: str | None = None
    sample: PositiveInt | None = None
    seed: int = 0


class Recipe(Table):
    """A frozen evaluation recipe. `batch` images make one shard."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern="^[a-z0-9][a-z0-9-]*$")
    title: str
    seed: int
    batch: PositiveInt = 32
    dataset: DatasetSpec

    @property
    def hash(self) -> str:
        """sha256 of the recipe's content; comments and layout of the file do not count."""
        content = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def seed_of_cell(recipe: Recipe, name: str) -> int:
    """The seed of all that the attack of the cell called `name` draws."""
    digest = hashlib.sha256(f"{recipe.seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big")
