/** Git over HTTP as the HTTP API sees it: it says who asks for what, and passes on what git answers. */
import type { Readable } from 'node:stream';
import type { HeadwaterError } from '@headwater/schemas/protocol';
import type { Pusher } from './gate/push-tickets.ts';

export type GitService = 'git-upload-pack' | 'git-receive-pack';

export interface GitRequest {
  readonly service: GitService;
  /** `null`: the list of refs that comes before the service itself is used. */
  readonly body: Readable | null;
  /** Headers that git itself reads. */
  readonly headers: {
    readonly contentType?: string | undefined;
    readonly contentEncoding?: string | undefined;
    readonly contentLength?: string | undefined;
    readonly gitProtocol?: string | undefined;
  };
  /** Who asks: id of the token. */
  readonly user: string;
  readonly address: string;
  /** Names a push for the gate. */
  readonly ticket?: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface GitAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends, or fails, when git does. */
  readonly body: Readable;
}

/** A repository behind the HTTP API. */
export interface GitHost {
  readonly backend: GitBackend;
  /** Why pushes are not taken now, or `null`. */
  pushRefusal(): Promise<HeadwaterError | null>;
  /** Tells the gate who pushes. @returns What names the push, and what ends it. */
  announcePush(pusher: Pusher): { readonly ticket: string; release(): void };
}

export interface GitBackend {
  /**
   * Runs git for one request. @throws HeadwaterError `HW_GIT_BUSY` when too many already wait, `HW_INTERNAL` when git did not answer,
   * `HW_REQUEST_TOO_LARGE`.
   */
  serve(request: GitRequest): Promise<GitAnswer>;
  /** Ends what runs. */
  close(): Promise<void>;
}
