declare const __PAGE_SCRIPT__: string | undefined;
declare const __PAGE_STYLE__: string | undefined;

/** What the report's page brings along: src/looking/page, bundled with its library; the build fills it in. */
export const page = {
  script: typeof __PAGE_SCRIPT__ === 'string' ? __PAGE_SCRIPT__ : '',
  style: typeof __PAGE_STYLE__ === 'string' ? __PAGE_STYLE__ : '',
};
