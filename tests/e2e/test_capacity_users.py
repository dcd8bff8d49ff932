"""swarm capacity --users: how many can it take."""
import re

from test_capacity import search, target  # noqa: F401 (a fixture)


def test_finds_the_users(swarm, target, tmp_path):
    # Ten at once, 100 ms each: with more than 25 users they take 250 ms.
    url = target("--delay", "100ms", "--servers", "10")
    run, result = search(swarm, tmp_path, url, "--users", "--slo",
                         "p90<250ms", "--search-to", "400")
    answer = result["capacity"]
    assert run.status == 0, run.text
    assert answer["unit"] == "users"
    assert 12 <= answer["load"] <= 27
    assert answer["load"] == int(answer["load"])
    assert re.search(r"bears \d+ users", run.out)
