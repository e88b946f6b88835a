"""Shares of a whole as bars that all have the same scale, with their names and percentages as text."""

import html
from collections.abc import Sequence

BAR = "height: .8rem; border-radius: 3px; min-width: 2px; background: var(--accent);"
TABLE = "width: 100%; min-width: 15rem; max-width: 30rem;"


def percent(share: float) -> str:
    """A share for people, on one line: 95.1 %, and one digit more below a tenth of a percent."""
    return f"{100 * share:.{1 if share >= 0.001 else 2}f}\u00a0%"


def share_bars(rows: Sequence[tuple[str, float]], told: str) -> str:
    """Names with bars from 0 to 100 % and the percentage. told: what the rows are, for who cannot see."""
    body = "".join(
        f'<tr><th scope="row" style="font-weight: 400; color: var(--ink)">{html.escape(name)}</th>'
        f'<td style="width: 55%; vertical-align: middle; padding-right: .6rem"><div style="{BAR} width: '
        f'{100 * share:.1f}%"></div></td><td class="number">{percent(share)}</td></tr>'
        for name, share in rows
    )
    return (
        f'<table style="{TABLE}" aria-label="{html.escape(told, quote=True)}"><tbody>{body}</tbody></table>'
    )
