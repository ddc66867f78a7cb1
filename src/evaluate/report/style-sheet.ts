/** The one style sheet of reports. Colours by role, twice: light, and dark where the reader's system is. */

/** Plain CSS; no font, image or other file is asked for. */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --page: #fdfcfa; --card: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #e2ded7; --accent: #0b6e4f;
  --series-1: #8a8f98; --series-2: #2f6fd0; --series-3: #d9622b; --series-4: #0b8a63; --good: #0b7a4b; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e7e9ec; --soft: #a3acb5; --line: #343a41; --accent: #5fd0a5;
    --series-1: #9aa3ad; --series-2: #6ea8ff; --series-3: #ff9d6b; --series-4: #5fd0a5; --good: #6fdca8; --bad: #ff8f86;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
header, main, footer { max-width: 860px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 40px; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0.2em 0 0.5em; text-wrap: balance; }
h2 { font-size: 1.3rem; margin: 0 0 0.5em; }
h3 { font-size: 1rem; margin: 1.2em 0 0.3em; }
.kicker { color: var(--accent); font-weight: 600; margin: 0; }
.lead { font-size: 1.1rem; }
.soft, .unit { color: var(--soft); }
.unit { display: block; font-size: 0.85rem; }
nav { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 1.2em 0 2em; font-size: 0.92rem; }
a { color: var(--accent); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 22px 24px; margin: 0 0 20px; }
figure { margin: 1.2em 0; }
figcaption { margin-bottom: 0.3em; font-size: 0.95rem; }
svg { display: block; width: 100%; max-width: 100%; height: auto; }
svg text { white-space: pre; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 4px 28px; }
.pair figure { margin: 0.6em 0; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.85rem; color: var(--soft); }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 0.4em; }
.swatch-1 { background: var(--series-1); } .swatch-2 { background: var(--series-2); }
.swatch-3 { background: var(--series-3); } .swatch-4 { background: var(--series-4); }
.swatch.dashed { height: 0; border-top: 2px dashed var(--soft); width: 1.2em; vertical-align: middle; border-radius: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; padding: 7px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.answer { white-space: pre-wrap; overflow-wrap: anywhere; }
.mark { display: block; font-size: 0.8rem; color: var(--soft); margin-top: 0.3em; }
.mark b { font-weight: 600; }
.right { color: var(--good); } .wrong { color: var(--bad); }
.question { font-weight: 600; background: color-mix(in srgb, var(--line) 35%, transparent); }
pre { overflow-x: auto; padding: 12px 14px; background: var(--page); border: 1px solid var(--line); border-radius: 8px; font-size: 0.88rem; }
code { font-family: ui-monospace, monospace; }
ul, ol { padding-left: 1.3em; } li { margin: 0.25em 0; }
footer { color: var(--soft); font-size: 0.85rem; padding-bottom: 40px; }
@media print { section { break-inside: avoid; } nav { display: none; } }
`;
