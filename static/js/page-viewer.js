// The page beside the form: zoom, turn, contrast; glides to a place; words can be clicked and regions dragged.
// Places are {page, box: [x0, y0, x1, y1]} with fractions of the page, however it is zoomed or turned.

const GLIDE = 150; // milliseconds
const READABLE = 22; // pixels that the height of a focused box should have
const MOST = 2; // times the width of the pane: beyond it the surroundings are lost
const MARGIN = 16;
const DRAGGED = 5; // pixels from which a press is a drag
const ZOOMS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 6];
const NEAR = 0.006; // how far beside a word a click still means it, in page widths

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class PageViewer extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.stage = root.querySelector("[data-stage]");
    this.pages = [...root.querySelectorAll("[data-page]")].map((figure) => ({
      number: Number(figure.dataset.page),
      ratio: Number(figure.dataset.height) / Number(figure.dataset.width),
      width: Number(figure.dataset.width),
      height: Number(figure.dataset.height),
      url: figure.dataset.wordsUrl,
      figure,
      sheet: figure.querySelector(".sheet"),
      svg: figure.querySelector("svg"),
      words: null,
    }));
    if (!this.stage || !this.pages.length) return;
    this.zoom = 1;
    this.turned = 0;
    this.chosenZoom = false; // by the person: then gliding leaves it alone
    this.#listen();
    this.layout();
    new ResizeObserver(() => this.#resized()).observe(this.stage);
  }

  get isEmpty() {
    return !this.pages.length;
  }

  // --- size and place ---

  layout() {
    const base = Math.max(120, this.stage.clientWidth - 2 * MARGIN);
    for (const page of this.pages) {
      const upright = this.turned % 180 === 0;
      const across = base * this.zoom;
      const width = upright ? across : across / page.ratio;
      const height = width * page.ratio;
      page.figure.style.width = `${upright ? width : height}px`;
      page.figure.style.height = `${upright ? height : width}px`;
      page.sheet.style.width = `${width}px`;
      page.sheet.style.height = `${height}px`;
      page.sheet.style.transform = `translate(-50%, -50%) rotate(${this.turned}deg)`;
    }
    const shown = this.root.querySelector("[data-zoom-value]");
    if (shown) shown.textContent = `${Math.round(this.zoom * 100)} %`;
  }

  #resized() {
    const at = this.#centre();
    this.layout();
    this.#scrollTo(at);
    if (this.shown && !this.chosenZoom) this.#glide(this.shown, { slide: false });
  }

  // The middle of what is seen, as fractions of the whole scrollable picture: kept when the size changes.
  #centre() {
    const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight } = this.stage;
    return [(scrollLeft + clientWidth / 2) / scrollWidth, (scrollTop + clientHeight / 2) / scrollHeight];
  }

  #scrollTo([x, y]) {
    this.stage.scrollLeft = x * this.stage.scrollWidth - this.stage.clientWidth / 2;
    this.stage.scrollTop = y * this.stage.scrollHeight - this.stage.clientHeight / 2;
  }

  zoomBy(step) {
    const at = this.#centre();
    if (step === 0) {
      this.zoom = 1;
      this.chosenZoom = false;
    } else {
      const next = step > 0
        ? ZOOMS.find((zoom) => zoom > this.zoom + 0.01)
        : ZOOMS.findLast((zoom) => zoom < this.zoom - 0.01);
      this.zoom = next ?? this.zoom;
      this.chosenZoom = true;
    }
    this.layout();
    this.#scrollTo(at);
  }

  turn() {
    const at = this.#centre();
    this.turned = (this.turned + 90) % 360;
    this.layout();
    this.#scrollTo(at);
    if (this.shown) this.#glide(this.shown, { slide: false });
  }

  goTo(number) {
    const page = this.pages.find((each) => each.number === number);
    this.goal = { page, until: performance.now() + 2 * GLIDE };
    if (page) this.#slide(this.zoom, () => [this.stage.scrollLeft, this.#offset(page).top - MARGIN]);
  }

  step(by) {
    const top = this.stage.scrollTop + this.stage.clientHeight / 3;
    // While the last step is still gliding, the next one counts from where it leads.
    const at = this.goal && performance.now() < this.goal.until
      ? this.pages.indexOf(this.goal.page)
      : this.pages.findLastIndex((page) => this.#offset(page).top <= top);
    this.goTo(this.pages[Math.min(Math.max(at + by, 0), this.pages.length - 1)].number);
  }

  // Where a page stands in the scrolled picture.
  #offset(page) {
    const outer = this.stage.getBoundingClientRect();
    const inner = page.figure.getBoundingClientRect();
    return {
      left: inner.left - outer.left + this.stage.scrollLeft,
      top: inner.top - outer.top + this.stage.scrollTop,
      width: inner.width,
      height: inner.height,
    };
  }

  // Outline a place and bring it to the middle at a readable size; null takes the outline away.
  show(place) {
    this.shown = place;
    for (const page of this.pages) {
      const mark = page.svg.querySelector(".focus-mark");
      const here = place && place.page === page.number;
      mark.toggleAttribute("hidden", !here);
      if (here) this.#draw(mark, page, place.box, 0.004);
    }
    if (place) this.#glide(place);
  }

  #draw(rect, page, [x0, y0, x1, y1], pad = 0) {
    rect.setAttribute("x", (x0 - pad) * page.width);
    rect.setAttribute("y", y0 * page.height - pad * page.width);
    rect.setAttribute("width", Math.max(1, (x1 - x0 + 2 * pad) * page.width));
    rect.setAttribute("height", Math.max(1, (y1 - y0) * page.height + 2 * pad * page.width));
  }

  #glide(place, { slide = true } = {}) {
    const page = this.pages.find((each) => each.number === place.page);
    if (!page) return;
    const [x0, y0, x1, y1] = this.#turnedBox(place.box);
    let zoom = this.zoom;
    if (!this.chosenZoom) {
      const at1 = this.#offset(page);
      const [width1, height1] = [at1.width / this.zoom, at1.height / this.zoom];
      const wanted = READABLE / Math.max(1, (y1 - y0) * height1);
      const widest = (0.85 * this.stage.clientWidth) / Math.max(1, (x1 - x0) * width1);
      zoom = Math.min(Math.max(1, Math.min(wanted, widest)), MOST);
      // A small difference is not worth a move of the whole page.
      if (Math.abs(zoom - this.zoom) < 0.25) zoom = this.zoom;
    }
    const aim = () => {
      const { left, top, width, height } = this.#offset(page);
      return [
        left + ((x0 + x1) / 2) * width - this.stage.clientWidth / 2,
        top + ((y0 + y1) / 2) * height - this.stage.clientHeight / 2,
      ];
    };
    if (slide) this.#slide(zoom, aim);
    else this.#jump(zoom, aim);
  }

  #jump(zoom, aim) {
    if (zoom !== this.zoom) {
      this.zoom = zoom;
      this.layout();
    }
    [this.stage.scrollLeft, this.stage.scrollTop] = aim();
  }

  #slide(zoom, aim) {
    cancelAnimationFrame(this.moving);
    const from = [this.stage.scrollLeft, this.stage.scrollTop];
    if (still.matches || document.hidden) return this.#jump(zoom, aim);
    if (zoom !== this.zoom) {
      // The size changes at once and around the middle, the way there is what is animated.
      const centre = this.#centre();
      this.zoom = zoom;
      this.layout();
      this.#scrollTo(centre);
      [from[0], from[1]] = [this.stage.scrollLeft, this.stage.scrollTop];
    }
    const to = aim();
    const begun = performance.now();
    const move = (now) => {
      const part = Math.min(1, Math.max(0, (now - begun) / GLIDE));
      const eased = 1 - (1 - part) ** 3;
      this.stage.scrollLeft = from[0] + (to[0] - from[0]) * eased;
      this.stage.scrollTop = from[1] + (to[1] - from[1]) * eased;
      if (part < 1) this.moving = requestAnimationFrame(move);
    };
    this.moving = requestAnimationFrame(move);
  }

  #turnedBox([x0, y0, x1, y1]) {
    return {
      0: [x0, y0, x1, y1],
      90: [1 - y1, x0, 1 - y0, x1],
      180: [1 - x1, 1 - y1, 1 - x0, 1 - y0],
      270: [y0, 1 - x1, y1, 1 - x0],
    }[this.turned];
  }

  // --- words ---

  async #words(page) {
    page.words ??= fetch(page.url, { headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : []))
      .catch(() => []);
    return page.words;
  }

  // A point of the screen as fractions of the page, however it is turned.
  #pointOn(page, event) {
    const { left, top, width, height } = page.figure.getBoundingClientRect();
    const u = (event.clientX - left) / width;
    const v = (event.clientY - top) / height;
    return { 0: [u, v], 90: [v, 1 - u], 180: [1 - u, 1 - v], 270: [1 - v, u] }[this.turned];
  }

  #pageOf(target) {
    const figure = target.closest?.("[data-page]");
    return figure && this.pages.find((page) => page.figure === figure);
  }

  static #wordAt(words, [x, y]) {
    const inside = words.filter(([, x0, y0, x1, y1]) => x >= x0 - NEAR && x <= x1 + NEAR && y >= y0 - NEAR && y <= y1 + NEAR);
    const distance = ([, x0, y0, x1, y1]) => Math.hypot((x0 + x1) / 2 - x, (y0 + y1) / 2 - y);
    return inside.sort((one, other) => distance(one) - distance(other))[0];
  }

  #listen() {
    let press = null;
    this.stage.addEventListener("pointerdown", async (event) => {
      const page = this.#pageOf(event.target);
      if (!page || event.button !== 0 || event.pointerType === "touch") return;
      event.preventDefault(); // the field keeps the focus
      press = { page, from: this.#pointOn(page, event), x: event.clientX, y: event.clientY, dragged: false };
      this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", async (event) => {
      if (press) {
        press.dragged ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > DRAGGED;
        if (!press.dragged) return;
        const region = press.page.svg.querySelector(".region");
        region.removeAttribute("hidden");
        this.#draw(region, press.page, this.#between(press.from, this.#pointOn(press.page, event)));
        return;
      }
      const page = this.#pageOf(event.target);
      if (!page) return this.#hover(null);
      const at = this.#pointOn(page, event);
      this.#hover(page, PageViewer.#wordAt(await this.#words(page), at), event);
    });
    this.stage.addEventListener("pointerleave", () => this.#hover(null));
    this.stage.addEventListener("pointerup", async (event) => {
      if (!press) return;
      const { page, from, dragged } = press;
      press = null;
      page.svg.querySelector(".region").setAttribute("hidden", "");
      const words = await this.#words(page);
      if (!dragged) return this.#pick(page, [PageViewer.#wordAt(words, from)], event);
      const [x0, y0, x1, y1] = this.#between(from, this.#pointOn(page, event));
      this.#pick(page, words.filter(([, a, b, c, d]) => {
        const [x, y] = [(a + c) / 2, (b + d) / 2];
        return x >= x0 && x <= x1 && y >= y0 && y <= y1;
      }), event);
    });
    this.stage.addEventListener("pointercancel", () => {
      press?.page.svg.querySelector(".region").setAttribute("hidden", "");
      press = null;
    });
    // A finger scrolls; a tap picks.
    this.stage.addEventListener("click", async (event) => {
      const page = event.pointerType === "touch" && this.#pageOf(event.target);
      if (page) this.#pick(page, [PageViewer.#wordAt(await this.#words(page), this.#pointOn(page, event))], event);
    });
    this.stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
    let current = 0;
    this.stage.addEventListener("scroll", () => {
      const top = this.stage.scrollTop + this.stage.clientHeight / 3;
      const page = this.pages.findLast((each) => this.#offset(each).top <= top) ?? this.pages[0];
      if (page.number === current) return;
      current = page.number;
      for (const link of this.root.querySelectorAll("[data-goto]")) {
        const here = Number(link.dataset.goto) === current;
        if (here) {
          link.setAttribute("aria-current", "true");
          link.scrollIntoView({ block: "nearest" });
        } else link.removeAttribute("aria-current");
      }
    }, { passive: true });
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-zoom], [data-turn], [data-contrast], [data-step], [data-goto]");
      if (!button) return;
      if (button.dataset.zoom) this.zoomBy({ in: 1, out: -1, fit: 0 }[button.dataset.zoom]);
      else if (button.dataset.step) this.step(Number(button.dataset.step));
      else if ("turn" in button.dataset) this.turn();
      else if ("contrast" in button.dataset) {
        const more = this.root.classList.toggle("has-contrast");
        button.setAttribute("aria-pressed", String(more));
      } else {
        event.preventDefault();
        this.goTo(Number(button.dataset.goto));
      }
    });
  }

  #between([x0, y0], [x1, y1]) {
    const clamp = (part) => Math.min(1, Math.max(0, part));
    return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(clamp);
  }

  #hover(page, word, event) {
    for (const each of this.pages) {
      const mark = each.svg.querySelector(".hover-word");
      mark.toggleAttribute("hidden", each !== page || !word);
      if (each === page && word) this.#draw(mark, page, word.slice(1, 5), 0.001);
    }
    const box = page && event ? this.#markAt(page, this.#pointOn(page, event)) : null;
    if (box?.dataset.mark !== this.named) {
      this.named = box?.dataset.mark;
      this.dispatchEvent(new CustomEvent("hover", { detail: { field: this.named ?? null } }));
    }
    const name = this.root.querySelector("[data-mark-name]");
    name.toggleAttribute("hidden", !box);
    if (box) {
      const body = name.parentElement.getBoundingClientRect();
      const at = box.getBoundingClientRect();
      name.textContent = box.dataset.label;
      name.style.left = `${Math.max(0, Math.min(at.left - body.left, body.width - 120))}px`;
      name.style.top = `${Math.max(0, at.top - body.top - 26)}px`;
    }
  }

  #markAt(page, [x, y]) {
    return [...page.svg.querySelectorAll("[data-mark]")].find((mark) => {
      const edge = (name) => Number(mark.getAttribute(name));
      const [left, top] = [edge("x") / page.width, edge("y") / page.height];
      return x >= left && x <= left + edge("width") / page.width && y >= top && y <= top + edge("height") / page.height;
    });
  }

  #pick(page, words, event) {
    const found = words.filter(Boolean);
    if (!found.length) return;
    const ordered = [...found].sort((one, other) => one[5] - other[5] || one[1] - other[1]);
    const edges = (index, best) => best(...ordered.map((word) => word[index]));
    const box = [edges(1, Math.min), edges(2, Math.min), edges(3, Math.max), edges(4, Math.max)];
    this.dispatchEvent(new CustomEvent("pick", {
      detail: { text: ordered.map((word) => word[0]).join(" "), place: { page: page.number, box }, add: event.shiftKey },
    }));
  }
}
