"""The pieces of an HTML page that opens offline and trusts no text.

Arguments called `text`, `title`, `caption`, `note` or `cell` are text and are escaped here; `body` is HTML made by
these functions. The page holds no script, and its content policy forbids whatever might slip in: nothing is loaded,
nothing runs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode's categories of characters that show nothing or change how others show: controls, bidirectional marks, zero
width, lone surrogates, private use, line and paragraph separators."""

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c1e21;--soft:#5b6068;--card:#f5f6f8;--grid:#d8dade;
--c0:#0072b2;--c1:#c24e00;--c2:#00795a;--c3:#a8487f;--c4:#8a6100;--c5:#5550c8}
@media(prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e6e8eb;--soft:#a4abb5;--card:#1f2226;--grid:#3a3f46;
--c0:#56b4e9;--c1:#ff9b57;--c2:#2fc799;--c3:#e79cc4;--c4:#e6b84a;--c5:#b3b0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}
.lead{font-size:1.1rem}.soft,figcaption,caption{color:var(--soft)}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
.grid.small{grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
figure{margin:0;padding:.75rem;background:var(--card);border-radius:.5rem}
figcaption{font-size:.9rem;margin-bottom:.4rem}figcaption b{color:var(--ink);display:block}
svg{width:100%;height:auto;display:block}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.3rem}
th,td{padding:.25rem .9rem .25rem 0;text-align:right;vertical-align:top;border-bottom:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left;overflow-wrap:break-word}
pre{background:var(--card);padding:.75rem;border-radius:.5rem;margin:.4rem 0;font:.85rem/1.45 ui-monospace,monospace;
white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;direction:ltr}
details{margin:.4rem 0;padding-left:.2rem}summary{cursor:pointer;overflow-wrap:anywhere}
details details{margin-left:1rem}
"""


def visible(text: object) -> str:
    """Any text, safe inside HTML, with the characters that hide or reorder others written out.

    An escape becomes U+241B (the picture of one), a right-to-left override becomes <U+202E>. Line ends and tabs stay.
    """
    return escape(plain(text))


def plain(text: object) -> str:
    """The same for where no HTML is read: hidden characters written out, nothing escaped."""
    return "".join(map(_shown, str(text).replace("\r\n", "\n")))


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    return "\u2421" if code == 127 else f"<U+{code:04X}>"


def clip(text: str, most: int = 6000) -> str:
    """A text of any length: where it is longer than `most`, its beginning, a note, and its end."""
    if len(text) <= most:
        return text
    head, tail = text[: most * 3 // 4], text[-(most // 4) :]
    return f"{head}\n[... {len(text) - len(head) - len(tail):,} characters left out ...]\n{tail}"


def paragraph(text: str, kind: str = "") -> str:
    """One paragraph. `kind` is a class of the style sheet: "lead" or "soft"."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{visible(text)}</p>"


def listing(text: str, most: int = 6000) -> str:
    """Preformatted text that wraps, clipped."""
    return f"<pre>{visible(clip(text, most))}</pre>"


def folded(text: str, body: str, opened: bool = False) -> str:
    """A line that unfolds."""
    return f"<details{' open' if opened else ''}><summary>{visible(text)}</summary>{body}</details>"


def table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names its rows. It scrolls by itself when the screen is narrow."""
    titles = "".join(f'<th scope="col">{visible(cell)}</th>' for cell in head)
    lines = []
    for name, *cells in rows:
        values = "".join(f"<td>{visible(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{visible(name)}</th>{values}</tr>')
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{visible(caption)}"><table>'
        f"<caption>{visible(caption)}</caption><thead><tr>{titles}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def figure(title: str, note: str, body: str) -> str:
    """A drawing under its title and one sentence on how to read it."""
    return f"<figure><figcaption><b>{visible(title)}</b>{visible(note)}</figcaption>{body}</figure>"


def grid(bodies: Sequence[str], small: bool = False) -> str:
    """Figures side by side where there is room, below one another on a phone."""
    return f'<div class="grid{" small" if small else ""}">{"".join(bodies)}</div>'


def section(title: str, *bodies: str) -> str:
    """A headed part of the page."""
    return f"<section><h2>{visible(title)}</h2>{''.join(bodies)}</section>"


def document(title: str, *bodies: str) -> str:
    """The whole page."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{visible(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{visible(title)}</h1>{''.join(bodies)}</main></body></html>\n"
    )
