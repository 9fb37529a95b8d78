// What of hls.js the page uses, for the type checker.
declare const Hls: any;
export default Hls;
export const Events: Record<string, string>;
export const ErrorTypes: Record<string, string>;
