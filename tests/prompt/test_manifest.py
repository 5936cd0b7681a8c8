"""The token table of a prompt."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.prompt.manifest import Manifest, ManifestRow, manifest_from_json

_ROWS = st.builds(
    ManifestRow, st.text(), st.integers(0), st.integers(0), st.integers(0), st.lists(st.text(), max_size=3).map(tuple)
)


@given(st.builds(Manifest, st.lists(_ROWS, max_size=4).map(tuple), st.integers(0), st.integers(0)))
def test_a_manifest_survives_json(manifest: Manifest) -> None:
    assert manifest_from_json(json.loads(json.dumps(manifest.to_json()))) == manifest
