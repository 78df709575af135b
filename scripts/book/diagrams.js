// Draws the blocks of code whose language is mermaid, in the colours of the book's theme.
'use strict';

(() => {
  const blocks = [...document.querySelectorAll('code.language-mermaid')];
  if (blocks.length === 0) {
    return;
  }
  const dark = ['ayu', 'coal', 'navy'].some((theme) => document.documentElement.classList.contains(theme));
  const figures = blocks.map((block) => {
    const figure = document.createElement('pre');
    figure.className = 'mermaid';
    figure.textContent = block.textContent;
    return [block.closest('pre'), figure];
  });
  // It is 2.5 MB, so only pages with a diagram load it. Without it the text stays, which can be read too.
  const script = document.createElement('script');
  script.src = `${path_to_root}mermaid.tiny.js`;
  script.addEventListener('load', () => {
    figures.forEach(([block, figure]) => block.replaceWith(figure));
    mermaid.initialize({ startOnLoad: false, theme: dark ? 'dark' : 'default' });
    mermaid.run({ nodes: figures.map(([, figure]) => figure) });
  });
  document.head.append(script);
})();
