"""Data sets known by a short name: where their rows are, what they ask for, and their licence.

A side lists files to look for in the folder AHA_DATA, and last its name on the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANY = "any"
"""The side of somebody who only wants to look."""
FOLDER = "AHA_DATA"
"""The environment variable that names a folder of data files."""


@dataclass(frozen=True, slots=True)
class Known:
    """A data set under a short name."""

    name: str
    kind: str
    licence: str
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    columns: Mapping[str, str | int] = field(default_factory=dict)
    language: str = "en"

    def side(self, side: str) -> tuple[str, ...]:
        """Where the rows of a side are, or with ANY those of whichever there is; empty where it has none."""
        return {"train": self.train, "test": self.test, ANY: self.train or self.test}.get(side, ())


_MGSM = ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")

KNOWN: Mapping[str, Known] = {
    one.name: one
    for one in (
        Known(
            "gsm8k", "number", "MIT", ("gsm8k/train.jsonl", "openai/gsm8k:main#train"),
            ("gsm8k/test.jsonl", "gsm8k/test_dev.jsonl", "openai/gsm8k:main#test"),
        ),
        Known(
            "math", "math", "MIT", ("math/train.jsonl", "DigitalLearningGmbH/MATH-lighteval#train"),
            ("math/test.jsonl", "math/test_dev.jsonl", "HuggingFaceH4/MATH-500#test"),
        ),
        Known("math500", "math", "MIT", (), ("math500.jsonl", "math500/test.jsonl", "HuggingFaceH4/MATH-500#test")),
        Known(
            "aime24", "number", "MIT; the problems are the MAA's", (),
            ("aime24.jsonl", "aime24/test.jsonl", "HuggingFaceH4/aime_2024#train"),
        ),
        Known(
            "svamp", "number", "MIT", ("svamp/train.jsonl", "ChilleD/SVAMP#train"),
            ("svamp/test.jsonl", "ChilleD/SVAMP#test"),
        ),
        Known(
            "multiarith", "number", "MIT", ("mawps/multiarith_train.jsonl", "ChilleD/MultiArith#train"),
            ("mawps/multiarith.jsonl", "ChilleD/MultiArith#test"),
        ),
        Known("mawps", "number", "MIT", (), ("mawps/singleop.jsonl",)),
        Known("cmath", "number", "CC-BY-4.0", (), ("cmath/test.jsonl", "weitianwen/cmath#test"), language="zh"),
        *(
            Known(
                f"mgsm-{code}", "number", "CC-BY-4.0", (),
                (f"mgsm_{code}.tsv", f"mgsm/mgsm_{code}.tsv", f"juletxara/mgsm#mgsm_{code}.tsv"), language=code,
            )
            for code in _MGSM
        ),
        Known(
            "countdown-3to4", "countdown", "Apache-2.0",
            ("countdown_tinyzero/train.parquet", "Jiayi-Pan/Countdown-Tasks-3to4#train"),
            ("countdown_tinyzero/test.parquet",),
        ),
        Known(
            "game24", "countdown", "MIT", (), ("game24/test.jsonl", "game24/dev.jsonl", "test-time-compute/game-of-24#train"),
            {"nums": "Puzzles", "target": 24},
        ),
        Known(
            "humaneval", "code", "MIT", (),
            ("HumanEval.jsonl.gz", "humaneval/HumanEval.jsonl.gz", "openai/openai_humaneval#test"),
        ),
        Known(
            "mbpp", "code", "CC-BY-4.0", ("mbpp/train.jsonl", "google-research-datasets/mbpp:full#train"),
            ("mbpp/test.jsonl", "google-research-datasets/mbpp:full#test"),
        ),
        Known(
            "webquestions", "text", "CC-BY-4.0", ("webquestions/trainmodel.json", "stanfordnlp/web_questions#train"),
            ("webquestions/val.json", "stanfordnlp/web_questions#test"),
        ),
        Known("dpo-en-demo", "pairs", "Apache-2.0", ("dpo_kto_demo/dpo_en_demo.json", "llamafactory/DPO-En-Zh-20k:en#train")),
        Known(
            "hh-rlhf", "pairs", "MIT", ("hh-rlhf/train.jsonl.gz", "Anthropic/hh-rlhf:helpful-base#train"),
            ("hh-rlhf/test.jsonl.gz", "Anthropic/hh-rlhf:helpful-base#test"),
        ),
        Known(
            "ultrafeedback", "pairs", "MIT", ("ultrafeedback/train.parquet", "HuggingFaceH4/ultrafeedback_binarized#train_prefs"),
            ("ultrafeedback/test.parquet", "HuggingFaceH4/ultrafeedback_binarized#test_prefs"),
        ),
    )
}  # fmt: skip
