"""Where an engine can be reached: what was published is found, and a broken file is nobody's address."""

from __future__ import annotations

import json

import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes
from hypothesis import given
from hypothesis import strategies as st

from rtemo.recorder.endpoint import Address, Endpoint


@pytest.fixture
def published(tmp_path):
    endpoint = Endpoint("desk", tmp_path / "run")
    endpoint.publish(endpoint.fresh_address())
    return endpoint, tmp_path / "run" / "desk.json"


def test_what_was_published_is_found(tmp_path):
    endpoint = Endpoint("desk", tmp_path / "run")
    assert endpoint.find() is None
    address = endpoint.fresh_address()
    endpoint.publish(address)
    assert endpoint.find() == address


def test_a_broken_file_is_nobodys_address(published):
    endpoint, path = published
    content = path.read_bytes()
    for text in JSON_TEXTS:
        path.write_bytes(text)
        assert endpoint.find() is None

    @given(st.one_of(changed(json.loads(content)).map(json_bytes), damaged(content)))
    def check(text):
        path.write_bytes(text)
        assert isinstance(endpoint.find(), Address | None)

    check()
