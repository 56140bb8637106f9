/** HTML read as a browser reads it. */
import { parse, type DefaultTreeAdapterTypes as Tree } from 'parse5';

export type Element = Tree.Element;

/** All elements of a page, in their order. */
export function elementsOf(page: string): Element[] {
  const found: Element[] = [];
  const walk = (node: Tree.Node): void => {
    if ('tagName' in node) found.push(node);
    if ('childNodes' in node) node.childNodes.forEach(walk);
  };
  walk(parse(page));
  return found;
}

/** An attribute; undefined where there is none. */
export function attribute(element: Element | undefined, name: string): string | undefined {
  return element?.attrs.find((each) => each.name === name)?.value;
}

/** All text in an element. */
export function textOf(element: Tree.Node | undefined): string {
  if (element === undefined) return '';
  if ('value' in element) return element.value;
  return 'childNodes' in element ? element.childNodes.map(textOf).join('') : '';
}
