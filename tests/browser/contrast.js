// Every visible piece of text against what is painted behind it; WCAG 2 contrast ratios.
() => {
  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [...parts.slice(0, 3).map((v) => v * scale), parts[3] ?? 1];
  };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (c) => {
    const [r, g, b] = c.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, under) =>
    top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(parse(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const visible = { opacityProperty: true, visibilityProperty: true };
  const bad = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!text || element.closest("script, style") || !element.checkVisibility(visible)) continue;
    const svg = element instanceof SVGElement;
    const style = getComputedStyle(element);
    const paper = behind(svg ? element.closest("figure, div") : element);
    const ink = over(parse(svg ? style.fill : style.color), paper);
    const pair = [luminance(ink), luminance(paper)];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    seen += 1;
    if (ratio < 4.5) bad.push([ratio.toFixed(2), String(element.className), text.slice(0, 30)]);
  }
  return { seen, bad };
}
