"""The report of one stretch of training: whole, partial and damaged, and of runs whose model writes hostile text."""

import json
import re
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aha import page, svg
from aha.errors import AhaError, RunError
from aha.record import evenly
from aha.report import save_png, write_report

HOSTILE = (
    "<script>alert(1)</script></details></pre><img src=x onerror=alert(2)>\x1b[31mred\x1b]0;title\x07 \u202egnihton"
    '\u200b\x00 & "quoted" \' $\\frac{$'
)


def metric(step, **changed):
    row = {
        "step": step, "time": 1.7e9 + 8 * step, "reward": 0.3 + 0.01 * step, "reward/correct": 0.25 + 0.01 * step,
        "reward/formatted": 0.5, "length_mean": 56 + 4 * step, "length_p90": 90 + 7 * step, "truncated": 0.02,
        "zero_signal": 0.1, "failed": 0, "reflection": 0.4 + 0.03 * step, "reflection_base": 0.38,
        "mixed_language": 0.2, "entropy": 0.8, "kl": 0.001 * step, "gap_mean": 1e-6, "gap_max": 4e-5, "grad_norm": 0.3,
        "sampled_tokens": 40_000, "sampled_per_second": 8e3, "trained_per_second": 9e3, "useful_tokens": 0.9, "replies": 512, "seconds/sample": 5.0, "seconds/reward": 0.1, "seconds/train": 2.5,
        "seconds/other": 0.2, "seconds/step": 7.8, "reason/wrong value": 0.5, "reason/no answer": 0.1,
    }  # fmt: skip
    return row | changed


def evaluation(step, mean, **changed):
    row = {
        "step": step, "task": "countdown", "model": "tiny", "questions": 200, "samples": 16, "temperature": 0.6,
        "top_p": 0.95, "max_tokens": 400, "seed": 0, "pass@1": mean, "pass@1_low": mean - 0.03,
        "pass@1_high": mean + 0.03, "pass@k": {"1": mean, "16": mean + 0.2}, "cons@k": {"4": mean, "16": mean + 0.1},
        "cons_low": mean + 0.05, "cons_high": mean + 0.15, "length_mean": 100.0, "truncated": 0.01, "formatted": 0.99,
        "reflection": 0.5, "mixed_language": 0.0, "seconds": 31.5, "reasons": {"wrong value": 0.3, "cut off": 0.01},
    }  # fmt: skip
    return row | changed


def sample(step, problem, reply, **changed):
    row = {
        "step": step, "problem": problem, "prompt": f"User: puzzle {problem}\nAssistant:", "sample": 0, "reply": reply,
        "reward": 1.0, "parts": json.dumps({"correct": 1.0}), "reason": "", "finish": "stop", "tokens": 12,
        "advantage": 0.5, "probe": True,
    }  # fmt: skip
    return row | changed


def write_run(root, metrics=(), evals=(), samples=()):
    (root / "samples").mkdir(parents=True)
    (root / "settings.toml").write_text('[task]\nname = "countdown"\n')
    (root / "environment.json").write_text(json.dumps([{"command": "aha rl zero.toml", "cores": 2, "torch": "2.13"}]))
    for name, rows in (("metrics", metrics), ("evals", evals)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for step in {row["step"] for row in samples}:
        rows = [row for row in samples if row["step"] == step]
        pq.write_table(pa.Table.from_pylist(rows), root / "samples" / f"step-{step:06d}.parquet")
    return root


@pytest.fixture
def run(tmp_path):
    """A whole run of 26 steps, three evaluations and two probe prompts."""
    return write_run(
        tmp_path / "zero",
        [metric(step) for step in range(26)],
        [evaluation(0, 0.31), evaluation(10, 0.5), evaluation(25, 0.64)],
        [sample(step, name, f"reply {name}{step}") for step in range(0, 26, 2) for name in "ab"],
    )


class Reader(HTMLParser):
    """Everything a browser would see as markup, and the visible text."""

    VOID = {"meta", "br", "img"}

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = set(), [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text += "" if self.open[-1:] == ["style"] else data


def read(root):
    html = write_report(root).read_text(encoding="utf-8")
    reader = Reader(html)
    assert not reader.open
    return html, reader


def test_the_headline_says_what_changed_and_how_sure_that_is(run):
    _, reader = read(run)
    assert (
        "Right at the first try on held-out questions (countdown)31.0 %(28.0 to 34.0)→64.0 %(61.0 to 67.0)"
        in reader.text
    )
    assert (
        "countdown rose: from 31.0 % (28.0 to 34.0) to 64.0 % (61.0 to 67.0), +33.0 ± 4.2 points, more than chance."
        in reader.text
    )
    assert "Majority of 16" in reader.text and "200 questions x 16 samples in 32 seconds" in reader.text
    assert "3.4 minutes26 steps, 1,040,000 tokens sampled" in reader.text


def test_a_whole_run_shows_every_part(run):
    _, reader = read(run)
    for title in ("What came of it", "Is it healthy?", "Accuracy", "Reply length", "Reflection", "Entropy", "KL", "Sampling gap",
                  "No signal", "Seconds per step", "Tokens a second", "Useful tokens", "Evaluations", "Rewards and what went wrong",
                  "The same prompts over time", "Replies worth reading", "Settings", "Environment"):  # fmt: skip
        assert title in reader.text, title
    assert "aha rl zero.toml" in reader.text and "wrong value" in reader.text
    assert "base model" in reader.text and "cons@16" in reader.text


def test_the_page_loads_nothing_and_runs_nothing(run):
    html, reader = read(run)
    assert f'http-equiv="Content-Security-Policy" content="{page.POLICY}"' in html
    assert not reader.tags & {"script", "link", "iframe", "img", "object", "form", "base"}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    assert all(value.startswith("#") for name, value in reader.attributes if name == "href")
    assert "url(" not in html and "@import" not in html


def test_every_link_of_the_contents_leads_to_a_section(run):
    html, reader = read(run)
    ids = [value for name, value in reader.attributes if name == "id"]
    assert [value[1:] for name, value in reader.attributes if name == "href"] == ids and len(ids) == len(set(ids)) > 8


def test_the_twins_say_the_same(run):
    write_report(run)
    told, page_ = json.loads((run / "report.json").read_text()), (run / "report.md").read_text()
    [result] = told["facts"]["results"]
    assert (result["before"]["mean"], result["after"]["mean"], told["facts"]["cost"]["steps"]) == (0.31, 0.64, 26)
    assert [f"## {section['title']}" for section in told["sections"] if section["blocks"]] == re.findall(
        "^## .*", page_, re.M
    )
    assert "→ 64.0 % (61.0 to 67.0)" in page_ and "reply a24" in page_


def test_the_same_folder_gives_the_same_bytes(run):
    def files():
        return [file.read_bytes() for file in sorted(write_report(run).parent.glob("report.*"))]

    first = files()
    assert len(first) == 3 and files() == first


def test_charts_are_named_described_and_well_formed(run):
    html, _ = read(run)
    charts = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(charts) >= 10
    for chart in charts:
        root = ElementTree.fromstring(chart)
        names = [child.tag.rpartition("}")[2] for child in root]
        assert root.get("role") == "img" and names[:2] == ["title", "desc"] and all(child.text for child in root[:2])
    tables = re.findall(r'aria-label="([^"]*)"><table>(.*?)</table>', html, re.DOTALL)
    assert tables and all(label for label, _ in tables)


def test_probes_show_five_steps_from_first_to_last(run):
    _, reader = read(run)
    seen = [int(step) for step in re.findall(r"reply a(\d+)", reader.text)]
    assert len(seen) == 5 and seen[0] == 0 and seen[-1] == 24
    assert reader.text.count("reply b0") == 1


def test_hostile_text_is_inert_wherever_it_comes_from(tmp_path):
    """As a reply, a prompt, a reason, a task, a setting, a reward name and an environment entry."""
    run = write_run(
        tmp_path / "run",
        [metric(0, **{f"reason/{HOSTILE}": 0.5, f"reward/{HOSTILE}": 1.0})],
        [evaluation(0, 0.3, task="$^$" + HOSTILE, reasons={HOSTILE: 0.2}), evaluation(0, 0.3)],
        [sample(0, HOSTILE, HOSTILE, prompt=HOSTILE, reason=HOSTILE)],
    )
    (run / "settings.toml").write_text(f"x = '''{HOSTILE}'''")
    (run / "environment.json").write_text(json.dumps([{HOSTILE: HOSTILE, "command": ["aha", HOSTILE]}, {"x": HOSTILE}]))
    html, reader = read(run)
    assert not reader.tags & {"script", "img"}
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert not set(html) & set("\x00\x07\x1b\u202e\u200b")
    assert "\u241b[31mred" in reader.text and "<U+202E>gnihton<U+200B>\u2400" in reader.text
    assert reader.text.count("<script>alert(1)</script></details></pre>") >= 8
    twin = (run / "report.md").read_text()
    assert not set(twin) & set("\x00\x07\x1b\u202e\u200b")
    outside = re.sub(r"^(`{3,})text\n.*?^\1$", "", twin, flags=re.M | re.S)
    assert "&lt;script>" in outside and "<" not in outside.replace("<U+", "")
    assert json.loads((run / "report.json").read_text())["title"] == "run"
    assert save_png(run, tmp_path / "run.png").is_file()


def test_a_lone_surrogate_does_not_stop_the_page():
    assert page.visible("a\ud800b").encode("utf-8") == b"a&lt;U+D800&gt;b"


def test_a_huge_reply_is_cut_with_a_note(tmp_path):
    run = write_run(tmp_path / "run", samples=[sample(0, "a", "start " + "x" * 1_000_000 + " end")])
    html, reader = read(run)
    assert len(html) < 100_000
    assert "start x" in reader.text and "x end" in reader.text and "characters left out ...]" in reader.text


@pytest.mark.parametrize(
    ("metrics", "evals", "sentence"),
    [
        ([], [], "Nothing was evaluated in this run"),
        ([], [], "Nothing was measured yet"),
        ([], [], "No training step was recorded."),
        ([], [], "No replies to fixed prompts were kept."),
        ([], [], "No replies were kept."),
        ([metric(0)], [], "0.1 minutes1 step, 40,000 tokens sampled"),
        ([metric(0)], [evaluation(0, 0.3)], "one evaluation, 30.0 % (27.0 to 33.0) at step 0."),
        ([metric(0)], [{"step": 0, "task": "countdown"}], "evaluated, but without a pass@1"),
        ([], [evaluation(0, 0.31), evaluation(5, 0.33)], "countdown changed by no more than chance"),
        ([], [evaluation(0, 0.31), evaluation(5, 0.9, temperature=0)], "used different settings"),
        ([{"step": 3}, {"reward": 1}, metric(4, reward=None, kl="nan")], [], "0.1 minutes2 steps"),
    ],
)
def test_what_is_missing_is_said(tmp_path, metrics, evals, sentence):
    _, reader = read(write_run(tmp_path / "run", metrics, evals))
    assert sentence in reader.text


def test_every_key_may_be_null(tmp_path):
    metrics = [dict.fromkeys(metric(step)) | {"step": step} for step in range(3)]
    evals = [dict.fromkeys(evaluation(0, 0.3)) | {"step": 0}]
    samples = [dict.fromkeys(sample(0, "a", "")) | {"step": 0, "probe": True}]
    _, reader = read(write_run(tmp_path / "run", metrics, evals, samples))
    assert "held out: evaluated, but without a pass@1." in reader.text and "grader failed" in reader.text


def test_torn_and_damaged_files_leave_the_rest_standing(run):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 26, "rew')
    (run / "evals.jsonl").write_text("{\n" + json.dumps(evaluation(0, 0.3)) + "\n")
    (run / "environment.json").write_text("[")
    (run / "samples" / "step-000002.parquet").write_bytes(b"PAR1 torn")
    _, reader = read(run)
    assert "26 steps" in reader.text and "reply a24" in reader.text
    for name in ("evals.jsonl", "environment.json", "step-000002.parquet"):
        assert re.search(f"{name} (could not|cannot) be read", reader.text), name


def test_a_folder_with_settings_alone_is_a_run_and_an_empty_one_is_none(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        write_report(tmp_path)
    with pytest.raises(RunError, match="is not a run folder"):
        write_report(tmp_path / "absent")
    (tmp_path / "settings.toml").write_text("")
    assert write_report(tmp_path).is_file()


def test_the_command_is_quoted_for_a_shell_and_free_of_its_folder(run):
    (run / "environment.json").write_text(json.dumps([{"argv": ["/opt/bin/aha", "rl", "--name=a b"]}]))
    assert "To run it again:aha rl '--name=a b'" in read(run)[1].text
    (run / "environment.json").write_text(json.dumps([{"argv": ["/opt/aha/__main__.py", "run", "zero.toml"]}]))
    assert "To run it again:aha run zero.toml" in read(run)[1].text


def test_a_repeated_step_counts_once(tmp_path):
    _, reader = read(write_run(tmp_path / "run", [metric(0), metric(1), metric(1, reward=0.9)]))
    assert "2 steps, 80,000 tokens" in reader.text


def test_long_runs_stay_small(tmp_path):
    html, _ = read(write_run(tmp_path / "run", [metric(step) for step in range(3000)]))
    assert len(html) < 400_000


def test_the_png_is_a_png(run, tmp_path):
    file = save_png(run, tmp_path / "zero.png")
    assert file.read_bytes().startswith(b"\x89PNG")


def test_the_png_of_an_empty_run_is_a_png_too(tmp_path):
    assert save_png(write_run(tmp_path / "run"), tmp_path / "zero.png").stat().st_size > 1000


def test_without_matplotlib_the_error_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(AhaError, match="pip install matplotlib"):
        save_png(run, tmp_path / "zero.png")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 0.64, [0, 0.2, 0.4, 0.6, 0.8]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 3, [3, 3.2, 3.4, 3.6, 3.8, 4])],
)
def test_ticks_are_round_and_cover(low, high, ticks):
    assert svg.nice_ticks(low, high) == ticks


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (0.0312, "0.0312"), (2e-6, "2e-06"), (12345.6, "12,346")])
def test_numbers_are_short(value, said):
    assert svg.number(value) == said
    assert svg.number(0.6421, percent=True) == "64.2 %"


def test_thinning_keeps_the_mean():
    points = [(float(x), float(x % 7)) for x in range(1000)]
    thinned = svg.thin(points, 100)
    assert len(thinned) == 100 and sum(y for _, y in thinned) * 10 == pytest.approx(sum(y for _, y in points))


def test_evenly_keeps_both_ends():
    assert evenly([0, 2, 4], 5) == [0, 2, 4]
    assert evenly(list(range(101)), 5) == [0, 25, 50, 75, 100]
