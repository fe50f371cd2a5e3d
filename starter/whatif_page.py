"""A what-if as one HTML file: assumptions first, then pictures and figures; without scripts, and nothing is loaded."""

from html import escape

from starter.whatif_pictures import pictures
from starter.whatif_text import ROWS, Answer, assumptions

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2937; max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e5e7eb; vertical-align: top }
svg { width: 100%; height: auto; margin: .6rem 0 }
"""


def page(answer: Answer) -> str:
    """The whole page."""
    scenario = answer.scenario
    title = f"What if: {scenario.hosts:,} hosts, {scenario.days:g} days"
    taken = "".join(f"<li>{escape(sentence)}</li>" for sentence in (*assumptions(answer), *answer.notes))
    heads = "".join(f"<th>{escape(o.policy.value)}</th>" for o in answer.outcomes)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{escape(of(o))}</td>' for o in answer.outcomes)}</tr>"
        for name, of in ROWS
    )
    body = (
        f"<h1>{escape(title)}</h1><h2>Assumptions</h2><ul>{taken}</ul><h2>Pictures</h2>{''.join(pictures(answer).values())}"
        f"<h2>Figures</h2><table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    return f'<!doctype html>\n<html lang="en"><head>{policy}{head}</head><body>{body}</body></html>'
