"""The pieces of an HTML page that opens offline and trusts no text.

Arguments called `text`, `title`, `caption`, `note` or `cell` are text and are escaped here; `body` is HTML made by
these functions. The page holds no script, and its content policy forbids whatever might slip in: nothing is loaded,
nothing runs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode's categories of characters that show nothing or change how others show: controls, bidirectional marks, zero
width, lone surrogates, private use, line and paragraph separators."""

STYLE = """
:root{color-scheme:light dark;--paper:#fcfcfa;--ink:#1a1c20;--soft:#5a5f68;--card:#f3f3ee;--grid:#dcdcd4;--line:#e4e4dc;
--good:#00664c;--watch:#8a5200;--problem:#b3261e;
--c0:#0072b2;--c1:#c24e00;--c2:#00795a;--c3:#a8487f;--c4:#8a6100;--c5:#5550c8}
@media(prefers-color-scheme:dark){:root{--paper:#131518;--ink:#e7e8ea;--soft:#a3a9b3;--card:#1c1f23;--grid:#383d44;
--line:#2a2e34;--good:#4fd1a5;--watch:#f0b35a;--problem:#ff8a80;
--c0:#56b4e9;--c1:#ff9b57;--c2:#2fc799;--c3:#e79cc4;--c4:#e6b84a;--c5:#b3b0ff}}
*{box-sizing:border-box}html{scroll-padding-top:3.5rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif;
-webkit-text-size-adjust:100%}
main{max-width:72rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
h1,h2,.number{font-family:ui-serif,Charter,"Iowan Old Style",Georgia,serif;font-weight:600;letter-spacing:-.01em}
h1{font-size:2.1rem;line-height:1.15;margin:.4rem 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.45rem;line-height:1.25;margin:0 0 .8rem}h3{font-size:.88rem;font-weight:600;line-height:1.4;margin:0 0 .4rem}
section{margin-top:2.6rem;padding-top:1.6rem;border-top:1px solid var(--line)}
p{max-width:46rem;margin:.5rem 0}.lead{font-size:1.12rem}.soft,figcaption,caption{color:var(--soft)}
nav{position:sticky;top:0;z-index:1;background:var(--paper);border-bottom:1px solid var(--line);overflow-x:auto;
white-space:nowrap;padding:.55rem 1.25rem;font-size:.88rem}
nav ul{display:flex;gap:1.3rem;list-style:none;max-width:69.5rem;margin:0 auto;padding:0}
a{color:inherit;text-decoration:none}nav a{color:var(--soft)}nav a:hover,nav a:focus{color:var(--ink);text-decoration:underline}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
.grid{display:grid;gap:1rem;margin:.8rem 0;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr))}
.grid.small{grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr))}
figure{margin:0;padding:.9rem 1rem .6rem;background:var(--card);border-radius:.6rem;min-width:0;max-width:44rem}
figcaption{font-size:.88rem;line-height:1.4;margin-bottom:.5rem}figcaption b{color:var(--ink);display:block;font-size:.98rem}
svg{width:100%;height:auto;display:block}
.result{margin:1.2rem 0}.result .what{font-size:1.05rem;margin:0 0 .3rem}
.change{display:flex;flex-wrap:wrap;align-items:flex-start;gap:.2rem 1.4rem}.change .soft{display:block;font-size:.95rem}
.number{font-size:clamp(2.6rem,9vw,4.4rem);line-height:1.05;font-variant-numeric:tabular-nums}.number.old{color:var(--soft)}
.arrow{font-size:clamp(1.8rem,6vw,3rem);line-height:1.5;color:var(--soft)}
.facts{display:grid;gap:.7rem;margin:1.2rem 0;grid-template-columns:repeat(auto-fit,minmax(min(100%,11rem),1fr))}
.facts div{border-left:3px solid var(--grid);padding:.1rem 0 .1rem .8rem}.facts dt{font-size:.85rem;color:var(--soft)}
.facts dd{margin:0;font-size:.85rem}.facts dd b{font-size:1.25rem;font-variant-numeric:tabular-nums}
.findings{list-style:none;padding:0;margin:.8rem 0;max-width:56rem}
.findings li{display:grid;grid-template-columns:5.2rem 1fr;gap:.8rem;padding:.55rem 0;border-bottom:1px solid var(--line)}
.tag{font-size:.78rem;font-weight:600;color:var(--soft);border-left:4px solid;padding-left:.55rem;line-height:1.3;
align-self:start;margin-top:.25rem}
.good .tag{color:var(--good)}.watch .tag{color:var(--watch)}.problem .tag{color:var(--problem)}
.wide{overflow-x:auto;margin:.6rem 0}.lines table{white-space:nowrap}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.4rem;font-size:.9rem}thead th{color:var(--soft);font-weight:500}
th,td{padding:.35rem 1.1rem .35rem 0;text-align:right;vertical-align:top;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;overflow-wrap:break-word}tbody th{font-weight:500}
pre{background:var(--card);padding:.75rem .9rem;border-radius:.5rem;margin:.5rem 0;font:.82rem/1.5 ui-monospace,monospace;
white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;direction:ltr}
.replies{display:grid;gap:.9rem;margin:.7rem 0;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));align-items:start}
.reply{border:1px solid var(--line);border-top:3px solid var(--grid);border-radius:.4rem;padding:.7rem .8rem;min-width:0}
.reply.right{border-top-color:var(--good)}.reply.wrong{border-top-color:var(--problem)}
.reply summary,.asked{font-size:.82rem;color:var(--soft)}.asked{white-space:pre-line;overflow-wrap:anywhere;margin:.3rem 0}
.reply pre{max-height:19rem;overflow:auto;padding:.6rem .7rem}.reply .thought{color:var(--soft)}.reply .answer{font-weight:600}
details{margin:.5rem 0}summary{cursor:pointer;overflow-wrap:anywhere;padding:.15rem 0}
details details{margin-left:0}section>details{border-bottom:1px solid var(--line);padding-bottom:.4rem}
@media(max-width:40rem){main{padding:1rem 1rem 3rem}h1{font-size:1.7rem}.findings li{grid-template-columns:1fr;gap:.1rem}}
@media print{nav{display:none}.reply summary,.asked{font-size:.82rem;color:var(--soft)}.asked{white-space:pre-line;overflow-wrap:anywhere;margin:.3rem 0}
.reply pre{max-height:none}}
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


def table(caption: str, head: Sequence[object], rows: Iterable[Sequence[object]], label: str = "") -> str:
    """A table whose first column names its rows. It scrolls by itself when the screen is narrow.

    `label` names it for those who hear the page, where the caption stands elsewhere.
    """
    titles = "".join(f'<th scope="col">{visible(cell)}</th>' for cell in head)
    lines = []
    for name, *cells in rows:
        values = "".join(f"<td>{visible(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{visible(name)}</th>{values}</tr>')
    titled = f"<caption>{visible(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{visible(caption or label)}"><table>'
        f"{titled}<thead><tr>{titles}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def figure(title: str, note: str, body: str) -> str:
    """A drawing under its title and one sentence on how to read it."""
    return f"<figure><figcaption><b>{visible(title)}</b>{visible(note)}</figcaption>{body}</figure>"


def grid(bodies: Sequence[str], small: bool = False) -> str:
    """Figures side by side where there is room, below one another on a phone."""
    return f'<div class="grid{" small" if small else ""}">{"".join(bodies)}</div>'


def section(title: str, *bodies: str, key: str = "") -> str:
    """A headed part of the page; `key` is what links to it name."""
    place = f' id="{visible(key)}"' if key else ""
    return f"<section{place}><h2>{visible(title)}</h2>{''.join(bodies)}</section>"


def document(title: str, *bodies: str, about: str = "", links: Sequence[tuple[str, str]] = ()) -> str:
    """The whole page. `about` stands below the title; `links` are keys and titles of sections."""
    items = "".join(f'<li><a href="#{visible(key)}">{visible(text)}</a></li>' for key, text in links)
    contents = f'<nav aria-label="Contents"><ul>{items}</ul></nav>' if links else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{visible(title)}</title><style>{STYLE}</style></head>"
        f"<body>{contents}<main><h1>{visible(title)}</h1>{paragraph(about, 'soft') if about else ''}"
        f"{''.join(bodies)}</main></body></html>\n"
    )
