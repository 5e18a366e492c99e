"""How the report looks: one style sheet, light and dark by what the reader's system prefers, fit to be printed."""

from __future__ import annotations

SHEET = """
:root { --window: #eef1f4; --panel: #ffffff; --line: #d9dfe5; --ink: #17202a; --muted: #536170; --faint: #9aa5b1;
  --accent: #1769aa; --good: #0b8a63; --warn: #9a5b00; --warnground: #fff3dc; --bad: #c0360f; --ground: #f0f3f6;
  color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --window: #0f1317; --panel: #161b21; --line: #2c3540; --ink: #e8edf2;
  --muted: #9aa7b4; --faint: #5d6975; --accent: #4aa3e0; --good: #2fb38a; --warn: #f0a92e; --warnground: #2b2417;
  --bad: #f0603a; --ground: #1d242c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--window); color: var(--ink); line-height: 1.5; font: 15px/1.5 Inter, "Segoe UI",
  "SF Pro Text", "Helvetica Neue", "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 60px; }
header { margin-bottom: 22px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 22px 0 6px; color: var(--muted); font-weight: 600; }
p { margin: 0 0 10px; max-width: 82ch; }
.muted, .caption { color: var(--muted); }
.caption { font-size: 13.5px; margin-bottom: 14px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 22px 26px;
  margin-bottom: 18px; break-inside: avoid-page; }
section > :last-child { margin-bottom: 0; }
section ul { margin: 6px 0 0; padding-left: 20px; }
.warning { background: var(--warnground); border-color: var(--warn); border-left: 5px solid var(--warn); }
.warning strong { color: var(--warn); }
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
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--muted); font-weight: 600; font-size: 13px; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); vertical-align: middle;
  overflow-wrap: anywhere; }
tr:last-child td { border-bottom: none; }
td.n, th.n { text-align: right; white-space: nowrap; overflow-wrap: normal; }
td.bar { width: 250px; min-width: 140px; }
td.time, td.kind { white-space: nowrap; color: var(--muted); }
td.bar svg { height: 18px; border-radius: 3px; }
.beside { display: grid; grid-template-columns: minmax(200px, 270px) minmax(260px, 460px); gap: 40px;
  align-items: start; margin-top: 18px; }
.scroll { max-height: 420px; overflow: auto; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit; fill: var(--ink); }
svg .tick { font-size: 12px; fill: var(--muted); }
svg .label { font-size: 12px; }
svg .label.marker { fill: var(--muted); }
svg .label.annotation { fill: var(--accent); font-weight: 600; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .mark { stroke: var(--ink); stroke-opacity: 0.4; stroke-width: 1; }
svg .condition { fill: var(--ground); stroke: var(--line); }
svg .mark.annotation { stroke: var(--accent); stroke-opacity: 1; stroke-dasharray: 4 3; }
svg .area { stroke: var(--panel); stroke-width: 0.8; }
svg .veil { fill: var(--panel); fill-opacity: 0.62; }
svg .hatch { stroke: var(--muted); stroke-width: 1.6; }
svg .ground { fill: var(--ground); }
svg .covered { fill: var(--accent); fill-opacity: 0.75; }
svg .skull { fill: var(--ground); stroke: var(--faint); stroke-width: 1.6; }
svg .good { fill: var(--good); }
svg .onlight { fill: #000000; font-weight: 700; }
svg .ondark { fill: #ffffff; font-weight: 700; }
details summary { cursor: pointer; color: var(--accent); font-weight: 600; padding: 4px 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--ground); border-radius: 8px; padding: 14px 16px;
  font: 12.5px/1.5 ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; margin: 8px 0 0; }
footer { color: var(--muted); font-size: 13px; padding: 6px 4px; }
@media (max-width: 760px) { .beside { grid-template-columns: 1fr; } main { padding: 20px 12px; } }
@media print { body { background: #fff; font-size: 12px; } main { max-width: none; padding: 0; }
  .scroll { max-height: none; overflow: visible; } section { border-color: #ccc; } }
"""
