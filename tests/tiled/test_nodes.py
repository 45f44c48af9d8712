"""Names as segments of paths, and what every node is to a policy of tags."""

from __future__ import annotations

import asyncio
import doctest

import pytest
from tiled.queries import AccessTagsFilter

from databroker_mongo.tiled import make_tree, nodes

from .conftest import uid_of

ODD_NAMES = ["", ".", "..", "a/b", "a_b", "a/b_", "time", "time_", "/", "_"]


def test_the_example_of_names_holds():
    failed, tried = doctest.testmod(nodes)
    assert (failed, tried) == (0, 1)


@pytest.mark.parametrize("names", [ODD_NAMES, ODD_NAMES[::-1]], ids=["as they are", "the other way round"])
def test_each_name_has_a_segment_of_its_own(names):
    segments = nodes.name_segments(names, taken=("time",))
    assert list(segments) == names
    assert len({*segments.values()}) == len(names)
    assert "time" not in segments.values()
    assert not [each for each in segments.values() if "/" in each or each in ("", ".", "..")]
    assert [segments[name] for name in ("a_b", "time_", "_")] == ["a_b", "time_", "_"]


@pytest.mark.parametrize("layout", [3, 2])
def test_every_node_has_tags_and_lets_a_policy_search_it(catalog, layout):
    """Under a policy of tags, a node without the attribute is open to all."""
    seen = []

    async def walk(node):
        seen.append(node)
        assert node.access_tags == frozenset()
        if node.structure_family != "array" and hasattr(node, "items_range"):
            assert (node.node.parent is None) is (node is tree), "a policy is asked for the tags of a catalog itself"
            assert node.search(AccessTagsFilter(["a"])) is not None
            for _, child in await node.items_range(0, 100):
                await walk(child)
        elif node.structure_family == "table":
            for name in node.structure().columns:
                await walk(await node.lookup_adapter([name]))

    tree = make_tree(catalog.search({"scan_id": {"$in": [1, 2, 4, 6]}}), layout=layout)
    asyncio.run(walk(tree))
    assert len(seen) > 40
    assert asyncio.run(tree.lookup_adapter([uid_of(1), "primary"])).stream.name == "primary"
