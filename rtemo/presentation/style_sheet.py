"""Style sheet of all HTML reports: light and dark by what the reader's system prefers, fit to be printed."""

from __future__ import annotations

from rtemo.presentation.palette import DARK, LIGHT, Theme

_ROLES = ("window", "panel", "raised", "line", "ink", "muted", "faint", "accent", "good", "warn", "bad")


def _variables(theme: Theme) -> str:
    return "; ".join(f"--{role}: {getattr(theme, role)}" for role in _ROLES)


STYLE_SHEET = (
    f":root {{ {_variables(LIGHT)}; --warnground: #fff3dc; color-scheme: light dark; }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)}; --warnground: #2b2417; }} }}\n"
    """
* { box-sizing: border-box; }
body { margin: 0; background: var(--window); color: var(--ink); font: 15px/1.5 Inter, "Segoe UI", "SF Pro Text",
  "Helvetica Neue", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 60px; }
header { margin-bottom: 22px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 4px; break-after: avoid; }
h3 { font-size: 14px; margin: 22px 0 6px; color: var(--muted); font-weight: 600; break-after: avoid; }
p, ul { margin: 0 0 10px; max-width: 82ch; }
ul { padding-left: 20px; }
li { margin: 3px 0; overflow-wrap: anywhere; }
.muted, .caption, caption, figcaption { color: var(--muted); }
.caption, caption, figcaption { font-size: 13.5px; }
.caption { margin-bottom: 14px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 22px 26px;
  margin-bottom: 18px; break-inside: avoid-page; }
section > :last-child { margin-bottom: 0; }
.warning { background: var(--warnground); border-color: var(--warn); border-left: 5px solid var(--warn); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); padding: 0;
  overflow: hidden; }
.tile { box-shadow: 0 0 0 0.5px var(--line); padding: 16px 20px; }
.tile b { display: block; font-size: 25px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
.tile span { color: var(--muted); font-size: 13px; }
.tile.bad b { color: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 4px 0 10px; font-size: 13.5px; color: var(--muted); }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px;
  vertical-align: -1px; }
.legend i.hatched { background: repeating-linear-gradient(45deg, var(--faint) 0 1.5px, transparent 1.5px 5px);
  border: 1px solid var(--line); }
.wide { overflow-x: auto; margin: 6px 0 14px; }
section > .wide:first-child { margin-top: -6px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { caption-side: bottom; text-align: left; padding-top: 10px; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
thead th { color: var(--muted); font-weight: 600; font-size: 13px; }
tbody th { font-weight: 500; }
tbody tr:last-child > * { border-bottom: none; }
tr.break > * { border-top: 1px solid var(--muted); }
.number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.number:last-child { padding-right: 0; }
td.bar { width: 250px; min-width: 140px; vertical-align: middle; }
td.bar svg { height: 18px; border-radius: 3px; }
td.time { white-space: nowrap; color: var(--muted); }
td small, tbody th small { display: block; color: var(--muted); font-size: 12.5px; font-weight: 400; }
.beside { display: grid; grid-template-columns: minmax(200px, 270px) minmax(260px, 460px); gap: 40px;
  align-items: start; margin-top: 18px; }
.scroll { max-height: 420px; overflow: auto; }
figure { margin: 14px 0; }
figure > svg, figure > img { background: #fff; border-radius: 6px; max-width: 100%; }
figcaption { max-width: 82ch; padding-top: 6px; }
svg { display: block; width: 100%; height: auto; }
.drawing text { font-family: inherit; fill: var(--ink); }
.drawing .tick { font-size: 12px; fill: var(--muted); }
.drawing .label { font-size: 12px; }
.drawing .label.marker { fill: var(--muted); }
.drawing .label.annotation { fill: var(--accent); font-weight: 600; }
.drawing .grid { stroke: var(--line); stroke-width: 1; }
.drawing .mark { stroke: var(--ink); stroke-opacity: 0.4; stroke-width: 1; }
.drawing .condition { fill: var(--raised); stroke: var(--line); }
.drawing .mark.annotation { stroke: var(--accent); stroke-opacity: 1; stroke-dasharray: 4 3; }
.drawing .area { stroke: none; shape-rendering: geometricPrecision; }
.drawing .day { fill-opacity: 0.85; font-size: 11px; }
.drawing .unnamed { fill: var(--faint); }
.drawing .veil { fill: var(--panel); fill-opacity: 0.62; }
.drawing .hatch { stroke: var(--muted); stroke-width: 1.6; }
.drawing .ground { fill: var(--raised); }
.drawing .traced { fill: none; stroke: var(--accent); stroke-width: 1.3; }
.drawing .covered { fill: var(--accent); fill-opacity: 0.75; }
.drawing .skull { fill: var(--raised); stroke: var(--faint); stroke-width: 1.6; }
.drawing .good { fill: var(--good); }
.drawing .onlight { fill: #000000; font-weight: 700; }
.drawing .ondark { fill: #ffffff; font-weight: 700; }
details { margin: 8px 0 0; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: 4px 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--raised); border-radius: 8px; padding: 14px 16px;
  font: 12.5px/1.5 ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; margin: 8px 0 0; }
footer { color: var(--muted); font-size: 13px; padding: 6px 4px; }
@media (max-width: 760px) { .beside { grid-template-columns: 1fr; } main { padding: 20px 12px; } }
@page { size: A4; margin: 14mm 12mm; }
@media print {
  :root { PRINTED; --window: #ffffff; color-scheme: light; }
  body { background: #fff; font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 18pt; } h2 { font-size: 12pt; } table { font-size: 8.5pt; }
  section { border-color: #ccc; padding: 10pt 12pt; margin-bottom: 9pt; break-inside: auto; }
  figure, svg, tr, .tile, .beside, .tiles { break-inside: avoid; }
  thead { display: table-header-group; }
  .tiles { grid-template-columns: repeat(4, 1fr); } .tile b { font-size: 14pt; }
  .wide, .scroll { max-height: none; overflow: visible; }
  td.bar { width: 90px; min-width: 60px; } th, td { padding: 3pt 5pt 3pt 0; }
  .beside { grid-template-columns: 45% 1fr; gap: 16px; }
  a { color: inherit; } }
"""
).replace("PRINTED", _variables(LIGHT))
