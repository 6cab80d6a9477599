/* Types of the vendored modules, for `tsc --checkJs`: the addresses that browsers see, and the packages behind them. */
declare module '*/vendor/htm-preact.js' {
  export * from 'htm/preact';
}

declare module '*/vendor/uplot.js' {
  import uPlot from 'uplot';
  export default uPlot;
}

interface Window {
  readonly belfryTheme: { get(): 'auto' | 'light' | 'dark'; set(theme: 'auto' | 'light' | 'dark'): void };
}
