"use strict";
// The page is whole without this; here are only movement between fact and source, theme, filter.
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  root.classList.add("js");

  // Theme: what the system says until the reader chooses.
  const theme = find("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Use ${isDark() ? "light" : "dark"} colours`); };
  const remembered = () => { try { return localStorage.getItem("fhirkit-theme"); } catch { return null; } };
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  theme.hidden = false;
  name();
  dark.addEventListener("change", name);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("fhirkit-theme", root.dataset.theme); } catch { /* private mode */ }
    name();
  });

  // From a fact to its sentence, and back.
  const panel = find("source");
  let cameFrom = null;
  const unlight = () => document.querySelectorAll(".lit").forEach((e) => e.classList.remove("lit"));
  const into = (element) => element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  const read = (open) => document.body.classList.toggle("reading", open);

  const light = (link) => {
    const from = Number(link.dataset.from), to = Number(link.dataset.to);
    const lines = panel.querySelector(`.lines[data-document="${Number(link.dataset.document)}"]`);
    const parts = [...lines.querySelectorAll(".part")].filter((p) => Number(p.dataset.from) < to && Number(p.dataset.to) > from);
    if (!parts.length) return false;
    unlight();
    parts.forEach((p) => p.classList.add("lit"));
    link.closest(".card")?.classList.add("lit");
    cameFrom = link;
    read(true);
    parts[0].tabIndex = 0;
    parts[0].focus({ preventScroll: true });
    into(parts[0]);
    // On a narrow screen the panel covers the lower half: keep the fact in sight above it.
    const top = link.getBoundingClientRect().top;
    if (getComputedStyle(panel).position === "fixed" && top > innerHeight * 0.4) scrollBy({ top: top - innerHeight * 0.25, behavior: calm ? "auto" : "smooth" });
    return true;
  };
  const back = () => {
    read(false);
    if (cameFrom) { cameFrom.focus({ preventScroll: true }); into(cameFrom); cameFrom = null; }
  };
  // A sentence may have made several facts: show them all, go to the next at each click.
  const toFacts = (part) => {
    const cards = part.dataset.facts.split(" ").map(find).filter(Boolean);
    if (!cards.length) return;
    const next = (Number(part.dataset.next ?? -1) + 1) % cards.length;
    part.dataset.next = next;
    unlight();
    part.classList.add("lit");
    cards.forEach((card) => card.classList.add("lit"));
    cameFrom = null;
    read(false);
    cards[next].focus({ preventScroll: true });
    into(cards[next]);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.matches("a.quote")) { if (light(link)) event.preventDefault(); }
    else if (link.matches("a.part")) { event.preventDefault(); toFacts(link); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (cameFrom || document.body.classList.contains("reading"))) back();
  });
  if (panel) {
    const show = find("show-source"), hide = find("hide-source");
    show.hidden = hide.hidden = false;
    show.addEventListener("click", () => { cameFrom = show; read(true); panel.focus(); });
    hide.addEventListener("click", back);
  }

  // FHIR JSON: colours and links to other resources, made when it is first opened.
  const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;
  const cards = new Map();
  document.querySelectorAll(".card").forEach((card) => card.dataset.names.split(" ").forEach((n) => n && !n.endsWith("/") && cards.set(n, card.id)));
  const span = (kind, text) => { const s = document.createElement("span"); s.className = kind; s.textContent = text; return s; };
  const string = (text) => {
    const target = cards.get(text.slice(1, -1));
    if (!target) return span("s", text);
    const link = document.createElement("a");
    link.href = `#${target}`;
    link.textContent = text;
    return link;
  };
  const paint = (pre) => {
    const text = pre.textContent;
    if (pre.dataset.painted || text.length > 200000) return;
    pre.dataset.painted = "yes";
    const out = document.createDocumentFragment();
    let at = 0;
    for (const m of text.matchAll(TOKEN)) {
      out.append(text.slice(at, m.index));
      at = m.index + m[0].length;
      if (m[1] && m[2]) out.append(span("k", m[1]), m[2]);
      else if (m[1]) out.append(string(m[1]));
      else out.append(span(m[3] ? "n" : "w", m[0]));
    }
    out.append(text.slice(at));
    pre.replaceChildren(out);
  };
  document.querySelectorAll("details.fhir").forEach((d) => d.addEventListener("toggle", () => { const pre = d.querySelector("pre"); if (d.open && pre) paint(pre); }));

  // Filter: cards whose visible words hold every word typed.
  const filter = find("filter"), status = find("filtered");
  const input = filter.querySelector("input");
  filter.hidden = false;
  const all = [...document.querySelectorAll(".card")];
  const words = new Map();
  const wordsOf = (card) => {
    if (!words.has(card)) words.set(card, [...card.children].map((c) => (c.matches(".behind") ? "" : c.textContent)).join(" ").toLowerCase());
    return words.get(card);
  };
  input.addEventListener("input", () => {
    const asked = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const card of all) {
      card.hidden = !asked.every((word) => wordsOf(card).includes(word));
      if (!card.hidden) left += 1;
    }
    document.querySelectorAll(".kind").forEach((kind) => { kind.hidden = asked.length > 0 && !kind.querySelector(".card:not([hidden])"); });
    status.textContent = asked.length ? `${left} of ${all.length} shown` : "";
  });
})();
