"""The list of runs and one run in full: whole, running, damaged, hostile; names that lead nowhere; the key."""

from __future__ import annotations

import json
import shutil

import pytest

from aha.errors import AhaError
from aha.runlog import RunLog, take_lock
from aha.serve.runs_find import at_work
from aha.tools.serve import serve
from tests.runs_toys import got, log, showing, training_run
from tests.stages_run import stages_run


def listed(client):
    return {run["run"]: run for run in got(client)["runs"]}


def test_the_list_tells_state_recipe_stage_headline_and_cost(tmp_path):
    training_run(tmp_path / "deep" / "er" / "zero")
    training_run(tmp_path / "short", steps=2, told=9)
    stages_run(tmp_path / "whole")
    with showing(tmp_path) as client:
        runs = listed(client)
    zero = runs["deep/er/zero"]
    assert (zero["state"], zero["recipe"], zero["stage"]) == ("finished", "zero", "step 4 of 4")
    assert zero["headline"] == "toy pass@1 20.0 % → 70.0 % (60.0 to 80.0)" and "0.1 minutes" in zero["cost"]
    assert runs["short"]["state"] == "stopped"
    assert runs["whole"]["state"] == "finished" and "base to r1" in runs["whole"]["headline"]


def test_a_run_is_running_while_its_lock_is_held(tmp_path):
    root = training_run(tmp_path / "a", steps=2, told=9)
    with showing(tmp_path) as client:
        with RunLog.open(root, (root / "settings.toml").read_text()):
            assert at_work(root / "lock") and listed(client)["a"]["state"] == "running"
        assert listed(client)["a"]["state"] == "stopped"


def test_looking_at_a_lock_does_not_take_it(tmp_path):
    lock = tmp_path / "lock"
    lock.touch()
    assert not at_work(lock) and not at_work(tmp_path / "none")
    take_lock(lock)


def test_a_damaged_folder_is_a_line_and_the_others_stay(tmp_path):
    whole = stages_run(tmp_path / "whole")
    for name in ("torn", "list", "deep"):
        shutil.copytree(whole, tmp_path / name)
    odd = training_run(tmp_path / "odd\udcff")
    (odd / "evals.jsonl").write_text('{"step": 1, "task": "\\ud800", "pass@1": 1e999}\n')
    stage = next((tmp_path / "torn" / "stages").glob("zero-*/stage.json"))
    stage.write_bytes(stage.read_bytes()[:40])
    (tmp_path / "list" / "stages.json").write_text('{"not": "a list"}')
    (tmp_path / "deep" / "stages.json").write_text("[" * 100_000)
    bad = training_run(tmp_path / "bad")
    (bad / "metrics.jsonl").write_bytes(b"\x00\xff nothing\n" * 3)
    (bad / "settings.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "metrics.jsonl").touch()
    (tmp_path / "no-run").mkdir()
    with showing(tmp_path) as client:
        runs = listed(client)
        assert {name: run["state"] for name, run in runs.items()} == {
            "whole": "finished", "torn": "damaged", "list": "damaged", "deep": "damaged", "bad": "damaged", "empty": "empty",
            "odd\\xff": "finished",
        }  # fmt: skip
        assert all(run["troubles"] for run in runs.values() if run["state"] == "damaged")
        assert {client.get("/v1/runs/one", params={"run": name}).status_code for name in runs} <= {200, 422}
        assert got(client, "/one", run="whole")["said"]


NAMES = ["../../etc", "/etc", "..", ".", "a/../../b", "zero\x00", "zero\nx", "x" * 300, "x" * 5000, "\u202ezero", ""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_looked_up_and_never_a_path(tmp_path, name):
    training_run(tmp_path / "runs" / "zero")
    training_run(tmp_path / "b")
    with showing(tmp_path / "runs") as client:
        for path in ("/one", "/curves", "/replies", "/facets"):
            assert client.get(f"/v1/runs{path}", params={"run": name}).status_code in (400, 404)
        for stage in (name, "../../b"):
            answer = client.get("/v1/runs/curves", params={"run": "zero", "stage": stage or ".."})
            assert answer.status_code in (400, 404)


def test_a_link_that_leads_out_is_told_and_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("steps = 1 # of the house\n")
    runs = tmp_path / "runs"
    root = training_run(runs / "zero")
    training_run(tmp_path / "outside")
    (runs / "linked").symlink_to(tmp_path / "outside")
    (root / "settings.toml").unlink()
    (root / "settings.toml").symlink_to(secret)
    with showing(runs) as client:
        run = listed(client)
        assert set(run) == {"zero"} and "settings.toml is a link that leads out" in run["zero"]["troubles"][0]
        assert "of the house" not in json.dumps(got(client, "/one", run="zero"))
        assert client.get("/v1/runs/curves", params={"run": "zero"}).status_code == 404


def test_the_stages_are_a_tree_with_their_counts(tmp_path):
    stages_run(tmp_path / "whole")
    with showing(tmp_path) as client:
        told = got(client, "/one", run="whole")
    tree = [(stage["depth"], stage["name"]) for stage in told["stages"] if not stage["measures"]]
    assert tree[:5] == [(0, "base"), (1, "zero"), (2, "cold"), (1, "dev1"), (2, "dev2")]
    cold = next(stage for stage in told["stages"] if stage["name"] == "cold")
    assert cold["counts"] == [["replies in", 400.0], ["kept", 100.0]] and ["wrong", 250.0] in cold["reasons"]
    assert next(stage for stage in told["stages"] if stage["name"] == "dev1")["beside"] == ["cold"]
    assert any("Right at the first try" in table["caption"] for table in told["tables"])


def test_a_stage_at_work_stands_in_the_tree(tmp_path):
    root = stages_run(tmp_path / "whole")
    part = root / "stages" / "extra-0123456789ab.part"
    part.mkdir()
    log(part, 1)
    with showing(tmp_path) as client:
        assert listed(client)["whole"]["state"] == "stopped" and listed(client)["whole"]["stage"] == "extra"
        told = got(client, "/one", run="whole")
        stage = next(stage for stage in told["stages"] if stage["name"] == "extra")
        assert stage["headline"] == "not finished" and stage["curves"]
        assert got(client, "/curves", run="whole", stage=stage["id"])["step"] == 1


def test_curves_grow_with_the_log_and_are_not_sent_twice(tmp_path):
    root = training_run(tmp_path / "zero", steps=3, told=9)
    with showing(tmp_path) as client:
        first = got(client, "/curves", run="zero")
        charts = {chart["title"]: chart for chart in first["charts"]}
        assert charts["Accuracy"]["lines"][1]["bars"][1] == pytest.approx([0.6, 0.8])
        assert (first["step"], first["steps"], first["seconds_left"]) == (3, 9, 12.0)
        assert "charts" not in got(client, "/curves", run="zero", version=first["version"])
        log(root, 4)
        with (root / "metrics.jsonl").open("ab") as stream:
            stream.write(b'{"step": 5, "rew')  # half a line is the trainer's, who is still writing
        again = got(client, "/curves", run="zero", version=first["version"])
        assert again["step"] == 4 and again["charts"][0]["lines"][0]["points"][-1] == [4, 0.4]
        assert again["unreadable"] == 0


def test_a_rewound_log_is_read_anew(tmp_path):
    root = training_run(tmp_path / "zero", steps=5)
    with showing(tmp_path) as client:
        assert got(client, "/curves", run="zero")["step"] == 5
        with RunLog.open(root, (root / "settings.toml").read_text()) as run:
            run.rewind(2)
        assert got(client, "/curves", run="zero")["step"] == 2


def test_every_route_wants_the_key_and_the_page_does_not(tmp_path):
    training_run(tmp_path / "zero")
    with showing(tmp_path, key="k") as client:
        for path in ("", "/one", "/curves", "/replies", "/facets", "/reply", "/prompts", "/prompt"):
            assert client.get(f"/v1/runs{path}", params={"run": "zero"}).status_code == 401
        page = client.get("/runs")
        assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
        assert client.get("/v1/runs", headers={"Authorization": "Bearer k"}).status_code == 200


def test_the_command_says_what_it_can_serve(tmp_path):
    with pytest.raises(AhaError, match="give a model, such as tiny, or --runs FOLDER"):
        serve()
    with pytest.raises(AhaError, match="there is no such folder"):
        serve(runs=tmp_path / "nowhere")
