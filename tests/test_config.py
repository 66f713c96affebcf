from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError, model_validator

from aha.config import Folder, Settings, dump, flatten, load
from aha.errors import ConfigError


class Grpo(Settings):
    group: int = Field(16, ge=2)
    """Replies drawn for each question."""
    clip: float = 0.2
    weigh: Literal["reply", "token"] = "reply"


class Sft(Settings):
    epochs: int = 2
    mix: dict[str, float] = {}


class Zero(Settings):
    steps: int = 100
    name: str = "zero"
    fast: bool = False
    limit: int | None = None
    stop: tuple[str, ...] = ()
    folder: Path = Path("runs")
    out: Folder = "runs/zero"
    grpo: Grpo = Grpo()
    sft: Sft | None = None

    @model_validator(mode="after")
    def _is_sane(self):
        if self.steps == 13:
            raise ValueError("13 steps bring bad luck")
        return self


@pytest.fixture
def recipe(tmp_path):
    def write(text):
        file = tmp_path / "zero.toml"
        file.write_text(text)
        return file

    return write


def complaint(file, *words):
    with pytest.raises(ConfigError) as caught:
        load(Zero, file, words)
    assert "\n" not in str(caught.value) and "pydantic" not in str(caught.value)
    return str(caught.value)


def test_the_command_line_wins_over_the_file_and_the_file_over_defaults(recipe):
    file = recipe("steps = 5\nname = 'file'\n[grpo]\ngroup = 8\nclip = 1\n")
    settings = load(Zero, file, ["--grpo.group=4", "--name", "words", "--grpo.group", "6"])
    assert settings == Zero(steps=5, name="words", grpo=Grpo(group=6, clip=1.0))


def test_the_file_may_be_one_of_the_words(recipe):
    file = recipe("steps = 5")
    assert load(Zero, None, [str(file), "--fast"]) == Zero(steps=5, fast=True)
    assert complaint(file, str(file)).startswith("one settings file at most, got ")


@pytest.mark.parametrize("words", [["--fast"], ["--fast", "true"], ["--fast=true"], ["--fast", "--steps=100"]])
def test_a_flag_alone_is_true(words):
    assert load(Zero, None, words) == Zero(fast=True)
    assert load(Zero, None, [*words, "--fast", "false"]) == Zero()


def test_words_are_read_as_the_type_they_are_for():
    words = ["--name=5", "--limit=-3", "--stop=['a', 'b']", "--folder=true", "--grpo.clip=1", "--sft.mix.my-set=0.5"]
    settings = load(Zero, None, words)
    assert (settings.name, settings.limit, settings.stop, settings.folder) == ("5", -3, ("a", "b"), Path("true"))
    assert settings.grpo.clip == 1.0 and settings.sft == Sft(mix={"my_set": 0.5})


def test_a_misspelt_name_is_answered_with_the_nearest(recipe):
    file = recipe("[grpo]\ngruop = 8\n")
    assert complaint(file) == f"{file}: no setting 'grpo.gruop'; did you mean 'grpo.group'?"
    assert complaint(None, "--setps=5") == "no setting 'setps'; did you mean 'steps'?"
    assert complaint(None, "--qqqq=5") == "no setting 'qqqq'"


def test_a_name_under_the_wrong_section_is_found_in_the_right_one():
    assert complaint(None, "--group=5") == "no setting 'group'; did you mean 'grpo.group'?"
    assert complaint(None, "--sft.group=5") == "no setting 'sft.group'; did you mean 'grpo.group'?"
    assert complaint(None, "--steps.epochs=5") == "no setting 'steps.epochs'; did you mean 'sft.epochs'?"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--grpo.group=many", "--grpo.group should be an integer, got 'many'"),
        ("--grpo.group=4.5", "--grpo.group should be an integer, got 4.5"),
        ("--grpo.group=true", "--grpo.group should be an integer, got True"),
        ("--grpo.group=1", "--grpo.group should be greater than or equal to 2, got 1"),
        ("--grpo.clip=wide", "--grpo.clip should be a number, got 'wide'"),
        ("--grpo.weigh=word", "--grpo.weigh should be 'reply' or 'token', got 'word'"),
        ("--grpo=5", "--grpo should be a section, got 5"),
        ("--fast=1", "--fast should be true or false, got 1"),
        ("--stop=[1]", "stop[0] should be text, got 1"),
        ("--steps", "--steps needs a value"),
        ("--grpo.clip=inf", "--grpo.clip should be a finite number, got inf"),
        ("--out=", "--out: '' names no folder"),
        ("--num_generations=4", "no setting 'num_generations'; did you mean 'grpo.group'?"),
        ("--steps=13", "13 steps bring bad luck"),
        ("steps=13", "expected --key=value or a .toml file, got 'steps=13'"),
    ],
)
def test_a_wrong_value_is_one_plain_line(word, message):
    assert complaint(None, word) == message


def test_a_wrong_value_in_the_file_names_the_file(recipe):
    file = recipe("steps = 'many'")
    assert complaint(file) == f"{file}: steps should be an integer, got 'many'"


def test_a_file_that_cannot_be_read_is_named(tmp_path, recipe):
    assert complaint(tmp_path / "no.toml") == f"{tmp_path / 'no.toml'}: cannot be read: No such file or directory"
    file = recipe("steps = 5\nname zero\n")
    assert complaint(file).startswith(f"{file}: not valid TOML: ") and "line 2, column 6" in complaint(file)
    for damage in (b"name = '\xff'", b"a = " + b"[" * 100_000):
        file.write_bytes(damage)
        assert complaint(file).startswith(f"{file}: not valid TOML: ")
    file.write_bytes(b"\xef\xbb\xbfsteps = 7")
    assert load(Zero, file).steps == 7


def test_settings_are_frozen_and_carry_their_help():
    assert Grpo.model_fields["group"].description == "Replies drawn for each question."
    with pytest.raises(ValidationError):
        Zero().steps = 5


def test_flatten_names_every_setting_once():
    flat = flatten(Zero(sft=Sft()))
    assert list(flat)[:3] == ["steps", "name", "fast"] and flat["grpo.group"] == 16 and flat["sft.epochs"] == 2


def test_dump_is_the_text_a_person_would_write():
    assert dump(Grpo(clip=1e-5)) == 'group = 16\nclip = 1e-05\nweigh = "reply"\n'
    assert dump(Zero(stop=("\n",), sft=Sft())).endswith('weigh = "reply"\n\n[sft]\nepochs = 2\n\n[sft.mix]\n')


zeros = st.builds(
    Zero,
    steps=st.integers().filter(lambda n: n != 13),
    name=st.text(),
    out=st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text),
    fast=st.booleans(),
    limit=st.none() | st.integers(),
    stop=st.lists(st.text()).map(tuple),
    grpo=st.builds(Grpo, group=st.integers(2), clip=st.floats(allow_nan=False, allow_infinity=False)),
    sft=st.none() | st.builds(Sft, mix=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False))),
)


@hypothesis_settings(deadline=None, max_examples=100)
@given(zeros)
def test_dump_reads_back_equal(tmp_path_factory, settings):
    file = tmp_path_factory.getbasetemp() / "dumped.toml"
    file.write_text(dump(settings), encoding="utf-8")
    assert load(Zero, file) == settings
