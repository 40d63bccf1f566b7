// View of one product. Everything that a shop wrote goes through textContent: it is text, never markup.

const PLAYED = new Set(["video/mp4", "video/webm", "video/quicktime"]);

export const objectUrl = (sha256) => `/objects/${sha256}`;

export class ProductView {
  #root;
  #picture = 0;
  #product = null;

  constructor(root) {
    this.#root = root;
    const image = this.#find(".picture img");
    image.addEventListener("error", () => this.#say(this.#find("figcaption").dataset.failed));
    image.addEventListener("load", () => this.#say(""));
  }

  /** Show a product; null: it no longer exists. */
  show(product) {
    this.#product = product ?? { caption: null, pictures: [], videos: [] };
    this.#find(".gone").hidden = product !== null;
    const caption = this.#find(".caption bdi");
    caption.textContent = this.#product.caption ?? caption.dataset.none;
    caption.classList.toggle("muted", this.#product.caption === null);
    this.#fillThumbs();
    this.#showPicture(0);
    this.#fillFilm();
  }

  nextPicture() {
    if (this.#product?.pictures.length) this.#showPicture((this.#picture + 1) % this.#product.pictures.length);
  }

  toggleFilm() {
    const video = this.#find("video");
    if (!video.hidden && video.src) video.paused ? video.play() : video.pause();
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #say(text) {
    const note = this.#find("figcaption");
    note.textContent = text;
    note.hidden = !text;
  }

  #showPicture(place) {
    this.#picture = place;
    const picture = this.#product.pictures[place];
    const image = this.#find(".picture img");
    image.hidden = !picture;
    if (picture) {
      this.#say("");
      image.src = objectUrl(picture.sha256);
    } else {
      image.removeAttribute("src");
      this.#say(this.#find("figcaption").dataset.none);
    }
    for (const [n, thumb] of [...this.#find(".thumbs").children].entries()) thumb.setAttribute("aria-pressed", n === place);
  }

  #fillThumbs() {
    const row = this.#find(".thumbs");
    const pictures = this.#product.pictures.length > 1 ? this.#product.pictures : [];
    row.replaceChildren(...pictures.map((picture, place) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      image.src = objectUrl(picture.sha256);
      image.alt = `${place + 1}`;
      button.type = "button";
      button.title = row.dataset.title;
      button.append(image);
      button.addEventListener("click", () => this.#showPicture(place));
      return button;
    }));
  }

  #fillFilm() {
    const film = this.#product.videos[0];
    const video = this.#find("video");
    const note = this.#find(".film .tag");
    video.pause();
    video.removeAttribute("src");
    this.#find(".film").hidden = !film;
    if (!film) return;
    const played = PLAYED.has(film.mime);
    video.hidden = !played;
    note.textContent = played ? (film.sound ? note.dataset.sound : note.dataset.silent) : note.dataset.unplayable;
    if (played) video.src = objectUrl(film.sha256);
  }
}

/** Preload the main images of the next products. */
export function preload(products) {
  return products.filter((product) => product?.pictures.length).map((product) => {
    const image = new Image();
    image.src = objectUrl(product.pictures[0].sha256);
    return image;
  });
}
