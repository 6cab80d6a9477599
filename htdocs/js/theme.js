/*
 * The theme, before the first paint: a classic script in the head, so that a page never flashes in the wrong colours.
 * "auto" follows the system; a choice is kept in localStorage and shared by all pages of this origin.
 */
(() => {
  const KEY = 'belfry-theme';
  const root = document.documentElement;

  const stored = () => {
    try {
      const value = localStorage.getItem(KEY);
      return value === 'light' || value === 'dark' ? value : 'auto';
    } catch {
      return 'auto'; // storage may be forbidden
    }
  };

  /** @param {string} theme */
  const apply = (theme) => {
    if (theme === 'auto') delete root.dataset.theme;
    else root.dataset.theme = theme;
    root.dispatchEvent(new CustomEvent('themechange'));
  };

  apply(stored());
  addEventListener('storage', (event) => event.key === KEY && apply(stored()));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => apply(stored()));

  Object.defineProperty(window, 'belfryTheme', {
    value: {
      get: stored,
      /** @param {string} theme */
      set(theme) {
        try {
          if (theme === 'auto') localStorage.removeItem(KEY);
          else localStorage.setItem(KEY, theme);
        } catch {
          // The choice then holds for this page only.
        }
        apply(theme);
      },
    },
  });
})();
