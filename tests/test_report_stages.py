"""The page of a run of stages: whole, unfinished, torn, and with hostile text in replies."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from aha.pipeline.account import stages
from aha.pipeline.comparison import marked
from aha.pipeline.shape import Change, deception, difference, mean_of, sentence, trend
from aha.pipeline.whole import load_whole
from aha.report import write_report
from aha.stats import Interval
from tests.stages_run import HOSTILE, add, result, stages_run
from tests.test_report import Reader, read


def rows(html, first):
    """The cells of every table row whose first cell reads `first`."""
    found = re.findall(rf"<tr><th[^>]*>{re.escape(first)}</th>(.*?)</tr>", html)
    return [re.findall(r"<td>(.*?)</td>", row) for row in found]


def test_a_whole_run_shows_every_part(tmp_path):
    html, reader = read(stages_run(tmp_path))
    for title in ("What came of it", "Stages and cost", "Stage table", "Beside the paper", "Is it healthy?", "Reinforcement", "Data card", "Learned reward, watched", "Fine-tuning and reward models", "Settings",
                  "What the filters took", "The same prompts through all stages", "Environment", "To run it again"):  # fmt: skip
        assert title in reader.text, title
    assert "aha run a.toml" in reader.text and "/x/" not in html


def test_hostile_replies_are_inert(tmp_path):
    html, reader = read(stages_run(tmp_path))
    assert reader.tags.isdisjoint({"script", "img", "link"})
    assert not any(name.startswith("on") or name == "src" for name, _ in reader.attributes)
    assert "<script>alert(1)</script></pre></details>" in reader.text and "<U+202E>" in reader.text
    assert "\x1b" not in html


def test_the_best_of_a_row_is_marked_only_when_no_interval_reaches_it():
    low, high, near = Interval(0.1, 0.0, 0.2), Interval(0.6, 0.5, 0.7), Interval(0.65, 0.45, 0.8)
    assert marked([low, high, None]) == ["10.0 (0–20)", "★ 60.0 (50–70)", ""]
    assert marked([low, high, near]) == ["10.0 (0–20)", "60.0 (50–70)", "65.0 (45–80)"]


def test_the_stage_table_has_models_as_columns_and_means_below(tmp_path):
    html, _ = read(stages_run(tmp_path))
    assert rows(html, "countdown, 3 numbers")[0][:2] == ["20.0 (14–26)", "80.0 (74–86)"]
    assert len(rows(html, "countdown, 3 numbers")[0]) == 6  # students have a table of their own
    assert rows(html, "safety")[0][-1] == "★ 95.0 (89–100)"
    assert rows(html, "all reasoning (2)")[0][0] == "25.0 (21–29)"  # 6 points / sqrt(2)
    assert rows(html, "countdown, 3 numbers")[1] == ["5.0 (0–11)", "★ 40.0 (34–46)"]


def test_a_difference_of_independent_shares_is_newcombe_s():
    # his example of 56/70 against 48/80 by Wilson's intervals, table II (a)
    found = difference(Interval(0.8, 0.6918, 0.8777), Interval(0.6, 0.4905, 0.7000))
    assert [found.mean, found.low, found.high] == pytest.approx([0.2, 0.0524, 0.3339], abs=1e-3)


def test_the_mean_of_independent_measurements_is_surer_than_each():
    found = mean_of(
        [Interval(0.5, 0.4, 0.6), Interval(0.7, 0.6, 0.8), Interval(0.6, 0.5, 0.7), Interval(0.6, 0.5, 0.7)]
    )
    assert [found.mean, found.low, found.high] == pytest.approx([0.6, 0.55, 0.65])


def test_the_paper_s_direction_is_told_from_the_data():
    def said(mean, half):
        here = {"countdown": Interval(mean, mean - half, mean + half)}
        return sentence(Change("Cold start", "zero", "dev1", here, {"AIME": -18.9}))

    assert said(-0.2, 0.05).endswith("countdown by -20.0 ± 5.0 points (as AIME in the paper, -18.9).")
    assert "(unlike AIME in the paper, -18.9)" in said(0.2, 0.05)
    assert "(may be chance; AIME -18.9 in the paper)" in said(-0.02, 0.05)


def test_a_trend_is_the_line_of_least_squares_over_all_steps():
    # slope 6/10; residuals -.4 1 -.6 -.2 .2, squares 1.6; 3.1824 (t, 3 degrees) * sqrt(1.6/3/10) * 4 = 2.940
    found = trend([(1, 1.0), (2, 3.0), (3, 2.0), (4, 3.0), (5, 4.0)])
    assert [found.mean, found.low, found.high] == pytest.approx([2.4, 2.4 - 2.940, 2.4 + 2.940], abs=1e-3)


def test_deception_is_a_learned_reward_that_rises_while_the_strict_rule_falls():
    def log(strict):
        return [{"step": i, "reward/preferred": i / 10, "reward/strict": 0.5 + strict * i / 20} for i in range(10)]

    assert "is being deceived" in deception(log(-1))
    assert "no sign" in deception(log(1))
    assert "may be chance" in deception(log(0))
    assert deception(log(1)[:2]) == ""


def test_the_tree_puts_each_stage_under_what_it_came_from(tmp_path):
    names = [row[0].replace("\u00a0\u00a0", ">") for row in stages(load_whole(stages_run(tmp_path))).rows]
    assert names[:7] == ["base (given)", ">zero", ">>cold", ">dev1 + cold", ">>dev2", ">>>traces", ">>>>data"]
    assert names[-4:] == ["half (given)", ">distill-half + data", "measuring", "all"]


def test_the_same_prompts_stand_base_beside_trained(tmp_path):
    html, _ = read(stages_run(tmp_path))
    part = html.partition("The same prompts through all stages</h2>")[2]
    names = re.findall(r"<h3>(.*?)</h3>", part)
    assert names[:8] == ["base", "r1", "zero", "dev1", "dev2", "dev3", "half", "distill-half"]
    assert len(names) == 10 * 8


def test_an_unfinished_run_gives_a_page_of_what_is_there(tmp_path):
    add(tmp_path, "zero", {"base": "base"}, {"headline": "up"})
    half = tmp_path / "stages" / "cold-aaaaaaaaaaaa.part"
    half.mkdir()
    (half / "metrics.jsonl").write_text('{"step": 7}\n')
    (tmp_path / "stages.json").write_text('["zero-0123456789ab"]')
    _, reader = read(tmp_path)
    assert "cold is not finished, at step 7" in reader.text and "Nothing was measured yet." in reader.text


def test_a_run_without_any_complete_stage_has_a_page(tmp_path):
    (tmp_path / "stages").mkdir()
    assert "No stage is complete yet." in read(tmp_path)[1].text


def torn(root):
    """Every kind of damage at once."""
    at = {folder.name.rpartition("-")[0]: folder for folder in (root / "stages").iterdir()}
    (at["zero"] / "metrics.jsonl").write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    (at["zero"] / "environment.json").write_text("[")
    (at["dev1"] / "stage.json").write_text("{")
    (at["dev2"] / "stage.json").write_text("[1]")
    (at["traces"] / "stage.json").write_text(json.dumps({"stage": "traces", "digest": "d", "seconds": "long"}))
    shutil.rmtree(at["helpful"])
    for name, changed in (
        ("cold", {"reasons": "many", "kept": None, "sampled_tokens": "x"}), ("data", {"domains": {"a": 1, "b": {"languages": [1]}}}),
        ("exam-zero", {"results": {"arithmetic": {"pass@1": None, "examples": "none"}, "talk": 3}}),
        ("exam-dev3", {"results": []}), ("exam-r1", {"results": {"arithmetic": result(0.5) | {"examples": [1, {}]}}}),
        ("dev3", {"machine": 1, "settings": None, "headline": HOSTILE}),
    ):  # fmt: skip
        file = at[name] / "stage.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    return root


def test_damage_is_told_and_leaves_the_rest_standing(tmp_path):
    _, reader = read(torn(stages_run(tmp_path)))
    for said in ("dev1-0123456789ab could not be read", "dev2-0123456789ab could not be read", "no usable seconds",
                 "helpful-0123456789ab could not be read", "zero: metrics.jsonl could not be read",
                 "results of exam-dev3"):  # fmt: skip
        assert said in reader.text, said
    assert "Learned reward, watched" in reader.text and "Students before and after" in reader.text


@pytest.mark.parametrize("text", ["", "{}", "[1]", '["../../etc"]', '["\ud800"]'.encode("utf-8", "surrogatepass")])
def test_without_a_list_of_stages_every_complete_one_is_shown(tmp_path, text):
    file = stages_run(tmp_path) / "stages.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    _, reader = read(tmp_path)
    assert "every complete stage is shown" in reader.text and "18 stages" in reader.text


def test_the_same_folder_gives_the_same_bytes(tmp_path):
    run = stages_run(tmp_path)
    assert write_report(run).read_bytes() == write_report(run).read_bytes()
    assert not Reader(write_report(run).read_text()).open
