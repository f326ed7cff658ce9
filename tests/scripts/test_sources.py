"""`gatefold sources`: every source says what it gives, on what terms, and how it is asked."""

import json
from pathlib import Path

from data.sources.registry import SOURCES


def test_every_source_says_what_it_gives_and_what_may_be_done_with_it(gatefold):
    done = gatefold("sources")
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["source"] for line in lines] == list(SOURCES)
    for line in lines:
        assert line["terms"], line
        assert line["endpoints"], line
        assert all(all(endpoint.values()) for endpoint in line["endpoints"]), line
        assert line["wants"], line
        assert isinstance(line["may_train"], bool), line


def test_the_tables_hold_each_endpoint_once(gatefold):
    lines = gatefold("sources", "--table").out.splitlines()
    for name, make in SOURCES.items():
        for endpoint in make().endpoints:
            assert sum(line.startswith(f"| {name} | `{endpoint.name}` | ") for line in lines) == 1
        for wish in make().wants:
            assert any(line.startswith(f"| {name} | `{wish}=` | ") for line in lines)
    widths = [line.replace("\\|", "").count("|") for line in lines if line]
    assert set(widths) == {4, 5, 6}


def test_services_of_their_own_name_their_hosts_and_limits():
    for name, make in SOURCES.items():
        source = make()
        assert source.name == name or name.startswith("chart")  # gathered as the service's where it is looked up
        assert source.service.requests >= 1
        assert all(not host.startswith("http") for host in (*source.service.hosts, *source.service.file_hosts))


def test_the_table_that_lies_beside_the_sources_is_what_the_command_prints(gatefold):
    written = (Path(__file__).resolve().parents[2] / "data" / "sources" / "SOURCES.md").read_text(encoding="utf-8")
    assert gatefold("sources", "--table").out == written, "gatefold sources --table > data/sources/SOURCES.md"
