"""docs/infrastructure.md is what the snapshots come to."""

from infra.grants import granted
from infra.picture import PAGE, page
from infra.snapshots import deployed


def test_the_page_is_current() -> None:
    """Where this fails: ``make snapshots``."""
    assert PAGE.read_text() == page()


def test_every_role_is_in_the_table_and_the_picture_has_its_arrow() -> None:
    text = page()
    for who, role, _ in granted(deployed("large")):
        assert f"| {who}" in text
        assert f"| {role} |" in text
    assert text.count("```mermaid") == 2
    assert 'callers -- "HTTPS, key" --> edge --> scoring' in text
