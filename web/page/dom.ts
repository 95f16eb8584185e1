/** Elements of the page, made and found. */

type Child = Node | string | undefined;

/** An element of the document that index.html has. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** A new element; text is text, never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** A term and what it is, for a `dl`. */
export function pair(term: string, value: Child, title?: string): HTMLElement {
  const dd = make('dd', '', value);
  if (title !== undefined) dd.title = title;
  return make('div', '', make('dt', '', term), dd);
}

export function button(text: string, className: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', className, text);
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}
