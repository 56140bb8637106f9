/** The options of `setup`, as typed. */
export interface Wishes {
  readonly name?: string;
  readonly source?: string;
  readonly port?: string;
  readonly replica?: string;
  readonly passwordFile?: string;
  readonly mailTo?: string;
  readonly hostKey?: string;
  readonly yes?: boolean;
}
