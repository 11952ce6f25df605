"""The page's style: one column on a phone, charts side by side on a desk, light or dark as the reader's system is."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfaf6; --panel: #ffffff; --ink: #1f2630; --soft: #5a6370; --line: #dedacd;
  --kept: #2b6f8e; --held: #7fb4c6; --left: #dca63e; --gone: #b4502f; --whole: #8a93a0; --flag: #fbe3d6; --track: #efece3; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15191e; --panel: #1c2128; --ink: #e8e5dc; --soft: #a3abb6; --line: #353c46;
  --kept: #5aa7c7; --held: #a9d3e1; --left: #e0b558; --gone: #dc7a55; --whole: #727c8a; --flag: #50301f; --track: #262c35; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; padding: 0 1rem 4rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
header { padding: 2.5rem 0 .5rem; max-width: 46rem; }
header p { margin: .4rem 0; font-size: 1.1rem; }
.brand { margin: 0; font-size: .85rem !important; letter-spacing: .12em; text-transform: uppercase; color: var(--soft); }
h1 { margin: 0; font-size: clamp(2rem, 6vw, 3rem); line-height: 1.1; }
h2 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.2; }
h3 { margin: 0 0 .25rem; font-size: 1.05rem; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; list-style: none; margin: 1rem 0 0; padding: .75rem 0;
  border-block: 1px solid var(--line); }
a { color: var(--kept); text-underline-offset: .2em; }
section { margin-top: 3rem; scroll-margin-top: 1rem; }
section > p { max-width: 46rem; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: break-word; }
.words, .unit, .figure { color: var(--soft); font-weight: 400; font-size: .88rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 0 1.25rem; }
.tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem;
  display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.tiles dt { color: var(--soft); font-size: .88rem; }
.tiles dd { margin: 0; font-size: 1.9rem; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.2; }
figure { margin: 0 0 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; }
figcaption, caption { font-weight: 650; text-align: left; }
.fate .bar { height: 1.6rem; margin: .6rem 0 .4rem; border-radius: .3rem; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0 0; padding: 0; font-size: .88rem; }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend svg { width: .8rem; height: .8rem; border-radius: .15rem; flex: none; }
.notes { margin: 0; padding: .8rem 1rem .8rem 2rem; background: var(--panel); border: 1px solid var(--line);
  border-left: .35rem solid var(--left); border-radius: .6rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
.charts figure { margin: 0 0 1rem; }
.chart { width: 100%; height: auto; max-width: 42rem; display: block; margin-top: .4rem; }
.axis { font-size: 12px; fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.bar { display: block; width: 100%; height: .55rem; margin-top: .3rem; border-radius: .15rem; background: var(--track); }
.c0 { --c: var(--kept); } .c1 { --c: var(--gone); } .c2 { --c: var(--left); } .c3 { --c: var(--whole); }
.c4 { --c: var(--held); } .c5 { --c: #7a5ca8; } .c6 { --c: #4f8f5b; } .c7 { --c: #c05a8f; }
.c0, .c1, .c2, .c3, .c4, .c5, .c6, .c7 { fill: var(--c); }
.line { fill: none; stroke: var(--c); stroke-width: 1.5; stroke-linejoin: round; }
.kept { fill: var(--kept); } .held { fill: var(--held); } .left { fill: var(--left); } .gone { fill: var(--gone); }
.whole { fill: var(--whole); }
.scroll { overflow-x: auto; margin: 0 0 1.25rem; background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; }
.scroll:focus-visible { outline: 2px solid var(--kept); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { padding: .8rem 1rem .3rem; font-size: 1rem; }
h3 code { font-weight: 650; }
th, td { padding: .35rem 1rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: .85rem; white-space: nowrap; }
tbody th { font-weight: 400; min-width: 9rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tars .words { display: block; }
.flow tbody th { width: 60%; min-width: 10rem; }
.flow tbody tr:last-child { border-top: 2px solid var(--soft); }
.bars tbody th { width: 40%; min-width: 10rem; }
.samples { list-style: none; margin: 0; padding: 0; background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; }
.samples li { display: grid; grid-template-columns: 9rem 1fr 20rem; gap: .1rem 1rem; padding: .4rem 1rem; font-size: .92rem; }
.samples li + li { border-top: 1px solid var(--line); }
.samples b { font-weight: 500; } .samples span { overflow-wrap: anywhere; }
.reason { margin-bottom: 1.75rem; }
.reason > p { margin: 0 0 .5rem; max-width: 46rem; }
.settings td { min-width: 10rem; } .settings td code { overflow-wrap: anywhere; }
.flag { display: inline-block; background: var(--flag); border-radius: .3rem; padding: 0 .45rem; margin: 0 .2rem .1rem 0;
  font-size: .82rem; white-space: nowrap; }
@media (max-width: 48rem) { .samples li { grid-template-columns: 1fr; } }
@media (max-width: 40rem) { th, td, caption { padding-left: .5rem; padding-right: .5rem; } table { font-size: .86rem; }
  section { margin-top: 2.25rem; }
  .settings tbody th { min-width: 11.5rem; }
  .flow .words, .bars .words { display: block; } .bars tbody th { width: auto; min-width: 8rem; }
  .steps .words { display: none; } .flow tbody th { width: auto; min-width: 8rem; }
  h2 { font-size: 1.3rem; } .tiles dd { font-size: 1.6rem; } }
@media print { nav { display: none; } body { max-width: none; } .scroll { overflow: visible; } }
"""
