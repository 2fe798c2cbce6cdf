// What somebody could not make out on the page as it stands: checks of WCAG 2.2, each a list of
// complaints. Defines `looking`; nothing here changes the page for longer than its own check.
(() => {
  const SLACK = 1.5; // pixels: letters lean, boxes are rounded
  const LEADING = 5; // pixels that a line of text may stand above or below its own line box
  const TARGET = 44;
  const ACTS = 'a[href], button, input, select, textarea, summary, [role=radio], [role=option]';

  const called = (element) => {
    const said = (element.getAttribute('aria-label') ?? element.textContent ?? '').trim();
    return `<${element.localName} class="${element.getAttribute('class') ?? ''}"> ${said.slice(0, 60)}`;
  };
  const shows = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest('.hidden, .skip:not(:focus), noscript, title, option, canvas');

  function* texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.data.trim() && shows(node.parentElement)) yield node;
    }
  }

  function rectangles(node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter((one) => one.width > 0 && one.height > 0);
  }

  const isBox = (style) =>
    style.overflowX !== 'visible' ||
    parseFloat(style.borderLeftWidth) + parseFloat(style.borderTopWidth) > 0 ||
    !/^(transparent|rgba\(.*, 0\))$/.test(style.backgroundColor);

  /** The side on which a line leaves one of the boxes around it, or the window. */
  function leaves(line, element) {
    for (let box = element; box !== document.documentElement; box = box.parentElement) {
      const style = getComputedStyle(box);
      if (style.display === 'inline' || style.display === 'contents') continue;
      const around = box.getBoundingClientRect();
      if (/auto|scroll/.test(style.overflowX) && box.scrollWidth > box.clientWidth) return null;
      if (isBox(style)) {
        if (line.left < around.left - SLACK || line.right > around.right + SLACK) return box;
        const scrolls = /auto|scroll/.test(style.overflowY);
        const out = line.top < around.top - LEADING || line.bottom > around.bottom + LEADING;
        if (out && !scrolls) return box;
      }
      if (style.position === 'fixed') break;
    }
    return line.left < -SLACK || line.right > innerWidth + SLACK ? document.body : null;
  }

  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

  function widthOf(text, style) {
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    return pen.measureText(text).width;
  }

  /** Fields show one line: what stands in them by our will has to fit. */
  function tightFields() {
    const said = [];
    for (const field of document.querySelectorAll('select, input[placeholder]')) {
      if (!shows(field)) continue;
      const text = field.localName === 'select' ? field.selectedOptions[0]?.textContent : field.placeholder;
      const style = getComputedStyle(field);
      const arrow = field.localName === 'select' ? 16 : 0;
      const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - arrow;
      const wide = widthOf((text ?? '').trim(), style);
      if (wide > room + SLACK) said.push(`"${text?.trim()}" needs ${Math.round(wide)} of ${Math.round(room)} px`);
    }
    return said;
  }

  /** A word of ordinary length is not cut in two; an address or a number may be. */
  function cutWords() {
    const said = [];
    for (const node of texts()) {
      if (rectangles(node).length < 2) continue;
      for (const { 0: word, index } of node.data.matchAll(/(?<=^|\s)\p{L}{2,16}(?=[\s,.;:!?]|$)/gu)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const lines = new Set([...range.getClientRects()].map((one) => Math.round(one.top)));
        if (lines.size > 1) said.push(`"${word}" in ${called(node.parentElement)}`);
      }
    }
    return said;
  }

  function clipped() {
    const said = [];
    for (const node of texts()) {
      const box = rectangles(node).map((line) => leaves(line, node.parentElement)).find(Boolean);
      if (box) said.push(`"${node.data.trim().slice(0, 50)}" leaves ${called(box)}`);
    }
    return [...said, ...tightFields()];
  }

  function sideways() {
    const wide = document.documentElement.scrollWidth;
    return wide > innerWidth ? [`the page is ${wide} px wide in a window of ${innerWidth}`] : [];
  }

  const acted = (element) => (element.matches('input') && element.closest('label')) || element;
  const amidText = (element) =>
    getComputedStyle(element).display === 'inline' &&
    [...element.parentElement.childNodes].some((one) => one.nodeType === 3 && one.data.trim());

  function small() {
    const said = [];
    for (const element of document.querySelectorAll(ACTS)) {
      if (!shows(element) || amidText(element)) continue;
      const { width, height } = acted(element).getBoundingClientRect();
      if (Math.min(width, height) < TARGET - 0.5) {
        said.push(`${Math.round(width)} x ${Math.round(height)}: ${called(element)}`);
      }
    }
    return said;
  }

  function channels(colour) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }

  const over = (front, back) =>
    [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);

  function ground(element) {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((back, front) => over(front, back), channels('Canvas'));
  }

  function luminance(colour) {
    const [r, g, b] = colour.map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  /** Disabled controls may be pale; a slot that cannot be booked is none: it says why. */
  function pale(least) {
    const said = [];
    for (const node of texts()) {
      const element = node.parentElement;
      if (element.closest(':disabled, .maplibregl-map')) continue;
      const back = ground(element);
      const ratio = contrast(over(channels(getComputedStyle(element).color), back), back);
      if (ratio < least) said.push(`${ratio.toFixed(2)}: ${called(element)}`);
    }
    return said;
  }

  function hit(element, x, y) {
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
    const there = document.elementFromPoint(x, y);
    return there !== null && (element.contains(there) || there.contains(element) || acted(element).contains(there));
  }

  /** Each stop of the Tab key in turn: it is in sight, nothing lies over it, it has a ring. */
  function unseenFocus() {
    const said = [];
    const before = document.activeElement;
    for (const element of document.querySelectorAll(`${ACTS}, [tabindex="0"]`)) {
      if (element.tabIndex < 0 || element.disabled || !shows(element) || element.matches('.skip')) continue;
      element.focus();
      if (document.activeElement !== element) continue;
      const box = acted(element).getBoundingClientRect();
      const [left, right] = [box.left + 4, box.right - 4];
      const [top, bottom] = [box.top + 4, box.bottom - 4];
      const points = [[left, top], [right, top], [left, bottom], [right, bottom], [(left + right) / 2, (top + bottom) / 2]];
      const seen = points.filter(([x, y]) => hit(element, x, y)).length;
      if (seen < 3) said.push(`${seen} of 5 points in sight: ${called(element)}`);
      const rings = [element, acted(element)].map((one) => getComputedStyle(one));
      if (!rings.some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)) {
        said.push(`no ring: ${called(element)}`);
      }
    }
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    return said;
  }

  const AIR = new CSSStyleSheet();
  AIR.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`);

  /** With the distances of WCAG 1.4.12 between lines, letters, words and paragraphs. */
  function spaced(look) {
    const before = [...document.adoptedStyleSheets];
    document.adoptedStyleSheets = [...before, AIR];
    try {
      return look();
    } finally {
      document.adoptedStyleSheets = before;
    }
  }

  /** In a language whose words are longer by two fifths: each grows where it stands. */
  function longer(look) {
    const kept = [...texts()].map((node) => [node, node.data]);
    const fields = [...document.querySelectorAll('[placeholder]')].map((one) => [one, one.placeholder]);
    const grown = (text) =>
      text.replace(/\p{L}{2,}/gu, (word) => word + 'äöüß'.repeat(9).slice(0, Math.ceil(word.length * 0.4)));
    for (const [node, text] of kept) node.data = grown(text);
    for (const [field, text] of fields) field.placeholder = grown(text);
    try {
      return look();
    } finally {
      for (const [node, text] of kept) node.data = text;
      for (const [field, text] of fields) field.placeholder = text;
    }
  }

  const fits = () => [...clipped(), ...sideways()];
  const marked = (mark, said) => said.map((one) => `${mark}: ${one}`);

  window.looking = {
    contrast: (one, other) => contrast(channels(one), channels(other)),
    shape: () => [
      ...marked('clipped', clipped()),
      ...marked('cut in two', cutWords()),
      ...marked('reflow', sideways()),
      ...marked('text spacing', spaced(fits)),
    ],
    longer: () => marked('two fifths longer', longer(fits)),
    targets: () => marked('target', small()),
    colours: (least) => marked('contrast', pale(least)),
    focus: () => marked('focus', unseenFocus()),
  };
})();
